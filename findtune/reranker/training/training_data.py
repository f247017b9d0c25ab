"""The lists of a folder of examples, with the features that the retriever gives them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from datasets import Dataset
from sentence_transformers import SentenceTransformer

from findtune.core.records import Record, read_kind
from findtune.reranker.model.blending import BlendWeights, blend_features
from findtune.reranker.training.retriever_weights import (
    as_shown,
    features_by_group,
    fit_retriever_weights,
    gains_of,
)

Say = Callable[[str], None]
Array = np.ndarray


@dataclass(frozen=True)
class TrainingData:
    """Lists and features by group, and the retriever's weights, fitted to the picks of train.

    Groups: `list` and `title` of train; `shown`, the lists of train without random negatives; and
    `dev`.
    """

    lists: dict[str, list[Record]]
    features: dict[str, list[Array]]
    retriever_weights: BlendWeights

    def distillation_dataset(self) -> Dataset:
        """Return the lists of train and the title lists, with the retriever's scores as targets."""
        features = self.features["list"] + self.features["title"]
        targets = blend_features(features, self.retriever_weights)
        return build_dataset(self.lists["list"] + self.lists["title"], targets)

    def tuning_dataset(self) -> Dataset:
        """Return the lists of train, with the gains of the picks as targets."""
        lists = self.lists["list"]
        return build_dataset(lists, [gains_of(ranked_list) for ranked_list in lists])


def read_training_data(
    examples: Path,
    retriever: SentenceTransformer,
    temperature: float,
    say: Say,
    *,
    progress: bool,
) -> TrainingData:
    """Return the training data in a folder of examples; temperature: see BlendWeights."""
    lists = {kind: read_kind(examples / "train.jsonl", kind) for kind in ("list", "title")}
    lists["dev"] = read_kind(examples / "dev.jsonl", "list")
    lists["shown"] = as_shown(lists["list"])
    say(f"encoding {len(lists['list'])} lists and {len(lists['title'])} titles")
    features = features_by_group(retriever, lists, temperature, progress=progress)
    weights = fit_retriever_weights(lists["shown"], features["shown"], temperature)
    return TrainingData(lists, features, weights)


def build_dataset(lists: Sequence[Record], targets: Sequence[Array]) -> Dataset:
    """Return lists in the form that the trainer takes.

    targets: (documents,) for each list, the gains or a teacher's scores. A label is a document's
    target and its weight.
    """
    return Dataset.from_dict(
        {
            "query": [ranked_list["query"] for ranked_list in lists],
            "documents": [
                [document["text"] for document in ranked_list["documents"]] for ranked_list in lists
            ],
            "labels": [
                [
                    [float(target), float(document["weight"])]
                    for target, document in zip(list_targets, ranked_list["documents"], strict=True)
                ]
                for ranked_list, list_targets in zip(lists, targets, strict=True)
            ],
        }
    )
