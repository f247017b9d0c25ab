"""The corpus: every document that can be searched, shown to a user or not.

Read from data/training_data/corpus*.jsonl, or .json with the key corpus.
"""

from collections.abc import Mapping
from typing import Any

from findtune.core.records import Record
from findtune.ingest.documents import clean_document
from findtune.ingest.report import RecordReport


def clean_corpus_document(record: Mapping[str, Any], report: RecordReport) -> tuple[Record, object]:
    """Return the clean document, and its URL as the identity; `text` is another name of snippet."""
    snippet = record.get("snippet") or record.get("text")
    document = clean_document({**record, "snippet": snippet}, "", report)
    report.count_documents([document])
    return {**document, "record": report.location}, document["url"]
