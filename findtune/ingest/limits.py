"""The sections of params.yaml that limit what ingest accepts: `ingest` and `feedback`."""

from pydantic import Field

from findtune.core.params import Section


class IngestLimits(Section):
    """Limits for CSV files: the size of a row, and the share of rows that may be rejected."""

    max_row_bytes: int = Field(gt=0, le=131_072)  # Python's csv module reads no longer cell
    max_rejected: float = Field(ge=0, le=1)


class FeedbackLimits(Section):
    """Limits for JSON files: the size of a text and of a list, and the share of rejects."""

    max_text_chars: int = Field(gt=0)
    max_documents: int = Field(gt=1)
    max_rejected: float = Field(ge=0, le=1)


Limits = IngestLimits | FeedbackLimits
LIMITS: dict[str, type[Limits]] = {"ingest": IngestLimits, "feedback": FeedbackLimits}
