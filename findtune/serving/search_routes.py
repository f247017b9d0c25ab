"""Rewriting questions, and searching the corpus with the whole pipeline."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from findtune.serving.bodies import PicksBody, RewriteBody, SearchBody
from findtune.serving.refusals import not_served
from findtune.serving.service import ServiceOfApp

router = APIRouter(prefix="/v1")


@router.post("/rewrite")
async def rewrite(body: RewriteBody, service: ServiceOfApp) -> dict[str, Any]:
    """Rewrite a question; queries are the usable rewrites, without the question."""
    name, rewriter = service.served.rewriter(body.model)
    arguments = (body.query, body.n, body.seed, body.history)
    queries = await service.worker.run(rewriter.rewrite, *arguments)
    service.metrics.count_texts("rewriter", 1)
    return {"model": name, "queries": queries}


@router.post("/search")
async def search(body: SearchBody, service: ServiceOfApp) -> dict[str, Any]:
    """Search the corpus, and show what each part did. id: of the record, if there is one."""
    answered = await service.search(body, body.user)
    result = answered.result
    return {
        **({} if answered.id is None else {"id": answered.id}),
        "model": answered.model,
        "pipeline": answered.pipeline,
        "queries": result.queries,
        "documents": [asdict(hit) for hit in result.documents],
        "candidates": len(result.candidates),
        "seconds": {part: round(seconds, 4) for part, seconds in result.seconds.items()},
    }


@router.post("/picks")
async def picks(body: PicksBody, service: ServiceOfApp) -> dict[str, Any]:
    """Keep what a user picked of a recorded search; a later answer replaces an earlier one."""
    if service.recorder is None:
        raise not_served("this server records nothing; start it with make serve RECORD=1.")
    record = await service.recorder.keep_picks(body.search, body.picks)
    return record.model_dump(mode="json")
