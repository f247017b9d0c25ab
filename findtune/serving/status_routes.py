"""What is served, and the state of the server."""

from importlib.metadata import PackageNotFoundError, version
from time import time
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from findtune.serving.limits import MAX_DOCUMENTS, MAX_TEXTS
from findtune.serving.service import ServiceOfApp

HEALTH = "/health"  # answered without a key, for monitoring
PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"
METRICS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}}
}
STARTED = int(time())  # seconds since 1970

router = APIRouter()


@router.get("/v1/models")
async def models(service: ServiceOfApp) -> dict[str, Any]:
    """List the models that a request may name. Source: the OpenAI API reference, Models."""
    data = [
        {"id": name, "object": "model", "created": STARTED, "owned_by": "findtune", "rooms": rooms}
        for name, rooms in service.served.rooms_of_names().items()
    ]
    return {"object": "list", "data": data}


@router.get("/info")
async def info(service: ServiceOfApp) -> dict[str, Any]:
    """Describe what is served. The first fields are those of text-embeddings-inference."""
    parts = [
        {"room": room, "model": name, **described(part)}
        for room, by_name in service.served.by_room().items()
        for name, part in by_name.items()
    ]
    return {
        "model_id": parts[0]["model"],
        "model_sha": parts[0]["content_hash"],
        "max_input_length": parts[0].get("max_input_length"),
        "max_client_batch_size": MAX_TEXTS,
        "max_documents": MAX_DOCUMENTS,
        "max_concurrent_requests": service.limits.max_waiting,
        "version": package_version(),
        "parts": parts,
    }


def described(part: Any) -> dict[str, Any]:
    """Return the facts that a part has."""
    names = {
        "content_hash": "content_hash",
        "max_input_length": "max_tokens",
        "dimensions": "dimensions",
        "pipeline": "pipeline",
        "documents": "document_count",
        "corpus_hash": "corpus_hash",
    }
    return {shown: getattr(part, name) for shown, name in names.items() if hasattr(part, name)}


def package_version() -> str | None:
    """Return the version of the installed package; None if it runs from its sources."""
    try:
        return version("findtune")
    except PackageNotFoundError:
        return None


@router.get(HEALTH)
async def health() -> dict[str, str]:
    """Answer as long as the server takes requests."""
    return {"status": "ok"}


@router.get("/metrics", response_class=Response, responses=METRICS)
async def metrics(service: ServiceOfApp) -> Response:
    """Return the counters of this server."""
    text = service.metrics.text(service.worker.waiting)
    return Response(text, media_type=PROMETHEUS_TEXT)


@router.post("/admin/reload")
async def reload(service: ServiceOfApp) -> dict[str, Any]:
    """Reload the models from their folders, and answer with them from then on."""
    await service.reload()
    return await info(service)
