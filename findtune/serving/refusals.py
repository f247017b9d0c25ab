"""What a client gets when a request cannot be answered.

The body has the fields that three families of clients read:

    {"error": {"message", "type", "param": null, "code": status}, "message": ...}
"""

from typing import Any


class RefusedError(Exception):
    """A request cannot be answered; the message says why and what to do.

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
    """Return the body of an error."""
    error = {"message": message, "type": kind, "param": None, "code": status}
    return {"error": error, "message": message}


def invalid(message: str) -> RefusedError:
    """Return the refusal (400) of a request that the client can correct."""
    return RefusedError(400, "invalid_request_error", message)


def wrong_field(message: str) -> RefusedError:
    """Return the refusal (422) of a body in which a field has a wrong value."""
    return RefusedError(422, "invalid_request_error", message)


def not_served(message: str) -> RefusedError:
    """Return the refusal (404) of a request for something that is not served."""
    return RefusedError(404, "not_found_error", message)


def disconnected() -> RefusedError:
    """Return the refusal of a request whose client has gone; only the metrics show it."""
    return RefusedError(400, "invalid_request_error", "the client disconnected.")
