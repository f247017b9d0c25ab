"""Data statistics: reasons are counted, lengths and labels printed, and what each kind taught."""

import json
from pathlib import Path

import pytest

from findtune.report.data_statistics import (
    labels,
    length_in_words,
    lengths,
    lessons,
    omissions,
    problems,
    quantile,
    shorten,
)
from findtune.report.inputs import ReportInputs, read_inputs
from findtune.report.page import render


@pytest.fixture
def inputs(judged_project: Path) -> ReportInputs:
    return read_inputs(judged_project, ["embedder", "reranker", "rewriter"], "small")


def test_rows_with_one_reason_are_counted_together_without_their_values(
    inputs: ReportInputs,
) -> None:
    kind = "embedder/sentence_pairs"
    assert problems(inputs.kinds) == [
        (kind, "rejected", "not a number", "write a number", 2),
        (kind, "dropped", "a duplicate", "delete it", 1),
    ]


def test_lengths_are_in_words_and_empty_texts_are_counted(inputs: ReportInputs) -> None:
    rows = {(row.kind, row.field): row[2:] for row in lengths(inputs.kinds)}
    assert rows["sentence_pairs", "sentence_1"] == (3, 0, 2, 3, 3)
    assert rows["sentence_pairs", "sentence_2"] == (3, 1, 1, 1, 1)


def test_data_that_two_rooms_read_stand_once(inputs: ReportInputs) -> None:
    twice = [*inputs.kinds, *inputs.kinds]
    assert lengths(twice) == lengths(inputs.kinds)
    assert labels(twice) == labels(inputs.kinds)


def test_scores_are_binned_and_picks_counted(inputs: ReportInputs) -> None:
    assert [(row.kind, row.counts) for row in labels(inputs.kinds)] == [
        ("sentence_pairs", [("0.0+", 1), ("0.8+", 2)]),
        ("ranked_lists", [("1", 1)]),
    ]


def test_a_kind_that_was_not_trained_on_taught_nothing(inputs: ReportInputs) -> None:
    rows = {(row.room, row.kind): row for row in lessons(inputs.models)}
    assert rows["embedder", "query"].lesson == "nothing: it is only measured"
    assert rows["embedder", "positive"].lesson.startswith("two texts of one variable")
    assert rows["reranker", "list"][3:] == (5, 1, 2)


def test_many_labels_are_shortened_without_losing_a_count() -> None:
    counts = [(f"{number}", number) for number in range(1, 31)]
    short = shorten(counts)
    assert len(short) == 10
    assert short[-1] == ("10+", sum(range(10, 31)))
    assert shorten(counts[:10]) == counts[:10]


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.95, 4), (0.0, 1)])
def test_a_quantile_is_one_of_the_values(share: float, value: int) -> None:
    assert quantile([1, 2, 3, 4], share) == value


def test_what_preparation_left_out_is_counted_by_reason(judged_project: Path) -> None:
    rows = {"too far": {"count": 2, "examples": []}, "too near": {"count": 5, "examples": []}}
    examples = judged_project / "data" / "examples" / "rewriter" / "small"
    (examples / "left_out.json").write_text(json.dumps(rows), encoding="utf-8")
    inputs = read_inputs(judged_project, ["embedder", "reranker", "rewriter"], "small")
    expected = [("rewriter", "too near", 5), ("rewriter", "too far", 2)]
    assert omissions(inputs.models) == expected
    html = render(inputs, examples=0)
    assert "Left out of the examples, by reason" in html and "too near" in html


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("how many state-of-the-art  jobs?", 4),
        ("", 0),
        ("失業率は 2023年", 6),
        ("東京、大阪。", 4),
        ("กรุงเทพ today", 7),
        ("сколько их сейчас", 3),
    ],
)
def test_a_letter_of_a_script_without_spaces_counts_as_a_word(text: str, length: int) -> None:
    assert length_in_words(text) == length
