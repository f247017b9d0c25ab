"""The lists of a folder of examples, with the features that the retriever gives them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from datasets import Dataset
from sentence_transformers import SentenceTransformer

from findtune.core.records import Record, read_kind
from findtune.reranker.model.blending import BlendWeights, blend_features
from findtune.reranker.model.ranked_lists import gains_of, without_random_negatives
from findtune.reranker.model.retriever_features import retriever_features
from findtune.reranker.training.feature_weights import fit_feature_weights
from findtune.reranker.training.list_losses import LossName, pick_labels

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
    feature_weights: BlendWeights

    def distillation_dataset(self) -> Dataset:
        """Return the lists of train and the title lists, with the retriever's scores as targets."""
        features = self.features["list"] + self.features["title"]
        targets = blend_features(features, self.feature_weights)
        return build_dataset(self.lists["list"] + self.lists["title"], targets)

    def tuning_dataset(self, loss: LossName) -> Dataset:
        """Return the lists of train, with the gains of the picks as a loss takes them."""
        lists = self.lists["list"]
        return build_dataset(
            lists, [pick_labels(gains_of(ranked_list), loss) for ranked_list in lists]
        )


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
    lists["shown"] = without_random_negatives(lists["list"])
    say(f"encoding {len(lists['list'])} lists and {len(lists['title'])} titles")
    features = features_by_group(retriever, lists, temperature, progress=progress)
    weights = fit_feature_weights(lists["shown"], features["shown"], temperature)
    return TrainingData(lists, features, weights)


def build_dataset(lists: Sequence[Record], labels: Sequence[Array]) -> Dataset:
    """Return lists in the form that the trainer takes.

    labels: (documents,) for each list, as the loss takes them.
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


def features_by_group(
    retriever: SentenceTransformer,
    groups: Mapping[str, Sequence[Record]],
    temperature: float,
    *,
    progress: bool,
) -> dict[str, list[Array]]:
    """Return the features of each group of lists; texts that groups share are encoded once."""
    lists = [ranked_list for group in groups.values() for ranked_list in group]
    features = iter(retriever_features(retriever, lists, temperature, progress=progress))
    return {name: list(islice(features, len(group))) for name, group in groups.items()}
