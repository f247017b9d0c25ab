"""Rewriting a question, and searching the corpus with the whole pipeline."""

from dataclasses import asdict
from functools import partial
from typing import Any

from fastapi import APIRouter

from findtune.serving.bodies import RewriteBody, SearchBody
from findtune.serving.service import ServiceOfApp

router = APIRouter(prefix="/v1")


@router.post("/rewrite")
async def rewrite(body: RewriteBody, service: ServiceOfApp) -> dict[str, Any]:
    """Rewrite a question; queries are the usable rewrites, without the question."""
    name, rewriter = service.served.rewriter(body.model)
    service.metrics.count_texts("rewriter", 1)
    arguments = (body.query, body.n, body.seed, body.history)
    return {"model": name, "queries": await service.worker.run(rewriter.rewrite, *arguments)}


@router.post("/search")
async def search(body: SearchBody, service: ServiceOfApp) -> dict[str, Any]:
    """Search the corpus, and show what each part did."""
    name, searched = service.served.search(body.model)
    service.metrics.count_texts("search", 1)
    compute = partial(searched.search, rewrite=body.rewrite_query)
    result = await service.worker.run(compute, body.query, body.max_num_results, body.history)
    alone = {} if body.rewrite_query else {"queries": "question"}
    return {
        "model": name,
        "pipeline": searched.pipeline | alone,
        "queries": result.queries,
        "documents": [asdict(hit) for hit in result.documents],
        "candidates": len(result.candidates),
        "seconds": {part: round(seconds, 4) for part, seconds in result.seconds.items()},
    }
