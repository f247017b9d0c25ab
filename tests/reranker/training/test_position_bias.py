"""A planted position bias is recovered, and where none was planted nothing is corrected."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import expit

from findtune.core.records import Record
from findtune.reranker.model.examination import NO_BIAS
from findtune.reranker.training.position_bias import (
    MIN_BIC_DIFFERENCE,
    MIN_GRADED_LISTS,
    describe,
    estimate_examination,
    negative_log_likelihood,
    pick_log,
)

DOCUMENTS = 10
SEEDS = range(20)
TOLERANCE = 0.35

Array = np.ndarray
Log = tuple[list[Record], list[Array]]


class Simulation:
    """A log of a good but noisy engine: standard normal relevance, and noise as large."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.lists: list[Record] = []
        self.features: list[Array] = []

    def log(self, lists: int, eta: float, *, graded: bool = False, shown: int = 1) -> Log:
        """Return lists whose users pick by relevance and rank; each query is shown so often."""
        while len(self.lists) < lists:
            relevance = self.rng.normal(size=DOCUMENTS)
            for _ in range(shown):
                order = self.show(relevance)
                examined = np.arange(1.0, DOCUMENTS + 1) ** -eta
                attracts = expit(1.5 * relevance[order] - 1.5)
                picks = self.rng.random(DOCUMENTS) < attracts * examined
                if picks.any():
                    self.add(relevance, order, picks, graded=graded)
        return self.lists, self.features

    def best_three(self, lists: int, *, graded: bool) -> Log:
        """Return lists whose users read everything, and pick the three best."""
        while len(self.lists) < lists:
            relevance = self.rng.normal(size=DOCUMENTS)
            order = self.show(relevance)
            picks = np.argsort(np.argsort(-relevance[order])) < 3
            self.add(relevance, order, picks, graded=graded)
        return self.lists, self.features

    def show(self, relevance: Array) -> Array:
        """Return the engine's order of documents."""
        order: Array = np.argsort(-(relevance + self.rng.normal(size=DOCUMENTS)))
        return order

    def add(self, relevance: Array, order: Array, picks: Array, *, graded: bool) -> None:
        """Add a list; its features, and grades if there are some, are noisy or coarse."""
        number = f"{relevance.sum():.9f}"
        urls = [f"{number}/{document}" for document in order]
        grades = {url: int(grade) for url, grade in zip(urls, relevance[order] + 2, strict=True)}
        record = {
            "query": f"query {number}",
            "documents": [{"url": url, "rank": rank} for rank, url in enumerate(urls, start=1)],
            "picks": [url for url, is_pick in zip(urls, picks, strict=True) if is_pick],
            "qrels": {url: max(grade, 0) for url, grade in grades.items()} if graded else {},
        }
        self.lists.append(record)
        noise = self.rng.normal(size=DOCUMENTS)
        self.features.append((relevance[order] + 0.5 * noise)[:, None])


def estimates(lists: int, eta: float, *, graded: bool = False, shown: int = 1) -> list[float]:
    """Return the estimated eta for each seed."""
    logs = [Simulation(seed).log(lists, eta, graded=graded, shown=shown) for seed in SEEDS]
    return [estimate_examination(*log).eta for log in logs]


@pytest.mark.parametrize("eta", [0.5, pytest.param(1.0, marks=pytest.mark.slow)])
def test_with_grades_a_planted_bias_is_recovered(eta: float) -> None:
    assert estimates(lists=200, eta=eta, graded=True) == pytest.approx([eta] * 20, abs=TOLERANCE)


def test_with_documents_at_several_ranks_a_strong_bias_is_recovered_without_grades() -> None:
    fitted = estimates(lists=300, eta=1.0, shown=6)
    assert fitted == pytest.approx([1.0] * 20, abs=TOLERANCE)


@pytest.mark.parametrize("graded", [True, False])
@pytest.mark.parametrize("shown", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_where_users_read_everything_nothing_is_corrected(graded: bool, shown: int) -> None:
    assert estimates(lists=200, eta=0.0, graded=graded, shown=shown) == [0] * 20


@pytest.mark.parametrize("graded", [pytest.param(True, marks=pytest.mark.slow), False])
def test_explicit_picks_of_the_three_best_are_no_bias(graded: bool) -> None:
    fits = [
        estimate_examination(*Simulation(seed).best_three(200, graded=graded)) for seed in SEEDS
    ]
    assert [fit.eta for fit in fits] == [0] * 20


def test_few_graded_lists_do_not_outvote_the_others() -> None:
    few, enough = Simulation(1), Simulation(2)
    few.log(MIN_GRADED_LISTS - 1, 0.0, graded=True)
    enough.log(MIN_GRADED_LISTS, 0.0, graded=True)
    without, with_grades = (estimate_examination(*log.log(80, 0.0)) for log in (few, enough))
    assert (without.lists, without.graded) == (80, False)
    assert (with_grades.lists, with_grades.graded) == (MIN_GRADED_LISTS, True)


def test_a_log_without_a_pick_has_no_bias() -> None:
    [ranked_list], features = Simulation(1).log(1, 0.0)
    assert estimate_examination([ranked_list | {"picks": []}], features) == NO_BIAS
    assert estimate_examination([], []) == NO_BIAS


def test_documents_at_several_ranks_are_counted() -> None:
    lists, features = Simulation(1).log(2, 0.0, shown=2)
    first, second = ([row["url"] for row in ranked_list["documents"]] for ranked_list in lists)
    moved = sum(url != other for url, other in zip(first, second, strict=True))
    assert estimate_examination(lists, features).repeated == moved > 0


def test_the_gradient_is_that_of_the_likelihood() -> None:
    log = pick_log(*Simulation(1).log(20, 1.0, shown=2), graded=False)
    parameters = np.random.default_rng(1).random(1 + log.features.shape[1] + log.intercepts)

    def value(point: Array) -> float:
        return negative_log_likelihood(point, log)[0]

    def gradient(point: Array) -> Array:
        return negative_log_likelihood(point, log)[1]

    error = check_grad(value, gradient, parameters)
    assert error < 1e-5 * value(parameters)


def test_one_line_says_what_came_out() -> None:
    biased = NO_BIAS.model_copy(update={"eta": 0.634, "bic_difference": 99.0})
    assert describe(biased).startswith("position bias: rank k is examined with k^-0.63 (0 lists")
    small = {"fitted_eta": 0.1, "bic_difference": MIN_BIC_DIFFERENCE + 1}
    assert describe(NO_BIAS.model_copy(update=small)).startswith("position bias is too small")
    assert describe(NO_BIAS).startswith("no sign of position bias: picks count as logged")
