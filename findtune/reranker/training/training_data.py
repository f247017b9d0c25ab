"""The lists of a folder of examples, the retriever tuned on them, and its features."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from datasets import Dataset
from sentence_transformers import SentenceTransformer

from findtune.core.records import Record, read_kind
from findtune.reranker.model.blending import blend_features
from findtune.reranker.model.examination import Examination, corrected
from findtune.reranker.model.ranked_lists import gains_of, without_random_negatives
from findtune.reranker.model.retriever_features import (
    UNTUNED_FEATURES,
    base_vectors,
    features_by_vectors,
    join_features,
    retriever_features,
)
from findtune.reranker.training.candidates import (
    DocumentSearch,
    asked_queries,
    candidate_lists,
    rank_candidates,
)
from findtune.reranker.training.cross_fitting import Fit, out_of_fold_features
from findtune.reranker.training.feature_weights import DECISIVE, FUSED, Ranking, select_ranking
from findtune.reranker.training.list_dataset import sample_lists
from findtune.reranker.training.list_losses import LossName, pick_labels
from findtune.reranker.training.position_bias import describe, estimate_examination
from findtune.reranker.training.recipe import Recipe
from findtune.reranker.training.retriever_training import fit_retriever, load_retriever
from findtune.training import ranks
from findtune.training.checkpoints import NO_CHECKPOINTS, Checkpoints

Say = Callable[[str], None]
Array = np.ndarray
T = TypeVar("T")

# Kinds of list: those of train and of dev, and what a search finds for each.
KNOWN, CANDIDATES = ("list", "dev"), ("candidate", "dev_candidate")


@dataclass(frozen=True)
class TrainingData:
    """Lists and features by group, the retrievers, and the rankings by features, best first.

    Groups: `list` and `title` of train, `dev`, and `candidate` and `dev_candidate`, which a search
    found for train and dev. Features of a list come from a retriever that did not learn from it.
    retriever: learned train and dev; train_retriever: train alone. rankings: of lists;
    search_rankings: of candidates. examination: the position bias of train and dev.
    """

    lists: dict[str, list[Record]]
    features: dict[str, list[Array]]
    retriever: SentenceTransformer
    train_retriever: SentenceTransformer
    base_retriever: SentenceTransformer
    rankings: list[Ranking]
    search_rankings: list[Ranking]
    examination: Examination

    def distillation_dataset(self, documents: int, seed: int) -> Dataset:
        """Return train's lists and title lists, with the fused scores as targets.

        documents: of each list, at most.
        """
        features = self.features["list"] + self.features["title"]
        [fused] = [ranking.weights for ranking in self.rankings if ranking.name == FUSED]
        targets = blend_features(features, fused)
        return sample_lists(self.lists["list"] + self.lists["title"], targets, documents, seed)

    def tuning_dataset(self, loss: LossName, documents: int, seed: int) -> Dataset:
        """Return train's lists, with the picks' corrected gains as labels for a loss.

        documents: of each list, at most.
        """
        lists, eta = self.lists["list"], self.examination.eta
        gains = [corrected(gains_of(ranked_list), ranked_list, eta) for ranked_list in lists]
        labels = [pick_labels(list_gains, loss) for list_gains in gains]
        return sample_lists(lists, labels, documents, seed)


def read_training_data(
    examples: Path,
    folder: Path,
    recipe: Recipe,
    settings: Mapping[str, Any],
    say: Say,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
) -> TrainingData:
    """Return the training data in a folder of examples.

    folder: the retriever's base; settings: the trainer settings that all rooms share.
    """
    lists = {kind: read_kind(examples / "train.jsonl", kind) for kind in ("list", "title")}
    lists["dev"] = read_kind(examples / "dev.jsonl", "list")

    base = load_retriever(folder, recipe.retriever)
    untuned = ranks.on_first(describe_untuned, base, lists, recipe)
    examination = untuned.examination
    say(describe(examination))
    numbers = count(1)  # name the retrievers' checkpoints, so their order must not change

    def fit(chosen: Sequence[Record]) -> SentenceTransformer:
        say(f"tuning the retriever on {len(chosen)} lists")
        phase = checkpoints.phase(f"retriever-{next(numbers)}")
        return fit_retriever(folder, chosen, recipe.retriever, settings, examination.eta, phase)

    lists |= untuned.candidates
    features, train_retriever = cross_fitted_features(lists, untuned, fit, recipe)
    rankings, search_rankings = rank_all(lists, features, recipe, examination.eta)
    report_rankings(rankings, "lists", say)
    report_rankings(search_rankings, "lists of candidates", say)
    retriever = fit(without_random_negatives(of_kinds(lists, KNOWN)))
    # by the one that has not learned dev, where the cross-encoder that learns these is judged
    of_titles = partial(retriever_features, train_retriever, base, lists["title"])
    features["title"] = ranks.on_first(of_titles, recipe.temperature)
    retrievers = retriever, train_retriever, base
    return TrainingData(lists, features, *retrievers, rankings, search_rankings, examination)


def cross_fitted_features(
    lists: Mapping[str, Sequence[Record]], untuned: "Untuned", fit: Fit, recipe: Recipe
) -> tuple[dict[str, list[Array]], SentenceTransformer]:
    """Return kind -> the features of its lists, by retrievers that did not learn from them.

    Also return a retriever that has learned exactly train.
    """
    kinds = (*KNOWN, *CANDIDATES)
    tuned, train_retriever = out_of_fold_features(
        lists["list"],
        lists["dev"],
        fit,
        scored=of_kinds(lists, kinds),
        folds=recipe.retriever.folds,
        temperature=recipe.temperature,
    )
    remaining = iter(join_features(tuned, untuned.features))
    return {kind: [*islice(remaining, len(lists[kind]))] for kind in kinds}, train_retriever


def rank_all(
    lists: Mapping[str, Sequence[Record]],
    features: Mapping[str, Sequence[Array]],
    recipe: Recipe,
    eta: float,
) -> tuple[list[Ranking], list[Ranking]]:
    """Return the rankings of lists and those of candidates, best first."""
    known, found = (
        (of_kinds(lists, kinds), of_kinds(features, kinds)) for kinds in (KNOWN, CANDIDATES)
    )
    return (
        ranks.on_first(rank_shown, *known, recipe, eta),
        ranks.on_first(rank_candidates, *found, recipe),
    )


def of_kinds(rows: Mapping[str, Sequence[T]], kinds: Sequence[str]) -> list[T]:
    """Return the rows of some kinds."""
    return [row for kind in kinds for row in rows[kind]]


class Untuned(NamedTuple):
    """What is known of the lists before a retriever is tuned.

    examination: the position bias. candidates: the lists that a search finds for train, and for
    dev. features: the UNTUNED_FEATURES of train, dev and the candidates.
    """

    examination: Examination
    candidates: dict[str, list[Record]]
    features: list[Array]


def describe_untuned(
    base: SentenceTransformer, lists: Mapping[str, list[Record]], recipe: Recipe
) -> Untuned:
    """Return what the untuned retriever shows of train and dev."""
    known = of_kinds(lists, KNOWN)
    vectors = base_vectors(base, known)
    features = features_by_vectors(vectors, known)
    examination = examine(known, features)
    eta = examination.eta
    asked = {
        name: asked_queries(lists[kind], eta) for name, kind in zip(CANDIDATES, KNOWN, strict=True)
    }
    queries = {row.query for row in of_kinds(asked, CANDIDATES)}
    search = DocumentSearch([row for row in known if row["query"] in queries], vectors)
    candidates = {
        name: candidate_lists(rows, search, recipe.candidates) for name, rows in asked.items()
    }
    found = of_kinds(candidates, CANDIDATES)
    return Untuned(examination, candidates, features + features_by_vectors(vectors, found))


def examine(lists: Sequence[Record], untuned: Sequence[Array]) -> Examination:
    """Return the position bias of lists, with the untuned cosine and BM25 as signs of relevance."""
    columns = [UNTUNED_FEATURES.index(name) for name in ("base_retriever", "bm25")]
    shown = [list_features[:, columns] for list_features in shown_features(lists, untuned)]
    return estimate_examination(without_random_negatives(lists), shown)


def shown_features(lists: Sequence[Record], features: Sequence[Array]) -> list[Array]:
    """Return the features of the documents that users saw, (documents, features) for each list."""
    return [
        list_features[[document["shown"] for document in ranked_list["documents"]]]
        for ranked_list, list_features in zip(lists, features, strict=True)
    ]


def rank_shown(
    lists: Sequence[Record], features: Sequence[Array], recipe: Recipe, eta: float
) -> list[Ranking]:
    """Return the rankings by features, best first, measured on the documents that users saw."""
    return select_ranking(
        without_random_negatives(lists),
        shown_features(lists, features),
        folds=recipe.retriever.folds,
        temperature=recipe.temperature,
        eta=eta,
    )


def report_rankings(rankings: Sequence[Ranking], things: str, say: Say) -> None:
    """Report each ranking's measure on lists that it did not learn from; things: these lists."""
    number = len(rankings[0].ndcg)
    if number:
        values = ", ".join(f"{ranking.name} {ranking.ndcg.mean():.4f}" for ranking in rankings)
        say(f"cross-fitted {DECISIVE} of {number} {things}: {values}")
    else:
        say(f"too few {things} to fit weights: a search keeps the order in which it found them")
