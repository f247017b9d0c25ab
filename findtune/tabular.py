"""Measures as Markdown: what people read first."""

from collections.abc import Mapping, Sequence
from typing import Any

from findtune.errors import InputError

MARKERS = ("<!-- measures: written by `make readme` -->", "<!-- end of measures -->")
# columns, where they were measured
RANKINGS = ("original", "titles", "shown", "bm25", "bi_encoder", "signals", "base", "tuned")
OF = {"": "", "judged_": ", graded", "vectors_": ", by vectors"}  # rows, by what they are measured
READS = {
    "ndcg@3": "how high they stand among the first three",
    "ndcg@10": "how high the right answers stand, 1 is best",
    "mrr@10": "1 / the rank of the first",
    "map": "mean precision at each right answer",
    "recall@1": "share of queries that find it first",
    "recall@10": "share of the right answers among ten",
    "pairs_spearman": "order of the held-out scored pairs, 1 is the curators'",
    "pairs_mae": "distance of cosine and score, 0 is best",
    "guard_spearman": "order of general-English pairs: what was forgotten",
    "random_cosine": "cosine of random texts: near 1 is collapse",
    "exact_copy": "share of what is drawn that is the question again",
    "repeat": "share of what is drawn that loops",
    "drawn_kept": "share of what is drawn that keeps numbers, years and names",
    "entity_kept": "the same of what is searched",
    "length_ratio": "words of a rewrite for each of its question's",
    "rewrites": "rewrites of a question that are searched",
}


def table(name: str, metrics: Mapping[str, Any]) -> str:
    """Return a model's measures, one ranking beside the other, as a Markdown table."""
    columns = [which for which in RANKINGS if which in metrics]
    named = [which.replace("_", "-") for which in columns]
    rows = [
        row(key + of, [metrics[f"{prefix}{which}"].get(key) for which in columns], READS[key])
        for prefix, of in OF.items()
        for key in READS
        if key in metrics.get(f"{prefix}base", {})
    ]
    head = [f"| {name} | {' | '.join(named)} | gain | |", "|---" * (len(columns) + 3) + "|"]
    told = [sentence(key, metrics[key]) for key in deltas(metrics)]
    return "\n".join([*head, *rows, "", *told, verdict(metrics)])


def row(key: str, values: Sequence[float | None], reads: str) -> str:
    """Return a line of the table; the gain is over the base, which is the last but one."""
    told = " | ".join("" if value is None else f"{value:.4f}" for value in values)
    base, tuned = (value or 0.0 for value in values[-2:])
    return f"| {key} | {told} | {tuned - base:+.4f} | {reads} |"


def deltas(metrics: Mapping[str, Any]) -> list[str]:
    """Return the differences that the metrics hold: of all queries first, then of some."""
    against_base = metrics.get("delta_best", {}).get("against") == "base"  # the same twice
    found = [key for key in metrics if "delta" in key and not (key == "delta" and against_base)]
    return sorted(found, key=lambda key: (key != "delta", "queries" in metrics[key], key))


def sentence(key: str, delta: Mapping[str, Any]) -> str:
    """Return one difference with its 95 % interval, and of what it is."""
    which = key.removeprefix("delta_").removeprefix("pairs").strip("_")
    counts = [f"{delta[it]} {it}" for it in ("queries", "pairs") if it in delta]
    of = ": ".join(filter(None, (which, *counts))) if counts else ""
    over = f"over {delta['against']}" if "against" in delta else ""
    by = next((OF[prefix][2:] for prefix in OF if prefix and key.startswith(prefix)), "")
    told = ", ".join(filter(None, (over.replace("_", "-"), by, of)))
    low, high = delta["ci_low"], delta["ci_high"]
    found = f"- {delta['measure']} {delta['mean']:+.4f}, 95 % interval [{low:+.4f}, {high:+.4f}]"
    return found + (f" ({told})" if told else "")


def verdict(metrics: Mapping[str, Any]) -> str:
    """Return the last line: the verdict, on what it rests, and how far tuning went."""
    pairs = f" and {metrics['scored_pairs']} scored pairs" if "scored_pairs" in metrics else ""
    kept = "" if metrics["interpolation"] else " (the base's own weights)"
    share = f", share of the cross-encoder {metrics['share']:g}" if "share" in metrics else ""
    share += f", {metrics['rewrites']} rewrites a question" if "rewrites" in metrics else ""
    share += f", {metrics['titles_searched']} titles" if metrics.get("titles_searched") else ""
    return (
        f"\n**{metrics['verdict']}** over {metrics['queries']} queries{pairs}; "
        f"interpolation {metrics['interpolation']:g}{kept}{share}."
    )


def inserted(document: str, tables: str) -> str:
    """Return a Markdown document with the tables between its two markers."""
    start, end = MARKERS
    if document.count(start) != 1 or document.count(end) != 1:
        raise InputError(f"the document has no place for the table; it needs {start} and {end}.")
    before, rest = document.split(start)
    return f"{before}{start}\n{tables}\n{end}{rest.split(end)[1]}"
