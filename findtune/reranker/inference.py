"""(question, source) -> score, and how good the rankings are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from findtune import measures, significance
from findtune.bm25 import Index
from findtune.files import read_json
from findtune.records import Record, read_kind
from findtune.reranker import model as rankers

Say = Callable[[str], None]
Array = np.ndarray
Scores = list[Array]
FREE = ("shown", "bm25", "bi_encoder")  # rankings that cost no training
BINS = 10  # of relevance, in the calibration error
SHORT = 6  # words of a question that is called short


@dataclass(frozen=True)
class HeldOut:
    """The held-out lists."""

    lists: list[Record]

    @property
    def picked(self) -> Scores:
        """Return 1 for each picked source of each list, else 0."""
        return [rankers.picked(it) for it in self.lists]

    @property
    def judged(self) -> Scores:
        """Return the grade of each source of each list; 0 where nobody judged."""
        return [
            np.array([it.get("judged", {}).get(source["url"], 0) for source in it["sources"]])
            for it in self.lists
        ]


def read_held_out(pairs: Path) -> HeldOut:
    """Return the held-out lists in a folder of pairs."""
    return HeldOut(read_kind(pairs / "test.jsonl", "list"))


@dataclass(frozen=True)
class Judged:
    """The scores of each ranking, name -> list -> (sources,), and the tuned ranker's relevance."""

    scores: dict[str, Scores]
    relevance: Scores


def judge(
    bases: Mapping[str, Path], tuned: Path, test: HeldOut, say: Say = lambda _: None
) -> Judged:
    """Return what the tuned ranker, its base and the free rankings do on the held-out lists.

    bases: the folder of each room's base model; a ranker that was distilled first has its own
    beside it. `signals` are the retriever's, with weights fitted to train's picks.
    """
    say(f"the tuned ranker reads {len(test.lists)} lists")
    ranker = rankers.load(tuned)
    near = rankers.signals(ranker.retriever, test.lists, ranker.weights.sharpness)
    read = rankers.logits(ranker.cross_encoder, test.lists)
    scores = rankers.blended(read, near, ranker.weights)
    distilled = tuned / "base"
    say("the base reads them")
    alone = rankers.Weights(**read_json(tuned / "signals.json"))
    first = distilled if distilled.exists() else bases["reranker"]
    before = rankers.cross_encoder(first, ranker.weights.max_length, seed=0)
    found = {
        "shown": [-np.arange(len(it["sources"]), dtype=float) for it in test.lists],
        "bm25": by_words(test.lists),
        "bi_encoder": [signal[:, 0] for signal in near],
        "signals": rankers.blended([np.zeros(len(it)) for it in near], near, alone),
        "base": rankers.logits(before, test.lists),
        "tuned": scores,
    }
    return Judged(found, [ranker.relevance(one) for one in scores])


def by_words(lists: Sequence[Record]) -> Scores:
    """Return the BM25 score of each source of each list, among the sources of all lists."""
    texts = sorted({text for it in lists for text in rankers.texts_of(it)})
    index, places = Index(texts), {text: at for at, text in enumerate(texts)}
    return [
        index.scores(it["query"])[[places[text] for text in rankers.texts_of(it)]] for it in lists
    ]


def metrics(judged: Judged, test: HeldOut, facts: Mapping[str, Any], seed: int) -> Record:
    """Return the measures of every ranking, the differences, and the verdict.

    The verdict is on the picks, against the best ranking that was there before tuning: a reranker
    that a search in words beats is no win. `delta_signals` tells what the cross-encoder adds to the
    retriever's signals, which learned from the same picks. `judged_*` are on people's grades.
    """
    by_list = {name: measures.per_list(its, test.picked) for name, its in judged.scores.items()}
    found: Record = {name: means(its) for name, its in by_list.items()}
    ndcg = {name: its["ndcg@10"] for name, its in by_list.items()}
    best = max((*FREE, "base"), key=lambda name: ndcg[name].mean())
    delta = significance.compare(ndcg["base"], ndcg["tuned"], "ndcg@10", seed)
    against = significance.compare(ndcg[best], ndcg["tuned"], "ndcg@10", seed)
    beside = significance.compare(ndcg["signals"], ndcg["tuned"], "ndcg@10", seed)
    found |= {
        "delta": delta,
        "delta_best": {**against, "against": best},
        "delta_signals": {**beside, "against": "signals"},
        "interpolation": facts["interpolation"],
        "share": facts["share of the cross-encoder"],
        "queries": len(test.lists),
        "verdict": significance.verdict(against),
        "relevance": reliability(judged.relevance, test.picked),
    }
    if any(grades.any() for grades in test.judged):
        found |= of_judgments(judged, test, best, seed)
    of_parts = significance.slices(parts(test), ndcg[best], ndcg["tuned"], "ndcg@10", seed)
    return found | {name: {**its, "against": best} for name, its in of_parts.items()}


def of_judgments(judged: Judged, test: HeldOut, best: str, seed: int) -> Record:
    """Return the measures on the graded judgments, of the lists that have any."""
    graded = [at for at, grades in enumerate(test.judged) if grades.any()]
    grades = [test.judged[at] for at in graded]
    by_list = {
        name: measures.per_list([its[at] for at in graded], grades)
        for name, its in judged.scores.items()
    }
    found: Record = {f"judged_{name}": means(its) for name, its in by_list.items()}
    before, after = (by_list[name]["ndcg@10"] for name in (best, "tuned"))
    told = significance.compare(before, after, "ndcg@10", seed)
    found |= {"judged_delta": {**told, "against": best}, "judged_queries": len(graded)}
    return found


def means(by_list: Mapping[str, Array]) -> dict[str, float]:
    return {name: float(values.mean()) for name, values in by_list.items()}


def parts(test: HeldOut) -> dict[str, Array]:
    """Return the lists with short and long questions, and those whose picks train had seen."""
    short = np.array([len(it["query"].split()) <= SHORT for it in test.lists])
    seen = np.array([picks_seen(it) for it in test.lists])
    return {"short": short, "long": ~short, "seen": seen, "unseen": ~seen}


def picks_seen(it: Record) -> bool:
    """Return whether any picked source was shown in train, for another question."""
    return any(source["seen"] for source in it["sources"] if source["url"] in it["picks"])


def reliability(relevance: Scores, picked: Scores) -> dict[str, float]:
    """Return how far relevance is from the share that was picked.

    calibration_error: the mean distance over bins of relevance (Naeini et al., AAAI 2015);
    brier: the mean squared distance, 0 is best.
    """
    told, wanted = np.concatenate(relevance), np.concatenate(picked)
    bins = np.minimum((told * BINS).astype(int), BINS - 1)
    error = sum(
        abs(told[bins == at].mean() - wanted[bins == at].mean()) * (bins == at).mean()
        for at in np.unique(bins)
    )
    return {"calibration_error": float(error), "brier": float(((told - wanted) ** 2).mean())}


def details(judged: Judged, test: HeldOut) -> dict[str, tuple[list[str], list[list[Any]]]]:
    """Return the values behind the metrics: name -> header and rows.

    queries: every measure of every list, numbered as in test.jsonl; pairs: of each question and
    source whether it was picked, and the relevance.
    """
    by_list = {name: measures.per_list(its, test.picked) for name, its in judged.scores.items()}
    header = [f"{which}_{name}" for name in measures.LIST_MEASURES for which in by_list]
    columns = [its[name] for name in measures.LIST_MEASURES for its in by_list.values()]
    rows = [[at, *row] for at, row in enumerate(zip(*columns, strict=True))]
    pairs = zip(np.concatenate(test.picked), np.concatenate(judged.relevance), strict=True)
    return {
        "queries": (["query", *header], rows),
        "pairs": (["label", "relevance"], [list(pair) for pair in pairs]),
    }
