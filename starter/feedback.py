"""The rules that turn graded sources into lists of search feedback.

No person used the search. A stand-in engine orders the sources, and a stand-in user picks. Every
draw is seeded by the question, so the same corpus and grades give the same lists.

What the grades mean (data/README.md says who graded, and how):

    3  answers the question as asked: its measure, people, place and period, observed data
    2  answers a part: older, coarser, second-hand, or one side of a comparison
    1  the same subject, but another place, period or measure, a method or a comment
    0  everything else, however many words it shares with the question

Engine: BM25 over title and snippet for the question and the earlier questions of its session, in
standard deviations of the list, plus Gaussian noise. It knows no grade.

Users of two kinds; a record does not say which one it had:

- A judge (two lists in three) reads every source and picks up to three of grade 2 or 3, the best
  grade first, then as shown.
- A browser (one in three) reads from the top and examines rank r with probability r ** -ETA. It
  clicks an examined source with a probability that depends on its grade, three times at most. A
  session without a click leaves no record, so it is drawn again. Source: the position-based model,
  Craswell et al. 2008; the power of the rank, Joachims et al. 2017.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from findtune.core.text import hash_fraction

SEED = 11
BROWSER_SHARE = 1 / 3
ETA = 0.8
CLICK_PROBABILITY = {3: 0.95, 2: 0.75, 1: 0.08, 0: 0.0}
NOISE = 1.0
MAX_PICKS = 3

Array = np.ndarray


def generator(question: str, purpose: str) -> np.random.Generator:
    """Return a random generator that depends on the seed, the question and the purpose alone."""
    digest = hashlib.sha256(f"{SEED} {purpose} {question}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def order_shown(question: str, urls: Sequence[str], scores: Mapping[str, float]) -> list[str]:
    """Return the URLs in the order in which the stand-in engine shows them.

    scores: the BM25 score of each URL. The order of `urls` does not matter.
    """
    listed = sorted(urls)
    values = np.array([scores[url] for url in listed], dtype=float)
    spread = values.std() or 1.0
    noisy = values / spread + NOISE * generator(question, "order").normal(size=len(listed))
    return [listed[row] for row in np.argsort(-noisy, kind="stable")]


def is_browser(question: str) -> bool:
    """Return whether the user of a question is a browser, whose picks have position bias."""
    return hash_fraction(f"{SEED} user {question}") < BROWSER_SHARE


def pick(question: str, shown: Sequence[str], grades: Mapping[str, int]) -> list[str]:
    """Return the picked URLs in the order of picking; a URL that is missing in grades has grade 0.

    Raises ValueError if no shown source has grade 2 or 3.
    """
    if max((grades.get(url, 0) for url in shown), default=0) < 2:
        raise ValueError(f"{question!r} shows no source of grade 2 or 3")
    return browse(question, shown, grades) if is_browser(question) else judge(shown, grades)


def judge(shown: Sequence[str], grades: Mapping[str, int]) -> list[str]:
    """Return up to three sources of grade 2 or 3, the best grade first, then as shown."""
    good = [url for url in shown if grades.get(url, 0) >= 2]
    return sorted(good, key=lambda url: -grades[url])[:MAX_PICKS]


def browse(question: str, shown: Sequence[str], grades: Mapping[str, int]) -> list[str]:
    """Return the sources that a browser clicks, from the top; if none, clicks are drawn again."""
    random = generator(question, "clicks")
    examination = np.arange(1, len(shown) + 1) ** -ETA
    attraction = np.array([CLICK_PROBABILITY[grades.get(url, 0)] for url in shown])
    while True:
        clicked = random.random(len(shown)) < examination * attraction
        if clicked.any():
            return [url for url, click in zip(shown, clicked, strict=True) if click][:MAX_PICKS]
