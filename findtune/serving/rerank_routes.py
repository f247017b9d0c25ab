"""Reranking through the APIs of Cohere, Jina and text-embeddings-inference."""

from typing import Any
from uuid import uuid4

import numpy as np
from fastapi import APIRouter

from findtune.serving.bodies import RerankBody
from findtune.serving.service import Service, ServiceOfApp

router = APIRouter()

Array = np.ndarray


@router.post("/rerank")
async def rerank(body: RerankBody, service: ServiceOfApp) -> dict[str, Any] | list[dict[str, Any]]:
    """Rerank documents, or texts in the form of text-embeddings-inference."""
    if body.texts is not None:
        return await scored_texts(body, body.texts, service)
    return await results(body, service, "2")


@router.post("/v1/rerank")
async def rerank_v1(body: RerankBody, service: ServiceOfApp) -> dict[str, Any]:
    """Rerank documents. Source: Cohere's and Jina's API references, Rerank."""
    return await results(body, service, "1")


@router.post("/v2/rerank")
async def rerank_v2(body: RerankBody, service: ServiceOfApp) -> dict[str, Any]:
    """Rerank documents. Source: Cohere's API reference, Rerank."""
    return await results(body, service, "2")


async def results(body: RerankBody, service: Service, version: str) -> dict[str, Any]:
    """Return the documents by relevance, the best first."""
    name, scores, relevance, tokens = await scored(body, service)
    order = np.argsort(-scores, kind="stable")[: body.top_n]
    rows: list[dict[str, Any]] = [
        {"index": int(index), "relevance_score": float(relevance[index])} for index in order
    ]
    if body.return_documents:
        rows = [{**row, "document": body.shown(row["index"])} for row in rows]
    return {
        "id": f"{uuid4()}",
        "model": name,
        "results": rows,
        "usage": {"total_tokens": tokens, "prompt_tokens": tokens},
        "meta": {"api_version": {"version": version}, "billed_units": {"search_units": 1}},
    }


async def scored_texts(
    body: RerankBody, texts: list[str], service: Service
) -> list[dict[str, Any]]:
    """Return texts with their relevance, or their raw scores if asked for, the best first.

    Source: the API of text-embeddings-inference.
    """
    _, scores, relevance, _ = await scored(body, service)
    shown = scores if body.raw_scores else relevance
    rows: list[dict[str, Any]] = [
        {"index": int(index), "score": float(shown[index])}
        for index in np.argsort(-scores, kind="stable")
    ]
    if body.return_text:
        rows = [{**row, "text": texts[row["index"]]} for row in rows]
    return rows


async def scored(body: RerankBody, service: Service) -> tuple[str, Array, Array, int]:
    """Return the reranker's name, scores and relevance, (documents,) each, and the tokens."""
    name, reranker = service.served.reranker(body.model)
    computed = await service.worker.run(reranker.rerank, body.query, body.rows)
    service.metrics.count_texts("reranker", len(body.rows))
    return (name, *computed)
