"""What is said of a list out of fold comes from a retriever that did not learn from it."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from sentence_transformers import SentenceTransformer

from findtune.core.records import Record, read_kind
from findtune.reranker.model.retriever_features import tuned_features
from findtune.reranker.training.cross_fitting import out_of_fold_features
from findtune.retrieval.encoder import load_encoder


@pytest.fixture(scope="module")
def train(example_folder: Path) -> list[Record]:
    return read_kind(example_folder / "train.jsonl", "list")


def test_no_retriever_scores_a_group_that_it_learned_from_and_one_has_learned_all_of_train(
    tiny_base: Path, train: list[Record]
) -> None:
    rows = [row | {"group": f"{number // 2}"} for number, row in enumerate(train)]
    known, dev = rows[:-2], rows[-2:]
    learned: list[set[str]] = []

    def fit(chosen: Sequence[Record]) -> SentenceTransformer:
        """Return an encoder that is another one for each fold."""
        learned.append(groups_of(chosen))
        assert all(row["shown"] for each in chosen for row in each["documents"])
        return encoder_of_fold(tiny_base, len(learned))

    features, last = out_of_fold_features(known, dev, fit, folds=3, temperature=0.2)
    assert len(learned) == 3
    assert learned[-1] == groups_of(known)
    assert same_weights(last, encoder_of_fold(tiny_base, 3))
    for place, groups in enumerate(learned):
        encoder = encoder_of_fold(tiny_base, place + 1)
        held_out = [row for row in rows if row["group"] not in groups]
        assert held_out
        expected = tuned_features(encoder, held_out, 0.2)
        ours = [features[number] for number, row in enumerate(rows) if row in held_out]
        for own, other in zip(ours, expected, strict=True):
            assert own == pytest.approx(other, abs=1e-5)


def groups_of(lists: Sequence[Record]) -> set[str]:
    return {row["group"] for row in lists}


def same_weights(first: SentenceTransformer, second: SentenceTransformer) -> bool:
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    return all(bool((one == other).all()) for one, other in pairs)


def encoder_of_fold(folder: Path, fold: int) -> SentenceTransformer:
    encoder = load_encoder(folder)
    for weight in encoder.parameters():
        weight.data *= 1 + fold / 2
    return encoder
