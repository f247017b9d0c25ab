"""The languages of questions, by py3langid (Lui & Baldwin, ACL 2012).

A few words often belong to more than one language, so a short question gets no language. In scripts
without spaces, letters are counted instead of words.
"""

from collections import Counter
from collections.abc import Iterable

import py3langid

from findtune.core.text import CLUSTER, UNSPACED, words

MIN_WORDS = 5  # the language of fewer words is a guess
LETTERS_PER_WORD = 2  # or more, in scripts without spaces
SHORT = "short"


def language_of(question: str) -> str:
    """Return an ISO 639-1 code, or "short" where there are too few words to tell."""
    if length_in_words(question) < MIN_WORDS:
        return SHORT
    code, _ = py3langid.classify(question)
    return str(code)


def length_in_words(text: str) -> float:
    """Return about how many words a text has, even in scripts without spaces."""
    return sum(
        max(len(CLUSTER.findall(word)) / LETTERS_PER_WORD, 1) if UNSPACED.match(word) else 1
        for word in words(text)
    )


def count_languages(texts: Iterable[str]) -> Counter[str]:
    """Return how many texts are in each language, and how many are short."""
    return Counter(map(language_of, texts))


def language_shares(questions: Iterable[str]) -> dict[str, float]:
    """Return language -> share of the questions that are long enough, the most frequent first."""
    counts = count_languages(questions)
    del counts[SHORT]
    total = counts.total()
    return {code: count / total for code, count in counts.most_common()}
