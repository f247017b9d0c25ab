"""The results as one Markdown table: medians, ratios and their ranges within one run."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from findtune.benchmark.comparisons import OURS, Comparison
from findtune.benchmark.result import Result
from findtune.benchmark.turns import Results

HEAD = (
    "| what | unit | ours | stock | ratio | range | GB, ours | GB, stock |\n"
    "|---|---|---|---|---|---|---|---|"
)
GB = 1e9


class Ratio(NamedTuple):
    """How two contestants compare in one unit.

    middle: ratio of the medians; low, high: of our slowest run to their fastest, and the reverse.
    """

    ours: float
    stock: float
    middle: float
    low: float
    high: float


def compare(ours: Sequence[float], stock: Sequence[float]) -> Ratio:
    """Return how our rates compare with theirs, one rate for each run."""
    return Ratio(
        ours=median(ours),
        stock=median(stock),
        middle=median(ours) / median(stock),
        low=min(ours) / max(stock),
        high=max(ours) / min(stock),
    )


def table(comparisons: Mapping[str, Comparison], results: Mapping[str, Results]) -> str:
    """Return one table of all comparisons that were run.

    results: comparison -> contestant -> runs.
    """
    peaks = peaks_of(results)
    lines = [HEAD]
    for name, by_contestant in results.items():
        lines += comparison_rows(comparisons[name], by_contestant, peaks)
    return "\n".join(lines)


def peaks_of(results: Mapping[str, Results]) -> dict[str, float]:
    """Return what this machine's matrix products reach, by the name of the fact."""
    runs = results.get("matrix_products", {}).get(OURS, [])
    return dict(runs[0].facts) if runs else {}


def comparison_rows(
    comparison: Comparison, results: Results, peaks: Mapping[str, float]
) -> list[str]:
    """Return the rows of one comparison: rates against each opponent, then facts."""
    ours, lines = results[OURS], []
    for opponent, title in comparison.opponents.items():
        stock = results[opponent]
        memory = [short(median(run.peak_bytes for run in runs) / GB) for runs in (ours, stock)]
        for unit in ours[0].rates:
            ratio = compare(values(ours, rate(unit)), values(stock, rate(unit)))
            middle, low, high = (f"{value:.2f}" for value in ratio[2:])
            numbers = [short(ratio.ours), short(ratio.stock), middle, f"{low} to {high}"]
            lines.append(row(f"{comparison.title}, {title}", unit, *numbers, *memory))
    return lines + fact_rows(comparison, results, peaks)


def fact_rows(comparison: Comparison, results: Results, peaks: Mapping[str, float]) -> list[str]:
    """Return the rows of what is shown but not compared: latencies, GFLOP/s, test scores."""
    lines = []
    for contestant, runs in results.items():
        title = comparison.opponents.get(contestant, "")
        for name in runs[0].facts:
            value = median(values(runs, fact(name)))
            cells = with_share(value, peaks.get(name)), ""
            ours, stock = cells if contestant == OURS else cells[::-1]
            memory = [short(median(run.peak_bytes for run in runs) / GB), ""]
            where = memory if contestant == OURS else memory[::-1]
            what = f"{comparison.title}, {title}" if title else comparison.title
            lines.append(row(what, name, ours, stock, "", "", *where))
    return lines


def values(runs: Sequence[Result], read: Callable[[Result], float]) -> list[float]:
    """Return one value for each run."""
    return [read(run) for run in runs]


def rate(unit: str) -> Callable[[Result], float]:
    """Return the function that reads a rate."""
    return lambda run: run.rates[unit]


def fact(name: str) -> Callable[[Result], float]:
    """Return the function that reads a fact."""
    return lambda run: run.facts[name]


def with_share(value: float, peak: float | None) -> str:
    """Return a number, with its share of the machine's peak if it is one of GFLOP/s."""
    if peak is None or peak == value:
        return short(value)
    return f"{short(value)} ({value / peak:.0%})"


def short(value: float) -> str:
    """Return a number with three digits or more, as people read it."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{digits}f}"


def row(*cells: str) -> str:
    """Return one line of the table."""
    return f"| {' | '.join(cells)} |"
