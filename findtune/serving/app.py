"""The application: its routes, its gate, and the form of errors."""

import asyncio
import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from findtune.serving import (
    embedding_routes,
    pages,
    rerank_routes,
    search_routes,
    status_routes,
)
from findtune.serving.bodies import ErrorBody
from findtune.serving.gate import Gate, json_of
from findtune.serving.keys import Keys
from findtune.serving.limits import Limits
from findtune.serving.metrics import Metrics
from findtune.serving.problems import NO_JSON, problems, unreadable
from findtune.serving.recording import Recorder
from findtune.serving.refusals import RefusedError, invalid, wrong_field
from findtune.serving.served import ServedModels
from findtune.serving.service import Service
from findtune.serving.worker import Worker

log = logging.getLogger("findtune.serving")

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": HTTPStatus(status).phrase}
    for status in (400, 401, 403, 404, 408, 409, 413, 421, 422, 429, 500, 503)
}


def create_app(
    served: ServedModels,
    *,
    keys: Keys | None = None,
    hosts: frozenset[str] | None = None,
    limits: Limits | None = None,
    recorder: Recorder | None = None,
    shuffled: float = 0.0,
    load: Callable[[], ServedModels] | None = None,
) -> FastAPI:
    """Return the application that serves some models.

    keys: those that every request except the health check must send. Pages of other sites cannot
    use the server from a browser, since no answer allows another origin. hosts: the names that the
    server answers to; None for every name. recorder: keeps searches; with it, the pages of training
    mode are served. shuffled: the share of recorded searches whose first documents are shown in a
    random order. load: loads the models that are in the folders now, for a reload.
    """
    limits = limits or Limits()
    service = Service(served, limits, Worker(limits), Metrics(), recorder, shuffled, load)
    service.metrics.name_models(served)
    # FastAPI's documentation pages load scripts from other sites, so they are off.
    app = FastAPI(
        title="Findtune", docs_url=None, redoc_url=None, lifespan=lifespan, responses=ERRORS
    )
    app.state.service = service
    for routes in (embedding_routes, rerank_routes, search_routes, status_routes, pages):
        app.include_router(routes.router)
    app.add_middleware(Gate, service=service, keys=keys or Keys(), hosts=hosts)
    app.add_exception_handler(RefusedError, answer_refusal)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(HTTPException, answer_http)
    return app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Reload models at each SIGHUP; at shutdown, let the running computation finish."""
    service: Service = app.state.service
    if service.load and threading.current_thread() is threading.main_thread():
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload_soon, service)
    yield
    service.worker.close()


def reload_soon(service: Service) -> None:
    """Reload models while requests run; log a failure."""

    async def reload() -> None:
        try:
            await service.reload()
        except RefusedError as refusal:
            log.error("The models stay as they are: %s", refusal.message)

    service.reloading = asyncio.create_task(reload())


async def answer_refusal(request: Request, error: Any) -> Response:
    """Answer a refused request; with a page if it came from one, else with JSON."""
    recorder = request.app.state.service.recorder
    if recorder and pages.is_page(request.url.path):
        return pages.answer_error(request, recorder, error)
    return json_of(error)


async def answer_invalid(request: Request, error: Any) -> Response:
    """Answer a body that is no JSON (400), or one with wrong fields (422), which are named."""
    if isinstance(error.__cause__, ValueError):
        return await answer_refusal(request, invalid(unreadable(error.__cause__)))
    wrong = error.errors()
    # Without the header, FastAPI validates the body as one string.
    is_text = any(each["loc"] == ("body",) and each["type"] != "missing" for each in wrong)
    message = NO_JSON if is_text and not sends_json(request) else problems(wrong)
    return await answer_refusal(request, wrong_field(message))


def sends_json(request: Request) -> bool:
    """Return whether the Content-Type is JSON; curl sends that only on request."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind.startswith("application/") and kind.endswith(("/json", "+json"))


async def answer_http(request: Request, error: Any) -> Response:
    """Answer a path or a method that does not exist, or a body that cannot be read."""
    reason = f"{HTTPStatus(error.status_code).phrase.lower()}; see /openapi.json."
    is_body = error.status_code == 400 and error.__cause__ is not None
    message = unreadable(error.__cause__) if is_body else reason
    refusal = RefusedError(error.status_code, "invalid_request_error", message)
    answer = await answer_refusal(request, refusal)
    answer.headers.update(error.headers or {})
    return answer
