"""The stack's summary for people: the cells, what each model adds, warnings, the verdict."""

from collections.abc import Sequence

from findtune.core.records import Record
from findtune.stack.cells import QUERIES, RERANKERS, RETRIEVERS, Cell
from findtune.stack.evaluate import Evaluation
from findtune.stack.measures import DECISIVE, Values, means

FEW_QUESTIONS = 50  # topics of test; fewer show only large differences
MANY_UNJUDGED = 0.5  # of the first ten documents
MORE_UNJUDGED = 0.1  # than the untuned cell has
GRADE_THEM = "`make grade` lists them for people to grade."
SHOWN = ("ndcg@10", "recall@10", "condensed_ndcg@10", "unjudged@10")


def summary(evaluation: Evaluation, metrics: Record, lineage: Sequence[str]) -> str:
    """Return a Markdown document with one paragraph or table per subject."""
    parts = [
        [f"{DECISIVE} of every cell on dev, {metrics['dev_queries']} questions:"],
        dev_table(evaluation),
        [f"On test, {metrics['queries']} questions of {metrics['groups']} topics:"],
        test_table(evaluation),
        search_grade_lines(metrics),
        lineage,
        [*alone_lines(evaluation), *interaction_lines(evaluation)],
        [f"- warning: {line}" for line in warnings(evaluation)],
        [verdict_line(evaluation)],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def dev_table(evaluation: Evaluation) -> list[str]:
    """Return the grid: a row for queries and retriever, a column for each reranker."""
    rerankers = [name for name in RERANKERS if any(c.reranker == name for c in evaluation.dev)]
    lines = [
        f"| queries | retriever | {' | '.join(rerankers)} |",
        "|---" * (len(rerankers) + 2) + "|",
    ]
    for queries in QUERIES:
        for retriever in RETRIEVERS:
            cells = [Cell(queries, retriever, reranker) for reranker in rerankers]
            if cells[0] in evaluation.dev:
                numbers = [dev_number(cell, evaluation) for cell in cells]
                lines.append(f"| {queries} | {retriever} | {' | '.join(numbers)} |")
    return lines


def dev_number(cell: Cell, evaluation: Evaluation) -> str:
    """Return a cell's mean on dev; the two compared cells are marked."""
    mark = {evaluation.choice.untuned: " (untuned)", evaluation.choice.chosen: " (chosen)"}
    return f"{means(evaluation.dev[cell])[DECISIVE]:.4f}{mark.get(cell, '')}"


def test_table(evaluation: Evaluation) -> list[str]:
    """Return a table of the chosen and the untuned cell on test."""
    lines = [f"| cell | {' | '.join(SHOWN)} |", "|---" * (len(SHOWN) + 1) + "|"]
    for cell, values in evaluation.test.items():
        lines.append(f"| {cell.name.replace('|', ', ')} | {' | '.join(numbers_of(values))} |")
    return lines


def numbers_of(values: Values) -> list[str]:
    """Return the shown measures of a cell; an empty text where one is undefined."""
    cell_means = means(values)
    return [f"{cell_means[name]:.4f}" if name in cell_means else "" for name in SHOWN]


def search_grade_lines(metrics: Record) -> list[str]:
    """Return the difference without search grades; empty if there are none."""
    if "difference_without_search_grades" not in metrics:
        return []
    before = metrics["difference_without_search_grades"]
    return [
        "What searches found was graded, too (docs/data-formats.md). Without these grades the "
        f"difference is {before['mean']:+.4f} [{before['ci_low']:+.4f}, {before['ci_high']:+.4f}]."
    ]


def alone_lines(evaluation: Evaluation) -> list[str]:
    """Return a line for each tuned model: what it alone changes in the untuned cell."""
    lines = []
    for room, change in evaluation.alone.items():
        interval = f"[{change['ci_low']:+.4f}, {change['ci_high']:+.4f}]"
        lines.append(
            f"- tuned {room} alone, on dev: {change['mean']:+.4f} {interval} {change['verdict']}"
        )
    return lines


def interaction_lines(evaluation: Evaluation) -> list[str]:
    """Return a line for each pair of tuned models that are worse together than either alone."""
    return [
        f"- hurts: tuned {' with tuned '.join(pair.rooms)} is {pair.together:.4f}, below "
        f"{pair.first_alone:.4f} and {pair.second_alone:.4f} of either alone"
        for pair in evaluation.interactions
    ]


def warnings(evaluation: Evaluation) -> list[str]:
    """Return what could mislead a reader of the verdict."""
    choice = evaluation.choice
    lines = []
    groups = len({question.group for question in evaluation.held_out.test})
    if groups < FEW_QUESTIONS:
        effect = evaluation.difference["minimum_detectable_effect"]
        # A cell never differs from itself, however few the questions.
        compared = choice.chosen != choice.untuned
        shows = f"; they show no difference below {effect:.3f}" if compared else ""
        lines.append(f"only {groups} topics to test{shows}. More feedback makes the verdict surer.")
    lines += unjudged_warnings(evaluation)
    if choice.chosen != choice.untuned:
        lines += disagreement_warnings(evaluation)
    lines.append("one training of each model was judged; another seed may differ.")
    return lines


def unjudged_warnings(evaluation: Evaluation) -> list[str]:
    """Return a line if many of the first ten documents are unjudged."""
    untuned, chosen = (
        float(evaluation.test[cell]["unjudged@10"].mean()) for cell in evaluation.choice[::-1]
    )
    if chosen - untuned > MORE_UNJUDGED:
        return [
            f"nobody judged {chosen:.0%} of the chosen cell's first ten documents, and "
            f"{untuned:.0%} of the untuned one's; it may be better than measured. {GRADE_THEM}"
        ]
    if max(chosen, untuned) > MANY_UNJUDGED:
        return [
            f"nobody judged {chosen:.0%} of the first ten documents; they count as irrelevant, so "
            f"compare the condensed measure, too. {GRADE_THEM}"
        ]
    return []


def disagreement_warnings(evaluation: Evaluation) -> list[str]:
    """Return a line if the gain on test is less than half of that on dev."""
    choice = evaluation.choice
    on_dev, on_test = (
        float(results[choice.chosen][DECISIVE].mean() - results[choice.untuned][DECISIVE].mean())
        for results in (evaluation.dev, evaluation.test)
    )
    if on_test >= on_dev / 2:
        return []
    return [
        f"dev and test disagree: {on_dev:+.4f} on dev, {on_test:+.4f} on test. The choice among "
        "many cells flatters the gain on dev; few questions do, too."
    ]


def verdict_line(evaluation: Evaluation) -> str:
    """Return the verdict, its numbers, and what ships."""
    difference, choice = evaluation.difference, evaluation.choice
    against = f"{choice.chosen.name} against {choice.untuned.name}".replace("|", ", ")
    if choice.chosen == choice.untuned:
        return (
            f"VERDICT: {difference['verdict']} | on dev no tuned model is surely better than "
            f"{choice.untuned.name.replace('|', ', ')}, so that ships."
        )
    line = (
        f"VERDICT: {difference['verdict']} | {DECISIVE} {difference['mean']:+.4f} "
        f"[{difference['ci_low']:+.4f}, {difference['ci_high']:+.4f}] | {against} | "
        f"smallest visible effect {difference['minimum_detectable_effect']:.4f}"
    )
    refused = evaluation.ships != choice.chosen
    return line + (" | the untuned cell ships instead" if refused else "")
