"""The limits of requests: on size, on number, and on time."""

from dataclasses import dataclass

MAX_TEXT_CHARS = 50_000  # of one text; models read the beginning only
MAX_QUERY_CHARS = 2_000  # of a question, whose every word is searched
MAX_TEXTS = 2_048  # to embed in one request, as OpenAI has it
MAX_DOCUMENTS = 1_000  # to rerank in one request, as Cohere has it
MAX_HISTORY = 20  # earlier questions of a session
MAX_REWRITES = 50
MAX_RESULTS = 100  # a search retrieves so many
MAX_NAME_CHARS = 200  # of a user or a pipeline
MAX_FORM_BYTES = 64 * 1024  # of what a page sends


@dataclass(frozen=True)
class Limits:
    """What one request, and all of them together, may take.

    max_waiting: requests that wait for the models, beyond which 429 is answered. max_requests: that
    are here at all, beyond which 503 is answered. body_seconds: in which a body has to arrive.
    answer_seconds: in which the models have to answer.
    """

    max_body_bytes: int = 8 * 1024 * 1024
    max_waiting: int = 64
    max_requests: int = 512
    body_seconds: float = 30.0
    answer_seconds: float = 120.0
