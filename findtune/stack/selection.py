"""Chooses the cell that ships on dev, and judges it once on test.

A cell with a tuned model competes only if on dev it beats the best untuned cell by more than one
standard error of the paired difference. Of the competing cells within one standard error of the
best one, those that cost least per question remain, and the best of these is chosen. A tuned model
costs no more than its base, and a reranker that only compares vectors no more than vector search.
If no cell competes, the best untuned cell is chosen. Source: the one-standard-error rule (Breiman
et al. 1984, 3.4.3).

Test answers one question: is the chosen cell better than the untuned one? What each tuned model
adds, and which ones hurt each other, is measured on dev, where every cell is ranked anyway.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from findtune.evaluation.significance import by_group, compare, standard_error_of_groups
from findtune.evaluation.verdict import verdict
from findtune.stack.cells import ROOMS, Cell, Reranker
from findtune.stack.measures import DECISIVE, Values

PLACES = 4  # decimal places; means equal to these are a tie

Array = np.ndarray
Results = Mapping[Cell, Values]


class Choice(NamedTuple):
    """The cell that dev chose, and the best untuned cell."""

    chosen: Cell
    untuned: Cell


def choose(dev: Results, groups: Sequence[str], cross_encoders: Container[Reranker]) -> Choice:
    """Return the choice on dev.

    groups: one label per question; cross_encoders: the rerankers that read documents for each one.
    """
    values = {cell: measured[DECISIVE] for cell, measured in dev.items()}
    untuned = best([cell for cell in values if not cell.tuned_rooms], values)
    better = [
        cell
        for cell in values
        if cell.tuned_rooms and surely_better(values[cell], values[untuned], groups)
    ]
    if not better:
        return Choice(untuned, untuned)
    top = values[best(better, values)]
    tied = [cell for cell in better if not surely_better(top, values[cell], groups)]
    costs = {cell: cell.cost(cross_encoders) for cell in tied}
    cheapest = [cell for cell in tied if costs[cell] == min(costs.values())]
    return Choice(best(cheapest, values), untuned)


def best(cells: Iterable[Cell], values: Mapping[Cell, Array]) -> Cell:
    """Return the cell with the highest mean; the simplest one of a tie."""
    return min(
        cells, key=lambda cell: (-round(float(values[cell].mean()), PLACES), cell.simplicity)
    )


def surely_better(values: Array, others: Array, groups: Sequence[str]) -> bool:
    """Return whether a mean is higher by more than one standard error of the difference."""
    difference = values - others
    return float(difference.mean()) > standard_error(difference, groups)


def standard_error(difference: Array, groups: Sequence[str]) -> float:
    """Return the standard error, clustered by group, of the mean of a difference, (questions,).

    It is infinite for a single group, which shows no variation.
    """
    sums, counts = by_group(difference, groups)
    return standard_error_of_groups(sums, counts) if len(sums) > 1 else float("inf")


def judge(base: Array, tuned: Array, seed: int, groups: Sequence[str]) -> dict[str, Any]:
    """Return the difference with its interval, and its verdict; base, tuned: (questions,)."""
    difference = compare(base, tuned, DECISIVE, seed, groups)
    return {**difference, "verdict": verdict(difference)}


def alone(untuned: Cell, dev: Results, seed: int, groups: Sequence[str]) -> dict[str, Any]:
    """Return what each tuned model alone changes in the untuned cell: room -> difference."""
    changes = {}
    for room in ROOMS:
        cell = untuned.with_tuned([room])
        if cell in dev:
            base, tuned = dev[untuned][DECISIVE], dev[cell][DECISIVE]
            changes[room] = judge(base, tuned, seed, groups)
    return changes


class Interaction(NamedTuple):
    """Two tuned models that together are worse than either one alone; means on dev."""

    rooms: tuple[str, str]
    together: float
    first_alone: float
    second_alone: float


def interactions(untuned: Cell, dev: Results, groups: Sequence[str]) -> list[Interaction]:
    """Return the pairs of tuned models that hurt each other by more than one standard error."""
    hurting = []
    for rooms in combinations(ROOMS, 2):
        both = untuned.with_tuned(rooms)
        singles = [untuned.with_tuned([room]) for room in rooms]
        if not all(cell in dev for cell in (both, *singles)):
            continue
        together = dev[both][DECISIVE]
        values = [dev[cell][DECISIVE] for cell in singles]
        if all(surely_better(single, together, groups) for single in values):
            first, second = (float(single.mean()) for single in values)
            hurting.append(Interaction(rooms, float(together.mean()), first, second))
    return hurting
