"""Limits on the size, number and duration of requests."""

from dataclasses import dataclass

MAX_TEXT_CHARS = 50_000  # of one text; models read only its beginning
MAX_QUERY_CHARS = 2_000  # of a question; every word is searched
MAX_TEXTS = 2_048  # to embed in one request, OpenAI's limit
MAX_DOCUMENTS = 1_000  # to rerank in one request, Cohere's limit
MAX_HISTORY = 20  # earlier questions of a session
MAX_REWRITES = 50
MAX_RESULTS = 100  # as many as a search retrieves
MAX_NAME_CHARS = 200  # of a user or a pipeline
MAX_FORM_BYTES = 64 * 1024  # of one form of a page


@dataclass(frozen=True)
class Limits:
    """What one request, and all of them together, may take.

    max_waiting: requests waiting for the models; max_requests: requests in progress; more get a
    429. body_seconds: the time in which a body must arrive. answer_seconds: the time in which the
    models must answer.
    """

    max_body_bytes: int = 8 * 1024 * 1024
    max_waiting: int = 64
    max_requests: int = 512
    body_seconds: float = 30.0
    answer_seconds: float = 120.0
