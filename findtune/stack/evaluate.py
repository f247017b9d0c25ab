"""Evaluates the stack: the grid on dev, the choice, and the verdict on test."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from findtune.core.records import Record
from findtune.core.text import hash_fraction
from findtune.evaluation.significance import compare
from findtune.stack.cells import RERANKERS, Cell, all_cells
from findtune.stack.grid import Grid, Rankings
from findtune.stack.held_out import HeldOut, Question
from findtune.stack.measures import DECISIVE, Values, means, measure
from findtune.stack.parts import Parts
from findtune.stack.selection import (
    Choice,
    Interaction,
    alone,
    choose,
    interactions,
    judge,
)
from findtune.stack.settings import StackSettings

# The measures in the metrics file; the grid's table has all of them.
HEADLINE = ("ndcg@10", "recall@10", "condensed_ndcg@10", "unjudged@10", "picks_ndcg@10")

Say = Callable[[str], None]
Table = tuple[list[str], list[list[Any]]]  # header and rows
Results = dict[Cell, Values]


@dataclass(frozen=True)
class Evaluation:
    """The measures of every cell on dev, and of the chosen and the untuned cell on test.

    difference: between these two on test, with the verdict. alone: room -> what its tuned model
    alone changes in the untuned cell, on dev. rankings: split -> rankings of each measured cell.
    """

    held_out: HeldOut
    dev: Results
    test: Results
    choice: Choice
    difference: Mapping[str, Any]
    alone: Mapping[str, Mapping[str, Any]]
    interactions: Sequence[Interaction]
    rankings: Mapping[str, Rankings]

    @property
    def ships(self) -> Cell:
        """The cell that dev chose, unless test shows that it is worse than the untuned cell."""
        regression = self.difference["verdict"] == "REGRESSION"
        return self.choice.untuned if regression else self.choice.chosen


def evaluate_stack(
    parts: Parts,
    held_out: HeldOut,
    settings: StackSettings,
    seed: int,
    say: Say = lambda _: None,
) -> Evaluation:
    """Measure every stack that some parts can form, choose one on dev, and judge it on test."""
    grid = Grid(parts, held_out.corpus, settings.rerank_depth, seed, say)
    dev_rankings = grid.rankings(all_cells([*parts.tuned]), held_out.dev, on_dev=True)
    dev, dev_groups = measured(dev_rankings, held_out.dev), groups_of(held_out.dev)
    choice = choose(dev, dev_groups, [*filter(parts.has_cross_encoder, RERANKERS)])
    say(f"dev chose {choice.chosen.name}; {choice.untuned.name} is the best that needs no tuning")
    test_rankings = grid.rankings([*dict.fromkeys(choice[::-1])], held_out.test)
    test = measured(test_rankings, held_out.test)
    base, tuned = test[choice.untuned][DECISIVE], test[choice.chosen][DECISIVE]
    return Evaluation(
        held_out,
        dev,
        test,
        choice,
        judge(base, tuned, seed, groups_of(held_out.test)),
        alone(choice.untuned, dev, seed, dev_groups),
        interactions(choice.untuned, dev, dev_groups),
        {"dev": dev_rankings, "test": test_rankings},
    )


def measured(rankings: Rankings, questions: Sequence[Question]) -> Results:
    """Return the measures of each cell's rankings."""
    return {cell: measure(ranked, questions) for cell, ranked in rankings.items()}


def groups_of(questions: Sequence[Question]) -> list[str]:
    """Return the group of each question; a bootstrap resamples whole groups."""
    return [question.group for question in questions]


def metrics(evaluation: Evaluation, seed: int) -> Record:
    """Return the headline measures, the differences and the verdict.

    `chosen` and `untuned` are measured on test, `dev_*` on dev. `alone_ROOM`: what one tuned model
    alone changes in the untuned cell, on dev.
    """
    choice, test, questions = evaluation.choice, evaluation.test, evaluation.held_out.test
    difference = dict(evaluation.difference)
    verdict = difference.pop("verdict")
    return {
        "chosen": headline(test[choice.chosen]),
        "untuned": headline(test[choice.untuned]),
        "dev_chosen": {DECISIVE: means(evaluation.dev[choice.chosen])[DECISIVE]},
        "dev_untuned": {DECISIVE: means(evaluation.dev[choice.untuned])[DECISIVE]},
        "difference": difference,
        **picks_difference(evaluation, seed),
        **difference_without_search_grades(evaluation, seed),
        **{f"alone_{room}": short(change) for room, change in evaluation.alone.items()},
        "cell": choice.chosen.name,
        "untuned_cell": choice.untuned.name,
        "ships": evaluation.ships.name,
        "verdict": verdict,
        "queries": len(questions),
        "groups": len({*groups_of(questions)}),
        "dev_queries": len(evaluation.held_out.dev),
        "documents": len(evaluation.held_out.corpus.texts),
    }


def headline(values: Values) -> dict[str, float]:
    """Return the means of the headline measures."""
    return {name: mean for name, mean in means(values).items() if name in HEADLINE}


def short(difference: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mean, the interval and the verdict of a difference."""
    return {name: difference[name] for name in ("mean", "ci_low", "ci_high", "verdict")}


def picks_difference(evaluation: Evaluation, seed: int) -> Record:
    """Return the difference measured by picks alone; empty if no question has picks."""
    name = f"picks_{DECISIVE}"
    pair = [evaluation.test[cell][name] for cell in evaluation.choice[::-1]]
    rows = np.flatnonzero(~np.isnan(pair[0]))
    if not len(rows):
        return {}
    groups = [evaluation.held_out.test[int(row)].group for row in rows]
    difference = compare(pair[0][rows], pair[1][rows], name, seed, groups)
    return {"difference_picks": {**difference, "queries": len(rows)}}


def difference_without_search_grades(evaluation: Evaluation, seed: int) -> Record:
    """Return the difference without search grades; empty if there are none."""
    graded = evaluation.held_out.test
    if not any(question.search_grades for question in graded):
        return {}
    questions = [replace(question, search_grades={}) for question in graded]
    results = measured(evaluation.rankings["test"], questions)
    base, tuned = (results[cell][DECISIVE] for cell in evaluation.choice[::-1])
    judged = np.flatnonzero(~np.isnan(base))
    groups = groups_of([questions[int(row)] for row in judged])
    difference = short(judge(base[judged], tuned[judged], seed, groups))
    return {"difference_without_search_grades": {**difference, "queries": len(judged)}}


def tables(evaluation: Evaluation) -> dict[str, Table]:
    """Return the tables `grid` and `per_query`, without any text.

    grid: the means of each cell on dev, and of two cells on test. per_query: the decisive measure
    of each question for each cell; `record` says where the question comes from.
    """
    return {"grid": grid_table(evaluation), "per_query": per_query_table(evaluation)}


def grid_table(evaluation: Evaluation) -> Table:
    """Return one row for each cell and split."""
    results = {"dev": evaluation.dev, "test": evaluation.test}
    names = list(next(iter(evaluation.dev.values())))
    rows = []
    for split, measured_cells in results.items():
        for cell, values in measured_cells.items():
            cell_means = means(values)
            rows.append([split, *cell, *(cell_means.get(name, "") for name in names)])
    return ["split", "queries", "retriever", "reranker", *names], rows


def per_query_table(evaluation: Evaluation) -> Table:
    """Return one row for each question of dev and test.

    `question` is the hash of the text: it tells the same question of another commit, where its
    record and its group may have other names.
    """
    cells = list(evaluation.dev)
    rows = []
    for split in ("dev", "test"):
        results: Results = getattr(evaluation, split)
        for number, question in enumerate(getattr(evaluation.held_out, split)):
            values = [results[c][DECISIVE][number] if c in results else "" for c in cells]
            text = f"{hash_fraction(question.query):.12f}"
            rows.append([split, number, text, question.record, question.group, *values])
    header = ["split", "query", "question", "record", "group"]
    return [*header, *(cell.name for cell in cells)], rows
