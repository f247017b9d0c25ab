"""question -> search queries, and what searching for them finds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from findtune import measures, significance
from findtune.encoders import load as load_encoder
from findtune.entities import entities, keeps
from findtune.files import read_json
from findtune.records import Record, read_kind
from findtune.rewriter.model import (
    Rewriter,
    Settings,
    copies,
    find,
    fit_to_search,
    graded,
    load,
    loops,
    read,
)
from findtune.search import ByVectors, ByWords, Pool, read_pool

Say = Callable[[str], None]
Array = np.ndarray
By = dict[str, dict[str, Array]]  # ranking -> measure -> (questions,)
DRAWS = (0, 1, 2)  # seeds of evaluation's draws, over which every measure is the mean
MOST_COPIED = 0.8  # share of drawn rewrites that repeat the question, from which it has collapsed
MOST_LOOPED = 0.5  # the same for loops


@dataclass(frozen=True)
class HeldOut:
    """The held-out questions, and the sources that are searched."""

    asked: list[Record]
    pool: Pool

    def first(self, number: int) -> "HeldOut":
        """Return the first questions, over the same sources."""
        return HeldOut(self.asked[:number], self.pool)

    @property
    def questions(self) -> list[str]:
        return [it["query"] for it in self.asked]

    @property
    def picks(self) -> list[list[str]]:
        return [it["picks"] for it in self.asked]

    @property
    def judged(self) -> list[list[str]]:
        return [graded(it) for it in self.asked]


def read_held_out(pairs: Path) -> HeldOut:
    """Return the held-out questions in a folder of pairs, and its pool."""
    asked = [it for it in read_kind(pairs / "test.jsonl", "question") if it["picks"]]
    return HeldOut(asked, read_pool(pairs / "pool.jsonl"))


@dataclass(frozen=True)
class Written:
    """What one rewriter wrote for each question at one draw.

    drawn: all of it; used: what is searched; single: recall@10 of each of those by itself.
    """

    drawn: list[list[str]]
    used: list[list[str]]
    single: list[list[float]]


@dataclass(frozen=True)
class Judged:
    """What was written at each draw, and the measures of each way to search, means over draws.

    words, vectors, graded: by BM25, by the embedder's base, and by BM25 on people's grades.
    """

    written: dict[str, list[Written]]
    words: By
    vectors: By
    graded: By
    names: frozenset[str]


def judge(
    bases: Mapping[str, Path],
    tuned: Path,
    test: HeldOut,
    say: Say = lambda _: None,
    *,
    draws: Sequence[int] = DRAWS,
    vectors: bool = True,
) -> Judged:
    """Return what the tuned rewriter and its base find beside the question alone.

    bases: the folder of each room's base model. The base is used as the tuned one is: in its
    precision, with as many rewrites, fused alike. Without `vectors` the embedder is not asked.
    """
    rewriter = load(tuned)
    base = read(bases["rewriter"], rewriter.settings, rewriter.names, rewriter.model.dtype)
    by_words = ByWords(test.pool)
    written: dict[str, list[Written]] = {"base": [], "tuned": []}
    models = {"base": base, "tuned": rewriter}
    for (name, it), (at, seed) in product(models.items(), enumerate(draws, start=1)):
        say(f"{name}: rewriting {len(test.asked)} questions, draw {at} of {len(draws)}")
        written[name].append(wrote(it, test, by_words, seed))
    hows = ways(tuned, rewriter.settings)
    nothing: list[list[str]] = [[] for _ in test.asked]
    used = {
        name: [one.used for one in written[name]] if name in written else [nothing] for name in hows
    }
    by_vectors: By = {}
    if vectors:
        say("searching by vectors")
        search = ByVectors(test.pool, load_encoder(bases["embedder"]))
        by_vectors = searched(search, used, test.questions, test.picks, hows)
    return Judged(
        written=written,
        words=searched(by_words, used, test.questions, test.picks, hows),
        vectors=by_vectors,
        graded=searched(by_words, used, test.questions, test.judged, hows),
        names=rewriter.names,
    )


def wrote(rewriter: Rewriter, test: HeldOut, search: ByWords, seed: int) -> Written:
    """Return what a rewriter writes for the held-out questions at one draw."""
    drawn = rewriter.candidates(test.questions, seed)
    used = [
        fit_to_search(question, its, rewriter.names)[: rewriter.settings.rewrites]
        for question, its in zip(test.questions, drawn, strict=True)
    ]
    return Written(drawn, used, alone(search, used, test.picks))


def ways(tuned: Path, settings: Settings) -> dict[str, Settings]:
    """Return the ways to search that are compared: each one's settings.

    They are the question alone, with the titles that it finds as dev liked them best, and with the
    rewrites of base and tuned.
    """
    found = {"original": settings.model_copy(update={"rewrites": 0, "titles": 0})}
    free = tuned / "titles.json"
    if free.exists():
        found["titles"] = Settings(**read_json(free))
    return found | {"base": settings, "tuned": settings}


def searched(
    search: ByWords | ByVectors,
    used: Mapping[str, Sequence[Sequence[list[str]]]],
    questions: Sequence[str],
    relevant: Sequence[list[str]],
    hows: Mapping[str, Settings],
) -> By:
    """Return the measures of each way to search, of the questions that have an answer.

    used: of each way and each draw the rewrites of every question; hows: how each way uses them.
    A measure is the mean over the draws.
    """
    found = {}
    asked = [at for at, its in enumerate(relevant) if its]
    for name, draws in used.items():
        of_draws = []
        for its in draws:
            rankings = [find(search, questions[at], its[at], hows[name]) for at in asked]
            of_draws.append(measures.of_rankings(rankings, [relevant[at] for at in asked]))
        found[name] = {
            measure: np.mean([one[measure] for one in of_draws], axis=0) for measure in of_draws[0]
        }
    return found


def alone(
    search: ByWords, used: Sequence[list[str]], picks: Sequence[list[str]]
) -> list[list[float]]:
    """Return recall@10 of each used rewrite, searched for by itself."""
    return [
        measures.of_rankings(search.found(its), [wanted] * len(its))["recall@10"].tolist()
        for its, wanted in zip(used, picks, strict=True)
    ]


def metrics(judged: Judged, test: HeldOut, facts: Mapping[str, Any], seed: int) -> Record:
    """Return the measures of every way to search, the habits, the differences, and the verdict.

    The verdict is against the best of what was there without tuning: the question alone, with the
    titles that it finds, and with the base's rewrites. A tuned one that copies or loops has
    collapsed: a REGRESSION, whatever it finds.
    """
    found: Record = {name: means(its) for name, its in judged.words.items()}
    told = {name: habits(it, test, judged.names) for name, it in judged.written.items()}
    for name, its in told.items():
        found[name] |= its
    recall = {name: its["recall@10"] for name, its in judged.words.items()}
    others = [name for name in recall if name != "tuned"]
    best = max(others, key=lambda name: recall[name].mean())
    against = {name: difference(judged.words, name, seed) for name in others}
    found |= {"delta": against["base"], "delta_best": against[best]}
    found |= {f"delta_{name}": against[name] for name in others if name not in ("base", best)}
    ours = told["tuned"]
    bad = ours["exact_copy"] >= MOST_COPIED or ours["repeat"] >= MOST_LOOPED
    collapsed = bad and facts["interpolation"] > 0  # else what is kept is the base
    found |= {
        "interpolation": facts["interpolation"],
        "rewrites": facts["rewrites"],
        "titles_searched": facts["titles"],
        "queries": len(test.asked),
        "verdict": "REGRESSION" if collapsed else significance.verdict(against[best]),
    }
    for prefix, by in (("vectors", judged.vectors), ("judged", judged.graded)):
        if len(by["original"]["recall@10"]):
            found |= {f"{prefix}_{name}": means(its) for name, its in by.items()}
            found[f"{prefix}_delta"] = difference(by, "original", seed)
            found[f"{prefix}_queries"] = len(by["original"]["recall@10"])
    seen = np.array([bool(it["seen"]) for it in test.asked])  # train learned from a pick of it
    parts = {"seen": seen, "unseen": ~seen}
    of_parts = significance.slices(parts, recall[best], recall["tuned"], "recall@10", seed)
    return found | {name: {**its, "against": best} for name, its in of_parts.items()}


def difference(by: By, name: str, seed: int) -> Record:
    """Return how far the tuned rewriter is from another way to search, and how sure that is."""
    one, two = by[name]["recall@10"], by["tuned"]["recall@10"]
    return {**significance.compare(one, two, "recall@10", seed), "against": name}


def means(by_measure: Mapping[str, Array]) -> dict[str, float]:
    return {name: float(values.mean()) for name, values in by_measure.items()}


def habits(written: Sequence[Written], test: HeldOut, names: frozenset[str]) -> dict[str, float]:
    """Return how a rewriter writes, over all draws.

    Of all that was drawn: exact_copy (the question again), repeat (loops), drawn_kept (keeps the
    question's numbers, years and names). Of what is searched: entity_kept, length_ratio (words for
    each of the question's), and how many there are a question.
    """
    drawn = [one for it in written for one in pairs(test.questions, it.drawn)]
    used = [one for it in written for one in pairs(test.questions, it.used)]
    return {
        "exact_copy": share(copies(*one) for one in drawn),
        "repeat": share(loops(*one) for one in drawn),
        "drawn_kept": share(keeps(rewrite, entities(it, names), names) for it, rewrite in drawn),
        "entity_kept": share((keeps(it, entities(asked, names), names) for asked, it in used), 1.0),
        "length_ratio": share((ratio(*one) for one in used), 1.0),
        "rewrites": len(used) / len(test.asked) / len(written),
    }


def pairs(questions: Sequence[str], written: Sequence[list[str]]) -> list[tuple[str, str]]:
    """Return every question with each of its rewrites."""
    return [(it, one) for it, its in zip(questions, written, strict=True) for one in its]


def share(values: Iterable[float], of_none: float = 0.0) -> float:
    """Return the mean of some values, or of none what is told."""
    found = list(values)
    return float(np.mean(found)) if found else of_none


def ratio(question: str, rewrite: str) -> float:
    return len(rewrite.split()) / max(1, len(question.split()))


def details(judged: Judged, test: HeldOut) -> dict[str, tuple[list[str], list[list[Any]]]]:
    """Return the values behind the metrics: name -> header and rows. No text is in them.

    queries: every measure of every question, numbered among those asked; pairs: of each rewrite
    that is searched whose it is, its draw and place, what it finds alone, and how long it is.
    """
    kinds = (("", judged.words), ("vectors_", judged.vectors))
    columns = {
        f"{prefix}{name}_{measure}": values
        for prefix, by in kinds
        for name, its in by.items()
        for measure, values in its.items()
    }
    rows = [[at, *row] for at, row in enumerate(zip(*columns.values(), strict=True))]
    each = [
        [at, name, draw, place, found, ratio(test.questions[at], rewrite)]
        for name, draws in judged.written.items()
        for draw, it in enumerate(draws)
        for at, (its, finds) in enumerate(zip(it.used, it.single, strict=True))
        for place, (rewrite, found) in enumerate(zip(its, finds, strict=True))
    ]
    header = ["query", "model", "draw", "place", "recall@10", "length_ratio"]
    return {"queries": (["query", *columns], rows), "pairs": (header, each)}
