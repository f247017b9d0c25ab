"""What is said of a list out of fold comes from a retriever that did not learn from it."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from sentence_transformers import SentenceTransformer

from findtune.core.errors import InputError
from findtune.core.records import Record, read_kind
from findtune.reranker.model.retriever_features import tuned_features
from findtune.reranker.training.cross_fitting import out_of_fold_features
from findtune.retrieval.encoder import load_encoder
from findtune.training.folds import fold_numbers


@pytest.fixture(scope="module")
def train(example_folder: Path) -> list[Record]:
    return read_kind(example_folder / "train.jsonl", "list")


def test_no_retriever_scores_a_group_that_it_learned_from(
    tiny_base: Path, train: list[Record]
) -> None:
    lists = [row | {"group": f"{number // 2}"} for number, row in enumerate(train)]
    learned: list[set[str]] = []

    def fit(chosen: Sequence[Record]) -> SentenceTransformer:
        """Return an encoder that is another one for each fold."""
        learned.append({row["group"] for row in chosen})
        assert all(row["shown"] for each in chosen for row in each["documents"])
        return encoder_of_fold(tiny_base, len(learned))

    # in another order, and some of them twice
    scored = [*lists[::-1], *lists[3:]]
    features = out_of_fold_features(lists, fit, scored=scored, folds=3, temperature=0.2)
    assert len(features) == len(scored)
    numbers = fold_numbers([row["group"] for row in lists], 3).tolist()
    assert len(learned) == len(set(numbers)) == 3
    for place, fold in enumerate(sorted(set(numbers))):
        groups = {
            row["group"] for row, number in zip(lists, numbers, strict=True) if number == fold
        }
        assert groups == {row["group"] for row in lists} - learned[place]
        rows = [row for row, each in enumerate(scored) if each["group"] in groups]
        encoder = encoder_of_fold(tiny_base, place + 1)
        expected = tuned_features(encoder, [scored[row] for row in rows], 0.2)
        for row, list_features in zip(rows, expected, strict=True):
            assert features[row] == pytest.approx(list_features, abs=1e-5)


def encoder_of_fold(folder: Path, fold: int) -> SentenceTransformer:
    encoder = load_encoder(folder)
    for weight in encoder.parameters():
        weight.data *= 1 + fold / 2
    return encoder


def test_lists_of_one_question_are_too_few(tiny_base: Path, train: list[Record]) -> None:
    same = [row | {"group": "one"} for row in train]
    fit = partial(load_encoder, tiny_base)
    with pytest.raises(InputError, match="about one question"):
        out_of_fold_features(same, lambda _: fit(), scored=same, folds=3, temperature=0.2)
