"""Measures as people read them: full tables, a summary, and their place in a document."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from findtune.core.errors import InputError
from findtune.report.markdown import (
    END,
    START,
    difference_line,
    difference_notes,
    entries_between_markers,
    full,
    measures,
    replace_between_markers,
    section,
    summary,
    summary_row,
)

DATA = Path(__file__).parents[1] / "data"
METRICS = yaml.safe_load((DATA / "metrics.yaml").read_text(encoding="utf-8"))
DIFFERENCE = METRICS["difference"]


@pytest.mark.parametrize(
    ("key", "more", "note"),
    [
        ("difference", {}, ""),
        ("difference_best", {"against": "bi_encoder"}, " (over bi_encoder)"),
        ("difference_small", {"queries": 7}, " (small: 7 queries)"),
        ("difference_seen", {"queries": 7, "against": "base"}, " (over base, seen: 7 queries)"),
        ("difference_small", {"queries": 7, "groups": 7}, " (small: 7 queries)"),
        ("difference_small", {"queries": 7, "groups": 3}, " (small: 7 queries in 3 groups)"),
        ("difference_pairs", {"pairs": 40}, " (40 pairs)"),
        ("difference_pairs_unseen", {"pairs": 30}, " (unseen: 30 pairs)"),
        ("graded_difference", {"against": "base"}, " (over base, graded)"),
        ("dense_difference", {"against": "original"}, " (over original, dense search)"),
    ],
)
def test_a_difference_names_its_interval_baseline_and_slice(
    key: str, more: dict[str, Any], note: str
) -> None:
    line = "- recall@10 +0.3000 [+0.0500, +0.5500]"
    difference = DIFFERENCE | more
    assert difference_line(difference_notes(key, difference), difference) == line + note


def test_a_table_has_a_row_for_each_measure_and_a_column_for_each_ranking() -> None:
    lines = measures(METRICS).splitlines()
    assert lines[0] == "| measure | original | base | tuned | difference | meaning |"
    assert lines[2].startswith("| recall@10 | 0.7000 | 0.2000 | 0.5000 | +0.3000 | share of the")
    assert lines[3].startswith("| copy_rate |  | 0.1000 | 0.0000 | -0.1000 | share of sampled")
    assert lines[4].startswith("| recall@10, graded | 0.9000 | 0.8000 | 0.8000 | +0.0000 | share")


@pytest.mark.parametrize(
    ("more", "basis"),
    [
        ({"groups": 4}, "9 queries in 4 groups; interpolation 1."),
        ({"scored_pairs": 3}, "9 queries and 3 scored pairs; interpolation 1."),
        ({"interpolation": 0.0}, "9 queries; interpolation 0 (the base's own weights)."),
        ({"cross_encoder_weight": 0.25}, "9 queries; interpolation 1, cross-encoder weight 0.25."),
    ],
)
def test_the_verdict_is_followed_by_what_was_selected_on_dev(
    more: dict[str, Any], basis: str
) -> None:
    assert measures(METRICS | more).splitlines()[-1] == f"**WIN** over {basis}"


def test_the_difference_to_the_base_is_listed_once() -> None:
    best = {"difference_best": DIFFERENCE | {"against": "base"}}
    assert measures(METRICS | best).count("\n- ") == 1


def test_the_summary_compares_with_the_baseline_of_the_verdict() -> None:
    row = "| rewriter/small | recall@10 | 0.2000 | 0.5000 | +0.3000 [+0.0500, +0.5500] | WIN |"
    assert summary_row("rewriter/small", METRICS) == row
    best = {"difference_best": DIFFERENCE | {"mean": -0.2, "against": "original"}}
    row = summary_row("rewriter/small", METRICS | best)
    assert row.startswith("| rewriter/small | recall@10 | 0.7000 (original) | 0.5000 | -0.2000 [")
    decisive = {"decisive": {"original": 0.25, "tuned": 0.05}}  # on grades, not on picks
    row = summary_row("rewriter/small", METRICS | best | decisive)
    cells = "recall@10, graded or picked | 0.2500 (original) | 0.0500 | -0.2000 ["
    assert row.startswith(f"| rewriter/small | {cells}")


@pytest.mark.parametrize(
    ("tuned", "measure"),
    [(0.5, "recall@10"), (0.6, "recall@10, graded"), (0.7, "recall@10, corrected")],
)
def test_the_summary_says_which_relevant_documents_the_verdict_rests_on(
    tuned: float, measure: str
) -> None:
    variants = {"graded_tuned": {"recall@10": 0.6}, "corrected_tuned": {"recall@10": 0.7}}
    metrics = METRICS | variants | {"decisive": {"base": 0.2, "tuned": tuned}}
    assert summary_row("rewriter/small", metrics).startswith(f"| rewriter/small | {measure} | ")


@pytest.mark.parametrize(("write", "join"), [(summary_row, summary), (section, full)])
def test_entries_that_replace_those_between_the_markers_are_read_back(
    write: Any, join: Any
) -> None:
    entries = {name: write(name, METRICS) for name in ("embedder/small", "rewriter/x-large")}
    document = f"before\n{START}\nold\n{END}\nafter\n"
    replaced = replace_between_markers(document, join(entries), (START, END))
    assert replaced == f"before\n{START}\n{join(entries)}\n{END}\nafter\n"
    assert entries_between_markers(replaced) == entries


@pytest.mark.parametrize("document", ["", START, f"{END}\n{START}", f"{START}{START}{END}"])
def test_a_document_without_a_place_for_the_table_is_refused(document: str) -> None:
    with pytest.raises(InputError, match="no place for the table; it needs one line <!-- measures"):
        entries_between_markers(document)


def test_the_verdict_says_when_the_order_shown_is_no_evidence() -> None:
    assert "the picks stand first" in measures(METRICS | {"order_unknown": True})
    assert "the picks stand first" not in measures(METRICS)


def test_what_was_measured_on_no_pairs_has_no_row() -> None:
    nothing = {"pairs_spearman": 0.0, "pairs_mae": 0.0, "guard_spearman": 0.0}
    embedder = {
        "base": {"ndcg@10": 0.0, **nothing},
        "tuned": {"ndcg@10": 0.0, **nothing, "guard_spearman": 0.1},
        "difference": DIFFERENCE,
        "interpolation": 1.0,
        "queries": 9,
        "scored_pairs": 0,
        "verdict": "WIN",
    }
    text = measures(embedder)
    assert "| ndcg@10 |" in text
    assert "| guard_spearman |" in text
    assert "pairs" not in text


def test_the_difference_to_the_order_shown_by_picks_is_told_from_that_by_grades() -> None:
    by_grades = {**DIFFERENCE, "against": "as_shown"}
    metrics = {
        **METRICS,
        "difference_best": by_grades,
        "difference_as_shown": {**by_grades, "mean": 0.2},
    }
    lines = [line for line in measures(metrics).splitlines() if "over as_shown" in line]
    assert lines == [
        "- recall@10 +0.2000 [+0.0500, +0.5500] (over as_shown, by picks alone)",
        "- recall@10 +0.3000 [+0.0500, +0.5500] (over as_shown)",
    ]
    same = measures({**metrics, "difference_as_shown": by_grades})
    assert same.count("over as_shown") == 1
