"""Checks on every request: host, key, body size and time; and the handler of last resort."""

import asyncio
import logging
import re
import time
import traceback
from typing import Any

from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from findtune.serving.departures import client_of
from findtune.serving.hosts import is_allowed
from findtune.serving.keys import Keys
from findtune.serving.pages import is_page
from findtune.serving.refusals import RefusedError, disconnected, error_body, not_served
from findtune.serving.service import Service
from findtune.serving.status_routes import HEALTH

log = logging.getLogger("findtune.serving")

RETRY_AFTER = 1  # seconds
UNMATCHED = "unmatched"  # the route label of paths without a route
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Gate:
    """Middleware of one service.

    keys: those that requests must send; hosts: the names that the server answers to, or None for
    all.
    """

    def __init__(
        self,
        app: ASGIApp,
        service: Service,
        keys: Keys,
        hosts: frozenset[str] | None = None,
    ) -> None:
        self.app, self.service, self.keys, self.hosts = app, service, keys, hosts
        self.requests = 0  # in progress

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope = as_get(scope)
        start, answer = time.perf_counter(), Answer(send)
        self.requests += 1
        try:
            self.refuse_crowd()
            self.refuse_other_names(scope)
            self.refuse_stranger(scope)
            refuse_other_sites(scope)
            body = await self.read_body(scope, receive)
            with client_of(receive):
                await self.app(scope, replay(body, receive), answer)
        except RefusedError as refusal:
            await answer.refuse(scope, receive, refusal)
        except Exception as error:
            log.error("%s", without_message(error))
            failure = RefusedError(500, "server_error", "the server failed; its log says where.")
            await answer.refuse(scope, receive, failure)
        finally:
            self.requests -= 1
        seconds = time.perf_counter() - start
        self.service.metrics.count_request(route_of(scope), answer.status, seconds)

    def refuse_crowd(self) -> None:
        """Raise RefusedError 429 when too many requests are in progress."""
        if self.requests > self.service.limits.max_requests:
            message = f"{self.requests - 1} requests are in progress; try again later."
            raise RefusedError(429, "rate_limit_error", message, RETRY_AFTER)

    def refuse_other_names(self, scope: Scope) -> None:
        """Raise RefusedError 421 for a request to a name that is not this server's."""
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        if not is_allowed(host, self.hosts):
            message = "this server does not answer to this host name; ALLOWED_HOSTS=NAME allows it."
            raise RefusedError(421, "invalid_request_error", message)

    def refuse_stranger(self, scope: Scope) -> None:
        """Raise RefusedError for a request without the key that its path needs.

        A path with a control character is refused: the patterns of Starlette's routes also match a
        path with a newline at its end, for which another key could be enough.
        """
        path = scope["path"]
        if CONTROL.search(path):
            raise not_served("the path has a control character; send it without.")
        if path != HEALTH:
            sent = dict(scope["headers"]).get(b"authorization", b"")
            opens_in_browser = self.service.recorder is not None and is_page(path)
            self.keys.check(path, sent, is_page=opens_in_browser)

    async def read_body(self, scope: Scope, receive: Receive) -> bytes:
        """Return the body of a request; raise RefusedError when it is too large or too slow."""
        limits = self.service.limits
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limits.max_body_bytes:
            raise too_large(limits.max_body_bytes)
        try:
            async with asyncio.timeout(limits.body_seconds):
                return await joined_parts(receive, limits.max_body_bytes)
        except TimeoutError:
            message = f"the body did not arrive within {limits.body_seconds:g} s."
            raise RefusedError(408, "timeout_error", message) from None


def as_get(scope: Scope) -> Scope:
    """Return a HEAD request as a GET request; the server drops the body of its answer.

    FastAPI's routes do not answer HEAD, which monitors and proxies use to check a server.
    """
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope


def refuse_other_sites(scope: Scope) -> None:
    """Raise RefusedError 403 for requests that a page of another site makes a browser send.

    That page could not read the answer, but models would be loaded or searches recorded. Links from
    other sites are allowed, and forms carry a token. Source: Fetch Metadata, W3C.
    """
    site = dict(scope["headers"]).get(b"sec-fetch-site", b"none")
    changes = scope["method"] != "GET" and not is_page(scope["path"])
    if changes and site in (b"cross-site", b"same-site"):
        message = "pages of other sites cannot use this server; call it from your own server."
        raise RefusedError(403, "permission_error", message)


class Answer:
    """Forwards an answer and remembers its status; 0 before the answer has started."""

    def __init__(self, send: Send) -> None:
        self.send, self.status = send, 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self.send(message)

    async def refuse(self, scope: Scope, receive: Receive, refusal: RefusedError) -> None:
        """Send an error unless an answer has already started."""
        if not self.status:
            await json_of(refusal)(scope, receive, self)


async def joined_parts(receive: Receive, max_bytes: int) -> bytes:
    """Return the whole body; raise RefusedError 413 as soon as it is too large."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise disconnected()
        body += message.get("body", b"")
        if len(body) > max_bytes:
            raise too_large(max_bytes)
        if not message.get("more_body"):
            return bytes(body)


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a receive function that returns a body once, then whatever follows it."""
    parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return parts.pop() if parts else await receive()

    return receive_again


def too_large(max_bytes: int) -> RefusedError:
    """Return the refusal of a body that is too large."""
    message = f"the body has more than {max_bytes:,} bytes; send fewer texts at a time."
    return RefusedError(413, "invalid_request_error", message)


def json_of(refusal: RefusedError) -> JSONResponse:
    """Return a refusal as a JSON response."""
    body = error_body(refusal.status, refusal.kind, refusal.message)
    return JSONResponse(body, refusal.status, refusal.headers)


def route_of(scope: Scope) -> str:
    """Return the template of the route that answered a request."""
    route: Any = scope.get("route")
    return getattr(route, "path", UNMATCHED)


def without_message(error: Exception) -> str:
    """Return an error's type and the lines of code it came from.

    Its message is left out, since it may quote a user's question.
    """
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__} at {places}"
