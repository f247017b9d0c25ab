"""The corpus: reads every document that can be searched, whether or not users were shown it.

Read from data/training_data/corpus*.jsonl, or .json with the key corpus.
"""

from collections.abc import Mapping
from typing import Any

from findtune.core.records import Record
from findtune.ingest.addresses import normal_form
from findtune.ingest.documents import clean_document
from findtune.ingest.report import RecordReport


def clean_corpus_document(record: Mapping[str, Any], report: RecordReport) -> tuple[Record, object]:
    """Return the clean document, and its URL in normal form as the identity."""
    document = clean_document(record, "", report)
    report.count_documents([document])
    return {**document, "record": report.location}, normal_form(document["url"])
