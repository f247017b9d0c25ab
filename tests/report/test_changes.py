"""Before and after of each question: the decisive measure, the largest changes, and few texts."""

from pathlib import Path

import pytest

from findtune.core.files import write_jsonl
from findtune.report.changes import (
    MAX_ROWS,
    Change,
    Changes,
    model_changes,
    pair_changes,
    read_titles,
    rows_with_text,
    stack_changes,
    table,
)
from findtune.report.inputs import ReportInputs, read_inputs

MODELS = ["embedder", "reranker", "rewriter"]
TITLE = "</td><script>alert('title')</script>"


@pytest.fixture
def inputs(judged_project: Path) -> ReportInputs:
    return read_inputs(judged_project, MODELS, "small")


def changes_of(inputs: ReportInputs, model: str) -> Changes:
    [own] = [entry for entry in inputs.models if entry.name == model]
    changes = model_changes(own, read_titles(inputs.models), examples=50)
    assert changes is not None
    return changes


def test_the_measure_and_the_baseline_are_those_of_the_verdict(inputs: ReportInputs) -> None:
    reranker = changes_of(inputs, "reranker")
    assert (reranker.measure, reranker.before) == ("ndcg@10", "bm25")
    # the second list has no value, so it is left out
    assert [(row.before, row.after) for row in reranker.rows] == [(0.25, 1.0)]


def test_a_question_stands_with_its_texts_masked_and_what_answers_it(inputs: ReportInputs) -> None:
    [row] = changes_of(inputs, "reranker").rows
    assert row.text == "write to [e-mail] or call [number]"
    assert row.answer == TITLE
    best, worst = changes_of(inputs, "embedder").rows
    assert (best.answer, worst.text) == ("count_bread", "unhappy bakers")


def test_lists_that_an_embedder_of_feedback_alone_was_measured_on_show_what_was_picked(
    judged_project: Path,
) -> None:
    lists = [
        {"kind": "list", "query": query, "documents": ["rye", "rice"], "picked": [False, True]}
        for query in ("grain?", "jo@example.org")
    ]
    pairs = [{"kind": "scored", "sentence_1": text, "sentence_2": text} for text in "ab"]
    write_jsonl(judged_project / "data/examples/embedder/small/test.jsonl", [*lists, *pairs])
    table = judged_project / "metrics/embedder/small.per_query.csv"
    table.write_text("query,base_ndcg@10,tuned_ndcg@10\n0,0.5,1.0\n1,0.5,0.4\n", encoding="utf-8")
    rows = changes_of(read_inputs(judged_project, MODELS, "small"), "embedder").rows
    assert [(row.text, row.answer) for row in rows] == [("grain?", "rice"), ("[e-mail]", "rice")]


def test_the_rewriters_questions_are_counted_without_those_that_have_no_picks(
    inputs: ReportInputs,
) -> None:
    [row] = changes_of(inputs, "rewriter").rows
    assert row.text == "price of bread > and rye?"
    assert row.answer == TITLE  # which only the reranker's lists know


def test_the_stack_shows_test_alone_and_finds_the_texts_by_record(inputs: ReportInputs) -> None:
    assert inputs.stack
    changes = stack_changes(inputs.stack, inputs.models, examples=50)
    assert changes
    assert [(row.before, row.after, row.text) for row in changes.rows] == [
        (0.2, 0.9, "price of bread > and rye?"),
        (0.5, 0.5, ""),
    ]


def test_a_scored_pair_that_comes_nearer_to_its_label_stands_first(inputs: ReportInputs) -> None:
    changes = pair_changes(inputs.models[0], examples=1)
    assert changes
    assert changes.lower_is_better
    assert [round(row.difference, 4) for row in changes.rows] == [-0.4, 0.1]
    assert [row.text for row in changes.rows] == ["rye bread", ""]
    assert pair_changes(inputs.models[1], examples=1) is None


@pytest.mark.parametrize(
    ("examples", "numbers"),
    [(0, set()), (1, {0}), (3, {0, 1, 9}), (4, {0, 1, 8, 9}), (50, {*range(10)})],
)
def test_as_many_texts_of_the_worst_as_of_the_best_are_shown(
    examples: int, numbers: set[int]
) -> None:
    rows = [Change(number, before=0.0, after=1.0 - number / 5) for number in range(10)]
    assert rows_with_text(rows, examples) == numbers


def test_a_long_table_keeps_the_rows_that_changed_most_and_counts_all() -> None:
    changes = [Change(number, before=0.0, after=number / 1e4) for number in range(MAX_ROWS + 5)]
    result = table(("a", "b", "c", "d"), changes, 0, lambda _: ("secret", "secret"))
    assert (len(result.rows), result.total) == (MAX_ROWS, MAX_ROWS + 5)
    assert min(row.number for row in result.rows) == 5
    assert sum(count for _, count in result.bins) == MAX_ROWS + 5
    assert not any(row.text or row.answer for row in result.rows)


def test_the_histogram_tells_gains_from_losses_and_from_no_change() -> None:
    changes = [Change(0, 0.5, 0.5), Change(1, 0.5, 0.51), Change(2, 1.0, 0.0), Change(3, 0.0, 0.3)]
    bins = dict(table(("a", "b", "c", "d"), changes, 0, lambda _: ("", "")).bins)
    assert {name: count for name, count in bins.items() if count} == {
        "< -.5": 1,
        "0": 1,
        "> 0": 1,
        "> .25": 1,
    }


def test_a_long_text_is_cut() -> None:
    text = "word " * 1000
    [row] = table(("a", "b", "c", "d"), [Change(0, 0.0, 1.0)], 1, lambda _: (text, "")).rows
    assert len(row.text) < 500


@pytest.mark.parametrize("size", [0.01, 0.05, 0.1, 0.25, 0.3, 0.5, 1.0])
def test_a_loss_is_in_the_bin_that_mirrors_that_of_a_gain_as_large(size: float) -> None:
    changes = [Change(0, 0.0, size), Change(1, size, 0.0), Change(2, 0.1 + size, 0.1)]
    bins = table(("a", "b", "c", "d"), changes, 0, lambda _: ("", "")).bins
    [gain, loss] = (
        [name for name, count in bins if count and name[0] == sign] for sign in (">", "<")
    )
    assert [name.replace("> ", "< -") for name in gain] == [
        name.replace("< 0", "< -0") for name in loss
    ]
