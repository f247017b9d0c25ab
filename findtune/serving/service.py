"""What the routes share: the models, and the thread that runs them."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
from fastapi import Depends, Request

from findtune.core.errors import FindtuneError
from findtune.serving.bodies import SearchBody
from findtune.serving.limits import Limits
from findtune.serving.metrics import Metrics
from findtune.serving.recording import Recorder, interleaved, record_of, shuffled
from findtune.serving.refusals import RefusedError, not_served, wrong_field
from findtune.serving.served import ServedModels
from findtune.serving.worker import Batcher, Worker
from findtune.traffic.records import SearchRecord

if TYPE_CHECKING:  # torch takes seconds to load
    from findtune.serving.parts import ServedSearch
    from findtune.stack.pipeline import SearchResult

log = logging.getLogger("findtune.serving")

Array = np.ndarray


class Answered(NamedTuple):
    """An answered search. id: the id of its record; None if it was not recorded."""

    id: str | None
    model: str
    pipeline: dict[str, str]
    result: "SearchResult"


@dataclass
class Service:
    """One server's models, its worker, and its metrics.

    recorder: keeps searches; None if they are not recorded. shuffled: the share of recorded
    searches whose first documents are shuffled. load: loads the models that are in the folders now;
    None if this server cannot reload.
    """

    served: ServedModels
    limits: Limits
    worker: Worker
    metrics: Metrics
    recorder: Recorder | None = None
    shuffled: float = 0.0
    load: Callable[[], ServedModels] | None = None
    is_loading: bool = False
    reloading: asyncio.Task[None] | None = None  # asyncio keeps only a weak reference
    batchers: dict[str, Batcher] = field(default_factory=dict)  # embedder -> its batcher

    async def embed(
        self, model: str | None, texts: Sequence[str], dimensions: int | None
    ) -> tuple[str, list[Array], int]:
        """Return the embedder's name, the texts' unit vectors, and the tokens that were read.

        dimensions: cut vectors to this length and normalize them again. Raises RefusedError.
        """
        name, embedder = self.served.embedder(model)
        if dimensions and dimensions > embedder.dimensions:
            message = f"dimensions: send at most {embedder.dimensions:,}, the dimensions of {name}."
            raise wrong_field(message)
        batcher = self.batchers.setdefault(name, Batcher(self.worker, embedder.embed))
        rows = await batcher.run(texts)
        self.metrics.count_texts("embedder", len(texts))
        vectors = [cut(vector, dimensions) for vector, _ in rows]
        return name, vectors, sum(tokens for _, tokens in rows)

    async def search(self, body: SearchBody, user: str | None) -> Answered:
        """Search, and record what was shown if the server records. Raises RefusedError.

        A search that cannot be recorded is still answered, without an id. user: who asks.
        """
        served = self.served  # for the rival, too: a reload may change self.served meanwhile
        name, searched = served.search(body.model)
        result, record = await self.answer(searched, body)
        self.metrics.count_texts("search", 1)
        alone = {} if body.rewrite_query else {"queries": "question"}
        answered = Answered(None, name, searched.pipeline | alone, result)
        if self.recorder is None:
            return answered
        if served.rival is not None:
            rival = await self.answer(served.rival, body)
            result, record = interleaved(rival, (result, record), body.max_num_results)
        elif self.shuffled:
            result, record = shuffled((result, record), self.shuffled)
        key = await self.recorder.keep_search(record, user)
        return answered._replace(id=key, result=result)

    async def answer(
        self, searched: "ServedSearch", body: SearchBody
    ) -> tuple["SearchResult", SearchRecord]:
        """Return the result of one search, and its record."""
        start = perf_counter()
        compute = partial(searched.search, rewrite=body.rewrite_query)
        result, found_by = await self.worker.run(
            compute, body.query, body.max_num_results, body.history
        )
        milliseconds = 1000 * (perf_counter() - start)
        version = searched.content_hash
        return result, record_of(body.query, result, found_by, version, milliseconds)

    async def reload(self) -> None:
        """Load the models while the old ones keep answering, then switch to the new ones.

        Running requests finish with the models that they began with. Raises RefusedError: 404 if
        this server cannot reload, 409 during another reload, or if the new models cannot be loaded
        or lack a search that the old ones have; then the old ones keep answering.
        """
        if self.load is None:
            raise not_served("this server cannot reload its models.")
        if self.is_loading:
            raise RefusedError(409, "conflict_error", "models are being loaded already.")
        self.is_loading = True
        try:
            served = await asyncio.to_thread(self.load)
        except Exception as error:  # such as too little memory for both, or an incomplete file
            known = isinstance(error, (FindtuneError, OSError, ValueError))
            reason = f"{error}" if known else f"{type(error).__name__}: {error}"
            message = f"the new models cannot be loaded: {reason}"
            raise RefusedError(409, "conflict_error", message) from error
        finally:
            self.is_loading = False
        refuse_loss_of_search(self.served, served)
        # No await until the end: no request may see only one of the two changed.
        self.served, self.batchers = served, {}
        self.metrics.name_models(served)
        log.info("New models answer from now on: %s", ", ".join(served.rooms_of_names()))


def refuse_loss_of_search(old: ServedModels, new: ServedModels) -> None:
    """Raise RefusedError 409 if new models have no search, and the old ones have.

    They may lack a reranker or a rewriter: the best stack may do without.
    """
    if old.searches and not new.searches:
        message = (
            "the new models have no search, which this server offers; make or promote a stack, or "
            "restart the server to serve without a search."
        )
        raise RefusedError(409, "conflict_error", message)


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
