"""What routes share: the models, and the thread that computes with them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from fastapi import Depends, Request

from findtune.serving.limits import Limits
from findtune.serving.metrics import Metrics
from findtune.serving.refusals import invalid
from findtune.serving.served import ServedModels
from findtune.serving.worker import Batcher, Worker

Array = np.ndarray


@dataclass
class Service:
    """One server's models, its worker, and what it counts."""

    served: ServedModels
    limits: Limits
    worker: Worker
    metrics: Metrics
    batchers: dict[str, Batcher] = field(default_factory=dict)  # embedder -> its batcher

    async def embed(
        self, model: str | None, texts: Sequence[str], dimensions: int | None
    ) -> tuple[str, list[Array], int]:
        """Return the embedder's name, the texts' unit vectors, and the tokens that were read.

        dimensions: to which vectors are cut, and made unit vectors again. Raises RefusedError.
        """
        name, embedder = self.served.embedder(model)
        if dimensions and dimensions > embedder.dimensions:
            raise invalid(f"dimensions is {dimensions}, and {name} has {embedder.dimensions}.")
        batcher = self.batchers.setdefault(name, Batcher(self.worker, embedder.embed))
        self.metrics.count_texts("embedder", len(texts))
        rows = await batcher.run(texts)
        vectors = [cut(vector, dimensions) for vector, _ in rows]
        return name, vectors, sum(tokens for _, tokens in rows)


def cut(vector: Array, dimensions: int | None) -> Array:
    """Return the first dimensions of a vector as a unit vector."""
    if dimensions is None or dimensions == len(vector):
        return vector
    first = vector[:dimensions]
    return first / max(float(np.linalg.norm(first)), 1e-12)


def service_of(request: Request) -> Service:
    """Return the service of the app that a request came to."""
    service: Service = request.app.state.service
    return service


ServiceOfApp = Annotated[Service, Depends(service_of)]
