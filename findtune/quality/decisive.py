"""The held-out questions on which a verdict rests, and the groups of dependent ones."""

from pathlib import Path

from findtune.core.files import iter_jsonl
from findtune.core.records import Record


def decisive_questions(model: str, path: Path) -> list[Record]:
    """Return the questions of a split on which a model's verdict rests, as evaluate chooses them.

    An embedder is judged on variables that it learns; without any, on new ones; without these, on
    lists. A rewriter is not measured on questions without picks.
    """
    rows = [*iter_jsonl(path)]
    lists = [row for row in rows if row["kind"] == "list"]
    if model == "reranker":
        return lists
    if model == "rewriter":
        return [row for row in rows if row["kind"] == "question" and row["picks"]]
    queries = [row for row in rows if row["kind"] == "query"]
    return [row for row in queries if row["known"]] or queries or lists


def group_of(row: Record) -> str:
    """Return the group of a question: its topic, or else its variables."""
    return str(row.get("group", row.get("dcids")))
