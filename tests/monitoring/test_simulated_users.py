"""On simulated users, equal pipelines stay equal, and the better one of two is found."""

import numpy as np
import pytest

from findtune.monitoring.simulated_users import NOISE, noise_for, run, simulate_credits


def test_users_prefer_the_better_pipeline_whichever_team_it_is() -> None:
    better = noise_for(0.1, searches=2000)
    as_first = np.array(simulate_credits(better, NOISE, 2000, seed=1))
    as_second = np.array(simulate_credits(NOISE, better, 2000, seed=1))
    assert as_first.mean() > 0.1
    assert as_second.mean() < -0.1
    assert run(as_first).winner == "A"
    assert run(as_second).winner == "B"


@pytest.mark.slow
def test_equal_pipelines_are_called_different_in_five_percent_of_the_comparisons_at_most() -> None:
    runs = [run(np.array(simulate_credits(NOISE, NOISE, 1000, seed))) for seed in range(1000)]
    assert sum(result.winner is not None for result in runs) <= 50


@pytest.mark.slow
def test_a_gain_of_two_hundredths_is_found() -> None:
    credits = np.array(simulate_credits(noise_for(0.02), NOISE, 50_000, seed=1_000_000))
    rng = np.random.default_rng(2)
    runs = [run(rng.choice(credits, 15_000)) for _ in range(100)]
    assert sum(result.winner == "A" for result in runs) >= 90
    assert sum(result.winner == "B" for result in runs) <= 2
