"""The lists of a folder of examples, the retriever tuned on them, and its features."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from sentence_transformers import SentenceTransformer

from findtune.core.records import Record, read_kind
from findtune.reranker.model.blending import blend_features
from findtune.reranker.model.examination import Examination, corrected
from findtune.reranker.model.ranked_lists import gains_of, without_random_negatives
from findtune.reranker.model.retriever_features import (
    UNTUNED_FEATURES,
    join_features,
    retriever_features,
    untuned_features,
)
from findtune.reranker.training.cross_fitting import out_of_fold_features
from findtune.reranker.training.feature_weights import DECISIVE, FUSED, Ranking, select_ranking
from findtune.reranker.training.list_losses import LossName, pick_labels
from findtune.reranker.training.position_bias import describe, estimate_examination
from findtune.reranker.training.recipe import Recipe
from findtune.reranker.training.retriever_training import fit_retriever, load_retriever
from findtune.training import ranks
from findtune.training.checkpoints import NO_CHECKPOINTS, Checkpoints

Say = Callable[[str], None]
Array = np.ndarray


@dataclass(frozen=True)
class TrainingData:
    """Lists and features by group, the retrievers, and the rankings by features, best first.

    Groups: `list` and `title` of train, and `dev`. Features of a list come from a retriever that
    did not learn from it. retriever: learned train and dev; train_retriever: train alone.
    examination: the position bias of train and dev.
    """

    lists: dict[str, list[Record]]
    features: dict[str, list[Array]]
    retriever: SentenceTransformer
    train_retriever: SentenceTransformer
    base_retriever: SentenceTransformer
    rankings: list[Ranking]
    examination: Examination

    def distillation_dataset(self) -> Dataset:
        """Return train's lists and title lists, with the fused scores as targets."""
        features = self.features["list"] + self.features["title"]
        [fused] = [ranking.weights for ranking in self.rankings if ranking.name == FUSED]
        targets = blend_features(features, fused)
        return build_dataset(self.lists["list"] + self.lists["title"], targets)

    def tuning_dataset(self, loss: LossName) -> Dataset:
        """Return train's lists, with the picks' corrected gains as labels for a loss."""
        lists, eta = self.lists["list"], self.examination.eta
        gains = [corrected(gains_of(ranked_list), ranked_list, eta) for ranked_list in lists]
        return build_dataset(lists, [pick_labels(list_gains, loss) for list_gains in gains])


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
    known, folds = lists["list"] + lists["dev"], recipe.retriever.folds
    untuned = ranks.on_first(untuned_features, base, known)
    examination = ranks.on_first(examine, known, untuned)
    say(describe(examination))
    numbers = count(1)  # name the retrievers' checkpoints, so their order must not change

    def fit(chosen: Sequence[Record]) -> SentenceTransformer:
        say(f"tuning the retriever on {len(chosen)} lists")
        phase = checkpoints.phase(f"retriever-{next(numbers)}")
        return fit_retriever(folder, chosen, recipe.retriever, settings, examination.eta, phase)

    tuned = out_of_fold_features(known, fit, folds=folds, temperature=recipe.temperature)
    features = join_features(tuned, untuned)
    rankings = ranks.on_first(rank_shown, known, features, recipe, examination.eta)
    report_rankings(rankings, say)
    retriever = fit(without_random_negatives(known))
    train_retriever = fit(without_random_negatives(lists["list"]))
    trained = len(lists["list"])
    of_titles = partial(retriever_features, retriever, base, lists["title"])
    titles = ranks.on_first(of_titles, recipe.temperature)
    by_group = {"list": features[:trained], "dev": features[trained:], "title": titles}
    return TrainingData(lists, by_group, retriever, train_retriever, base, rankings, examination)


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


def report_rankings(rankings: Sequence[Ranking], say: Say) -> None:
    """Report each ranking's measure on lists that it did not learn from."""
    values = ", ".join(f"{ranking.name} {ranking.ndcg.mean():.4f}" for ranking in rankings)
    say(f"cross-fitted {DECISIVE} of {len(rankings[0].ndcg)} lists: {values}")


def build_dataset(lists: Sequence[Record], labels: Sequence[Array]) -> Dataset:
    """Return lists as the dataset that the trainer expects.

    labels: (documents,) for each list, as the loss expects them.
    """
    return Dataset.from_dict(
        {
            "query": [ranked_list["query"] for ranked_list in lists],
            "documents": [
                [document["text"] for document in ranked_list["documents"]] for ranked_list in lists
            ],
            "labels": [list_labels.astype(float).tolist() for list_labels in labels],
        }
    )
