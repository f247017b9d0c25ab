"""What is said of a list out of fold comes from a retriever that did not learn from it."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from sentence_transformers import SentenceTransformer

from findtune.core.errors import InputError
from findtune.core.records import Record, read_kind
from findtune.reranker.model.ranked_lists import without_random_negatives
from findtune.reranker.model.retriever_features import tuned_features
from findtune.reranker.training.cross_fitting import fold_by_group, out_of_fold_features
from findtune.retrieval.encoder import load_encoder


@pytest.fixture(scope="module")
def train(example_folder: Path) -> list[Record]:
    return read_kind(example_folder / "train.jsonl", "list")


@pytest.mark.parametrize("shares_a_user", [False, True])
def test_no_retriever_scores_a_group_that_it_learned_from(
    tiny_base: Path, train: list[Record], shares_a_user: bool
) -> None:
    lists = [row | {"group": f"{number // 2}"} for number, row in enumerate(train)]
    known, dev = lists[3 if shares_a_user else 4 :], lists[: 3 if shares_a_user else 4]
    learned: list[list[Record]] = []

    def fit(chosen: Sequence[Record]) -> SentenceTransformer:
        """Return an encoder that is another one for each training."""
        learned.append([*chosen])
        assert all(row["shown"] for each in chosen for row in each["documents"])
        return encoder_of(tiny_base, len(learned))

    # in another order, and some of them twice
    scored = [*lists[::-1], *lists[3:]]
    features, of_train = out_of_fold_features(
        known, dev, fit, scored=scored, folds=3, temperature=0.2
    )
    groups = {row["group"] for row in lists}
    left_out = [groups - {row["group"] for row in rows} for rows in learned[:3]]
    assert len(features) == len(scored)
    assert sorted(group for each in left_out for group in each) == sorted(groups)
    for number, held_out in enumerate(left_out, start=1):
        by_fold = tuned_features(encoder_of(tiny_base, number), scored, 0.2)
        rows = [row for row, each in enumerate(scored) if each["group"] in held_out]
        assert all(features[row] == pytest.approx(by_fold[row], abs=1e-5) for row in rows)
    # the retriever of train was trained last: on dev's fold, or by itself
    assert len(learned) == (4 if shares_a_user else 3)
    assert learned[-1] == without_random_negatives(known)
    [expected] = tuned_features(encoder_of(tiny_base, len(learned)), dev[:1], 0.2)
    [given] = tuned_features(of_train, dev[:1], 0.2)
    assert given == pytest.approx(expected, abs=1e-5)


def encoder_of(folder: Path, number: int) -> SentenceTransformer:
    encoder = load_encoder(folder)
    for weight in encoder.parameters():
        weight.data *= 1 + number / 2
    return encoder


def test_groups_that_train_and_dev_share_spread_over_all_folds() -> None:
    rows = [{"group": f"{number}"} for number in range(9)]
    assert sorted(fold_by_group(rows, rows, 3).values()) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("in_dev", [0, 1])
def test_lists_of_one_question_are_too_few(
    tiny_base: Path, train: list[Record], in_dev: int
) -> None:
    same = [row | {"group": "one"} for row in train]
    fit = partial(load_encoder, tiny_base)
    with pytest.raises(InputError, match="of one question, session or user"):
        out_of_fold_features(
            same[in_dev:], same[:in_dev], lambda _: fit(), scored=same, folds=3, temperature=0.2
        )
