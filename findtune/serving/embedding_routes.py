"""Embeddings through the APIs of OpenAI and text-embeddings-inference."""

import base64
from typing import Any

import numpy as np
from fastapi import APIRouter

from findtune.serving.bodies import EmbedBody, EmbeddingsBody
from findtune.serving.service import ServiceOfApp

router = APIRouter()

Array = np.ndarray


@router.post("/v1/embeddings")
async def embeddings(body: EmbeddingsBody, service: ServiceOfApp) -> dict[str, Any]:
    """Embed texts. Source: the OpenAI API reference, Embeddings."""
    name, vectors, tokens = await service.embed(body.model, body.texts, body.dimensions)
    data = [
        {"object": "embedding", "index": index, "embedding": encoded(vector, body.encoding_format)}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": name, "usage": usage}


@router.post("/embed")
async def embed(body: EmbedBody, service: ServiceOfApp) -> list[list[float]]:
    """Embed texts. Source: the API of text-embeddings-inference."""
    _, vectors, _ = await service.embed(None, body.texts, body.dimensions)
    return [vector.tolist() for vector in vectors]


def encoded(vector: Array, encoding_format: str) -> list[float] | str:
    """Return a vector for JSON: numbers, or the base64 of little-endian fp32."""
    if encoding_format == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")
    numbers: list[float] = vector.tolist()
    return numbers
