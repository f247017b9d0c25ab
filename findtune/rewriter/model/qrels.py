"""The graded judgments of a question."""

from findtune.core.records import Record


def graded_documents(question: Record) -> list[str]:
    """Return the URLs that people graded above 0; empty if nobody judged the question."""
    return [url for url, grade in question["qrels"].items() if grade > 0]
