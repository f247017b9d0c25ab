"""Measures as Markdown: what people read first."""

from collections.abc import Mapping
from typing import Any

from findtune.errors import InputError

MARKERS = ("<!-- measures: written by `make readme` -->", "<!-- end of measures -->")
READS = {
    "ndcg@10": "how high the right variable stands, 1 is best",
    "mrr@10": "1 / its rank",
    "recall@1": "share of queries that find it first",
    "recall@10": "share that find it among ten",
    "pairs_spearman": "order of the held-out scored pairs, 1 is the curators'",
    "pairs_mae": "distance of cosine and score, 0 is best",
    "guard_spearman": "order of general-English pairs: what was forgotten",
    "random_cosine": "cosine of random texts: near 1 is collapse",
}


def table(name: str, metrics: Mapping[str, Any]) -> str:
    """Return a model's measures, base beside tuned, as a Markdown table with the verdict."""
    base, tuned = metrics["base"], metrics["tuned"]
    rows = [row(key, base[key], tuned[key]) for key in READS if key in base]
    lines = [f"| {name} | base | tuned | gain | |", "|---|---|---|---|---|", *rows, ""]
    return "\n".join(
        [*lines, *(sentence(key, metrics[key]) for key in deltas(metrics)), verdict(metrics)]
    )


def row(key: str, base: float, tuned: float) -> str:
    return f"| {key} | {base:.4f} | {tuned:.4f} | {tuned - base:+.4f} | {READS[key]} |"


def deltas(metrics: Mapping[str, Any]) -> list[str]:
    """Return the differences that the metrics hold: of all queries first, then of some."""
    found = [key for key in metrics if key.startswith("delta")]
    return sorted(found, key=lambda key: (key != "delta", "queries" not in metrics[key], key))


def sentence(key: str, delta: Mapping[str, Any]) -> str:
    """Return one difference with its 95 % interval."""
    of = (
        f" ({key.removeprefix('delta_')} catalog: {delta['queries']} queries)"
        if "queries" in delta
        else ""
    )
    low, high = delta["ci_low"], delta["ci_high"]
    return f"- {delta['measure']} {delta['mean']:+.4f}, 95 % interval [{low:+.4f}, {high:+.4f}]{of}"


def verdict(metrics: Mapping[str, Any]) -> str:
    """Return the last line: the verdict, on what it rests, and how far tuning went."""
    return (
        f"\n**{metrics['verdict']}** over {metrics['queries']} queries and "
        f"{metrics['scored_pairs']} scored pairs; interpolation {metrics['interpolation']:g}."
    )


def inserted(document: str, tables: str) -> str:
    """Return a Markdown document with the tables between its two markers."""
    start, end = MARKERS
    if document.count(start) != 1 or document.count(end) != 1:
        raise InputError(f"the document has no place for the table; it needs {start} and {end}.")
    before, rest = document.split(start)
    return f"{before}{start}\n{tables}\n{end}{rest.split(end)[1]}"
