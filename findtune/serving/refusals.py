"""What a client reads when a request cannot be answered.

A body has the fields of three families of clients:

    {"error": {"message", "type", "param": null, "code": status}, "message": ...}
"""

from typing import Any


class RefusedError(Exception):
    """A request cannot be answered; the message says why, and what to do.

    status: the HTTP status; kind: the error's type, as OpenAI names it; retry_after: seconds.
    """

    def __init__(
        self, status: int, kind: str, message: str, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer."""
        return {} if self.retry_after is None else {"Retry-After": f"{self.retry_after}"}


def error_body(status: int, kind: str, message: str) -> dict[str, Any]:
    """Return the body of an answer that is an error."""
    error = {"message": message, "type": kind, "param": None, "code": status}
    return {"error": error, "message": message}


def invalid(message: str) -> RefusedError:
    """Return the refusal of a request that can be put right."""
    return RefusedError(400, "invalid_request_error", message)


def not_served(message: str) -> RefusedError:
    """Return the refusal of a request for a model that is not here."""
    return RefusedError(404, "not_found_error", message)
