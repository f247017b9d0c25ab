"""The stack is judged on test, what is worse does not ship, and a reader is warned."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from findtune.retrieval.corpus import Corpus
from findtune.stack.cells import Cell
from findtune.stack.evaluate import Evaluation, Results, evaluate_stack, metrics, tables
from findtune.stack.held_out import HeldOut, Question
from findtune.stack.latency import time_cells
from findtune.stack.measures import Values
from findtune.stack.selection import Choice, Interaction, judge
from findtune.stack.settings import StackSettings
from findtune.stack.summary import summary, warnings

UNTUNED = Cell("question", "bm25", "none")
CHOSEN = Cell("question", "bm25", "tuned")
LARGE = 60  # topics

Make = Callable[..., Question]


def values(ndcg: float, number: int, unjudged: float = 0.0) -> Values:
    noise = np.resize([0.01, -0.01], number)
    names = ("ndcg@10", "recall@10", "condensed_ndcg@10", "picks_ndcg@10")
    return {name: ndcg + noise for name in names} | {"unjudged@10": np.full(number, unjudged)}


@pytest.fixture
def make_evaluation(make_question: Make, corpus: Corpus) -> Callable[..., Evaluation]:
    """Return the function that makes results: means on dev and on test, of both cells."""

    def make(
        dev: tuple[float, float] = (0.5, 0.6),
        test: tuple[float, float] = (0.5, 0.6),
        number: int = LARGE,
        **fields: Any,
    ) -> Evaluation:
        questions = [make_question(f"q{row}", picks=["jobs"]) for row in range(number)]
        unjudged = fields.pop("unjudged", (0.0, 0.0))
        dev_results: Results = {
            cell: values(mean, number) for cell, mean in zip((UNTUNED, CHOSEN), dev, strict=True)
        }
        test_results: Results = {
            cell: values(mean, number, share)
            for cell, mean, share in zip((UNTUNED, CHOSEN), test, unjudged, strict=True)
        }
        groups = [question.group for question in questions]
        pair = [test_results[cell]["ndcg@10"] for cell in (UNTUNED, CHOSEN)]
        return Evaluation(
            HeldOut(questions, questions, corpus),
            dev_results,
            test_results,
            fields.pop("choice", Choice(CHOSEN, UNTUNED)),
            judge(pair[0], pair[1] + np.resize([0.02, 0, 0], number), 13, groups),
            {"reranker": judge(*pair, 13, groups)},
            fields.pop("interactions", []),
            fields.pop("rankings", {}),
        )

    return make


Evaluate = Callable[..., Evaluation]


def test_a_better_stack_is_a_win_and_ships(make_evaluation: Evaluate) -> None:
    evaluation = make_evaluation()
    assert metrics(evaluation, 13)["verdict"] == "WIN"
    assert evaluation.ships == CHOSEN


def test_a_stack_that_is_worse_on_test_does_not_ship(make_evaluation: Evaluate) -> None:
    evaluation = make_evaluation(test=(0.5, 0.2))
    result = metrics(evaluation, 13)
    assert result["verdict"] == "REGRESSION"
    assert result["ships"] == UNTUNED.name
    last = summary(evaluation, result, []).splitlines()[-1]
    assert last.startswith("VERDICT: REGRESSION | ndcg@10 -0.29")
    assert last.endswith("the untuned cell ships instead")


def test_the_verdict_says_that_dev_chose_no_tuned_model(make_evaluation: Evaluate) -> None:
    evaluation = make_evaluation(choice=Choice(UNTUNED, UNTUNED))
    assert "no tuned model is surely better than question, bm25, none" in summary(
        evaluation, metrics(evaluation, 13), []
    )


def test_few_questions_show_no_smallest_effect_where_no_tuned_model_was_chosen(
    make_evaluation: Evaluate,
) -> None:
    chosen = warnings(make_evaluation(number=6))
    kept = warnings(make_evaluation(number=6, choice=Choice(UNTUNED, UNTUNED)))
    assert any("they show no difference below" in line for line in chosen)
    assert kept[0].startswith("only 6 topics to test. More feedback")


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"number": 6}, "only 6 topics to test"),
        ({"test": (0.5, 0.52)}, "dev and test disagree: +0.1000 on dev, +0.0200 on test"),
        ({"test": (0.6, 0.5)}, "dev and test disagree: +0.1000 on dev, -0.1000 on test"),
        ({"unjudged": (0.1, 0.3)}, "nobody judged 30% of the chosen cell's first ten"),
        ({"unjudged": (0.7, 0.7)}, "nobody judged 70% of the first ten documents"),
    ],
)
def test_a_reader_is_warned_of_what_misleads(
    make_evaluation: Evaluate, changes: dict[str, Any], warning: str
) -> None:
    assert any(line.startswith(warning) for line in warnings(make_evaluation(**changes)))
    assert not any(line.startswith(warning) for line in warnings(make_evaluation()))


def test_models_that_hurt_each_other_have_a_line(make_evaluation: Evaluate) -> None:
    pair = Interaction(("embedder", "reranker"), 0.4, 0.5, 0.6)
    evaluation = make_evaluation(interactions=[pair])
    text = summary(evaluation, metrics(evaluation, 13), ["- embedder: learned from 3 picks."])
    assert "- hurts: tuned embedder with tuned reranker is 0.4000, below 0.5000 and 0.6000" in text
    assert "- tuned reranker alone, on dev: +0.1000 [" in text
    assert "- embedder: learned from 3 picks." in text


def test_the_tables_have_a_row_for_each_cell_and_for_each_question(
    make_evaluation: Evaluate,
) -> None:
    by_name = tables(make_evaluation(number=4))
    header, rows = by_name["grid"]
    assert header[:5] == ["split", "queries", "retriever", "reranker", "ndcg@10"]
    assert rows[0][:5] == ["dev", "question", "bm25", "none", 0.5]
    assert len(rows) == 4
    header, rows = by_name["per_query"]
    assert header[:5] == ["split", "query", "question", "record", "group"]
    assert header[5:] == [UNTUNED.name, CHOSEN.name]
    assert len({(row[0], row[2]) for row in rows}) == 8
    assert len(rows) == 8


def test_the_difference_without_the_grades_of_searches_is_said_where_there_are_some(
    make_evaluation: Evaluate, make_question: Make, corpus: Corpus
) -> None:
    plain = make_evaluation()
    assert "difference_without_search_grades" not in metrics(plain, 13)
    questions = [
        make_question(f"q{row}", picks=["jobs"], search_grades={"bread": 3, "jobs": 1})
        for row in range(LARGE)
    ]
    rankings = {UNTUNED: [["jobs", "bread"]] * LARGE, CHOSEN: [["bread", "jobs"]] * LARGE}
    evaluation = replace(
        plain,
        held_out=HeldOut(questions, questions, corpus),
        rankings={"dev": rankings, "test": rankings},
    )
    result = metrics(evaluation, 13)
    without = result["difference_without_search_grades"]
    assert without["mean"] == pytest.approx(1 / np.log2(3) - 1)
    assert without["queries"] == LARGE
    assert "Without these grades the difference is -0.3691 [" in summary(evaluation, result, [])


def test_untrained_models_are_judged_and_timed(
    parts: Any, corpus: Corpus, make_question: Make
) -> None:
    texts = {"jobs": "out of work", "bread": "price of bread", "rice": "rice in a year"}
    dev = [make_question(text, picks=[url]) for url, text in texts.items()]
    test = [make_question(f"{text}?", picks=[url]) for url, text in texts.items()]
    settings = StackSettings(
        rerank_depth=2, max_questions=9, max_corpus_documents=9, latency_questions=2, prf=parts.prf
    )
    held_out = HeldOut(dev, test, corpus)
    evaluation = evaluate_stack(parts, held_out, settings, 13)
    assert len(evaluation.dev) == 60
    assert {*evaluation.test} == {*evaluation.choice}
    result = metrics(evaluation, 13)
    assert result["queries"] == 3
    assert {"chosen", "untuned", "difference", "alone_rewriter"} <= {*result}
    rows = time_cells(evaluation.choice, parts, corpus, test, rerank_depth=2, seed=13)
    assert [row[1] for row in rows[:4]] == ["rewrite", "retrieve", "rerank", "total"]
    assert all(0 <= median <= high for *_, median, high in rows)
