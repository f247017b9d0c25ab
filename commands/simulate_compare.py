"""Simulate comparisons of two pipelines: how often they are wrong, and how many searches they take.

python -m commands.simulate_compare
python -m commands.simulate_compare --gain 0.05 --runs 200
"""

import click
import numpy as np

from findtune.monitoring.simulated_users import (
    NOISE,
    Run,
    noise_for,
    run,
    simulate_credits,
)
from stages.command import Stage

QUANTILES = (0.1, 0.5, 0.8, 0.9)


@click.command(cls=Stage)
@click.option("--runs", default=1000, show_default=True, type=click.IntRange(min=10))
@click.option("--searches", default=2000, show_default=True, type=click.IntRange(min=100))
@click.option("--gain", default=0.02, show_default=True, type=click.FloatRange(0.001, 0.1))
def main(runs: int, searches: int, gain: float) -> None:
    """Compare equal pipelines, and pipelines whose nDCG@10 differs by GAIN, RUNS times each.

    Equal pipelines are compared over SEARCHES answered searches, new in each run. The others are
    compared until a difference is found, over searches drawn from 100,000.
    """
    equal = [run(np.array(simulate_credits(NOISE, NOISE, searches, seed))) for seed in range(runs)]
    wrong = sum(result.winner is not None for result in equal)
    click.echo(
        f"equal pipelines: called different in {wrong} of {runs} runs of {searches} searches"
    )
    click.echo("\n".join(gain_lines(gain, runs)))


def gain_lines(gain: float, runs: int) -> list[str]:
    """Return the lines about pipelines that differ."""
    credits = np.array(simulate_credits(noise_for(gain), NOISE, 100_000, seed=1_000_000))
    wins, losses = (credits > 0).mean(), (credits < 0).mean()
    rng = np.random.default_rng(2)
    results = [run(rng.choice(credits, 60_000)) for _ in range(runs)]
    return [
        f"a gain of {gain}: the better one wins {wins:.1%}, the other {losses:.1%} of the "
        "searches; the rest are ties",
        *needed_lines(results),
    ]


def needed_lines(results: list[Run]) -> list[str]:
    """Return how many answered searches it took, ties included."""
    right = [result.decided_at for result in results if result.winner == "A"]
    numbers = sorted(number for number in right if number)
    shares = [
        f"{share:.0%} within {np.quantile(numbers, share):,.0f}" for share in QUANTILES if numbers
    ]
    return [
        f"called better in {len(right)} of {len(results)} runs, worse in "
        f"{sum(result.winner == 'B' for result in results)}",
        f"answered searches that it took: {', '.join(shares) or 'more than were simulated'}",
    ]


if __name__ == "__main__":
    main()
