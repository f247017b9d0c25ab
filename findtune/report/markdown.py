"""Measures as Markdown: a summary row, or a section with all measures, for each model."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from findtune.core.errors import InputError

Metrics = Mapping[str, Any]

START = "<!-- measures: written by `make readme` -->"
END = "<!-- end of measures -->"
SUMMARY_HEAD = """\
| model | measure | base | tuned | difference, 95 % interval | verdict |
|---|---|---|---|---|---|"""
# A row of the summary or the heading of a section, with the name MODEL/SIZE.
ENTRY = re.compile(r"^(?:### |\| )([\w-]+/[\w-]+)\b", re.MULTILINE)

RANKINGS = (
    "original",
    "prf",
    "as_shown",
    "bm25",
    "bi_encoder",
    "tuned_bi_encoder",
    "retriever_features",
    "base",
    "tuned",
)
# Prefixes of metrics keys: the same measure on other qrels, or with another search.
VARIANTS = {
    "": "",
    "graded_": "graded",
    "corrected_": "corrected",
    "bm25_": "BM25 search",
    "dense_": "dense search",
    "hybrid_": "hybrid search",
    "new_variables_": "new variables",
    "feedback_": "feedback",
}
MEANINGS = {
    "ndcg@3": "quality of the order of the first three, 1 is best",
    "ndcg@10": "quality of the order of the first ten, 1 is best",
    "mrr@10": "1 / rank of the first relevant result",
    "map": "mean average precision",
    "recall@1": "share of the relevant results at rank 1",
    "recall@10": "share of the relevant results in the first ten",
    "pairs_spearman": "rank correlation with the curators' scores of held-out pairs",
    "pairs_mae": "mean difference of cosine and score, 0 is best",
    "guard_spearman": "rank correlation on general English: falls when it is forgotten",
    "guard_mrr@10": "everyday queries find their text: falls when it is forgotten",
    "random_cosine": "mean cosine of random texts: near 1 is a collapse",
    "copy_rate": "share of sampled rewrites that repeat the question",
    "repetition_rate": "share of sampled rewrites that loop",
    "unknown_word_rate": "share of sampled rewrites with a word that nobody wrote",
    "rejected_rate": "share of sampled rewrites that can't be searched",
    "entity_recall_sampled": "share of sampled rewrites that keep numbers, years and names",
    "entity_recall_searched": "the same for the rewrites that are searched",
    "length_ratio": "words of a rewrite per word of its question",
    "num_rewrites": "rewrites searched per question",
}
# Measures of sentence pairs: exactly 0 for base and tuned if there are no pairs.
OF_PAIRS = ("pairs_spearman", "pairs_mae", "guard_spearman")
ORDER_UNKNOWN = (
    " In nearly all lists the picks stand first: either users only look at the first, or the lists"
    " are sorted by pick. The order shown is left out."
)
SETTINGS = {  # shown beside the verdict: key of the metrics -> its text
    "ships": "ships: {}",
    "retriever": "searched by {}",
    "cross_encoder_weight": "cross-encoder weight {:g}",
    "examination_eta": "position bias {:g}",
    "num_rewrites": "{} rewrites per question",
    "fb_docs": "titles of {} documents",
}


def summary_row(name: str, metrics: Metrics) -> str:
    """Return a model's row of the summary."""
    return f"| {' | '.join(summary_cells(name, metrics))} |"


def summary_cells(name: str, metrics: Metrics) -> tuple[str, ...]:
    """Return the cells of the summary's row: the difference on which the verdict rests."""
    difference = metrics.get("difference_best", metrics["difference"])
    measure, against = difference["measure"], difference.get("against", "base")
    means = metrics.get("decisive") or {key: metrics[key][measure] for key in (against, "tuned")}
    before = f"{means[against]:.4f}" + ("" if against == "base" else f" ({against})")
    tuned, verdict = f"{means['tuned']:.4f}", metrics["verdict"]
    named = label(measure, variant_of_verdict(metrics, measure))
    return name, named, before, tuned, with_interval(difference), verdict


def variant_of_verdict(metrics: Metrics, measure: str) -> str:
    """Return which relevant documents the verdict rests on; "" for the picks as logged."""
    means = metrics.get("decisive")
    if not means:
        return ""
    for prefix in ("", "corrected_", "graded_"):
        if metrics.get(f"{prefix}tuned", {}).get(measure) == means["tuned"]:
            return VARIANTS[prefix]
    return "graded or picked"  # lists without grades count by their picks


def section(name: str, metrics: Metrics) -> str:
    """Return all measures of a model under a heading."""
    return f"### {name}\n\n{measures(metrics)}"


def measures(metrics: Metrics) -> str:
    """Return a table of all measures, the differences with their intervals, and the verdict."""
    columns = rankings_of(metrics)
    head = [*columns, "difference", "meaning"]
    rows = [
        measure_row(label(measure, variant), measure, [metrics[prefix + key] for key in columns])
        for prefix, variant, measure in measured(metrics)
    ]
    lines = [f"| measure | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|", *rows, ""]
    lines += [difference_line(*named) for named in named_differences(metrics)]
    return "\n".join([*lines, "", verdict_line(metrics)])


def rankings_of(metrics: Metrics) -> list[str]:
    """Return the columns of the table of measures: the rankings, base and tuned last."""
    return [ranking for ranking in RANKINGS if ranking in metrics]


def measured(metrics: Metrics) -> list[tuple[str, str, str]]:
    """Return the rows of the table of measures: (prefix of the keys, variant, measure)."""
    return [
        (prefix, variant, measure)
        for prefix, variant in VARIANTS.items()
        for measure in MEANINGS
        if measure in metrics.get(f"{prefix}base", {}) and is_measured(metrics, measure)
    ]


def is_measured(metrics: Metrics, measure: str) -> bool:
    """Return whether there was something to measure; without pairs, `evaluate` writes 0."""
    both = (metrics["base"], metrics["tuned"])
    return measure not in OF_PAIRS or any(values.get(measure) for values in both)


def label(measure: str, variant: str) -> str:
    return ", ".join(filter(None, (measure, variant)))


def measure_row(name: str, measure: str, rankings: Sequence[Mapping[str, float]]) -> str:
    """Return a line of the table; its difference is tuned, the last column, minus base."""
    cells = [f"{row[measure]:.4f}" if measure in row else "" for row in rankings]
    difference = rankings[-1].get(measure, 0.0) - rankings[-2].get(measure, 0.0)
    return f"| {name} | {' | '.join(cells)} | {difference:+.4f} | {MEANINGS[measure]} |"


def difference_keys(metrics: Metrics) -> list[str]:
    """Return the keys of the differences: over all queries first, then of slices."""
    against = metrics["difference"].get("against", "base")
    keys = [key for key in metrics if "difference" in key]
    if metrics.get("difference_best", {}).get("against") == against:  # both hold the same numbers
        keys.remove("difference")
    return sorted(keys, key=lambda key: (key != "difference", "queries" in metrics[key], key))


def named_differences(metrics: Metrics) -> list[tuple[str, Mapping[str, Any]]]:
    """Return each difference with its notes, in the order of `difference_keys`, without repeats.

    The difference to the order shown is of picks alone. Its notes say so if the verdict rests on
    another difference to the order shown.
    """
    best = metrics.get("difference_best", {})
    named: list[tuple[str, Mapping[str, Any]]] = []
    for key in difference_keys(metrics):
        difference = metrics[key]
        notes = difference_notes(key, difference)
        if (
            key == "difference_as_shown"
            and best.get("against") == "as_shown"
            and difference != best
        ):
            notes += ", by picks alone"
        if (notes, difference) not in named:
            named.append((notes, difference))
    return named


def difference_line(notes: str, difference: Mapping[str, Any]) -> str:
    """Return a difference as a list item with its notes."""
    text = f"- {difference['measure']} {with_interval(difference)}"
    return f"{text} ({notes})" if notes else text


def difference_notes(key: str, difference: Mapping[str, Any]) -> str:
    """Return the baseline, the variant and the slice of a difference, with its queries."""
    variant = next(
        (name for prefix, name in VARIANTS.items() if prefix and key.startswith(prefix)), ""
    )
    slice_name = key.rpartition("difference_")[2].removeprefix("pairs").strip("_")
    counts = [count_queries(difference)] if "queries" in difference else []
    counts += [f"{difference['pairs']} pairs"] if "pairs" in difference else []
    where = ": ".join(filter(None, (slice_name, *counts))) if counts else ""
    over = f"over {difference['against']}" if "against" in difference else ""
    return ", ".join(filter(None, (over, variant, where)))


def with_interval(difference: Mapping[str, Any]) -> str:
    low, high = difference["ci_low"], difference["ci_high"]
    return f"{difference['mean']:+.4f} [{low:+.4f}, {high:+.4f}]"


def verdict_line(metrics: Metrics) -> str:
    """Return the verdict, the number of queries behind it, and what was selected on dev."""
    pairs = f" and {metrics['scored_pairs']} scored pairs" if metrics.get("scored_pairs") else ""
    share = metrics["interpolation"]
    settings = [f"interpolation {share:g}" + ("" if share else " (the base's own weights)")]
    settings += [text.format(metrics[key]) for key, text in SETTINGS.items() if key in metrics]
    count = f"{count_queries(metrics)}{pairs}"
    order = ORDER_UNKNOWN if metrics.get("order_unknown") else ""
    return f"**{metrics['verdict']}** over {count}; {', '.join(settings)}.{order}"


def count_queries(numbers: Mapping[str, Any]) -> str:
    """Return how many queries there are, and how many groups if some queries share one.

    Each query counts once in a mean; its interval resamples whole groups.
    """
    queries, groups = numbers["queries"], numbers.get("groups")
    dependent = groups is not None and groups < queries
    return f"{queries} queries" + (f" in {groups} groups" if dependent else "")


def summary(rows: Mapping[str, str]) -> str:
    """Return the summary of some models: name -> row."""
    return "\n".join([SUMMARY_HEAD, *rows.values()])


def full(sections: Mapping[str, str]) -> str:
    """Return the sections of some models, below each other: name -> section."""
    return "\n\n".join(sections.values())


def entries_between_markers(document: str) -> dict[str, str]:
    """Return the rows or sections of a document's measures: name -> text."""
    block = split_at_markers(document)[1]
    starts = list(ENTRY.finditer(block))
    bounds = [*(match.start() for match in starts), len(block)]
    return {
        match[1]: block[match.start() : end].strip()
        for match, end in zip(starts, bounds[1:], strict=True)
    }


def replace_between_markers(document: str, text: str, markers: tuple[str, str]) -> str:
    """Return a document with another text between two markers."""
    before, _, after = split_at_markers(document, markers)
    start, end = markers
    return f"{before}{start}\n{text}\n{end}{after}"


def split_at_markers(
    document: str, markers: tuple[str, str] = (START, END)
) -> tuple[str, str, str]:
    """Return the text of a document before, between and after two markers.

    Raises InputError unless each marker occurs once, the first one first.
    """
    start, end = markers
    before, _, rest = document.partition(start)
    between, _, after = rest.partition(end)
    if (document.count(start), rest.count(end), before.count(end)) != (1, 1, 0):
        raise InputError(
            f"the document has no place for the table; it needs one line {start} "
            f"and below it one line {end}."
        )
    return before, between, after
