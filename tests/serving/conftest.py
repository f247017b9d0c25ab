"""Models that can be computed in one's head, and an application that serves them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from findtune.serving.app import create_app
from findtune.serving.recording import Recorder
from findtune.serving.served import ServedModels
from tests.stack.conftest import parts

__all__ = ["parts"]  # untrained models of every room

Array = np.ndarray


@dataclass
class LengthEmbedder:
    """Embeds a text by the numbers of its characters and words; a token is a word."""

    content_hash: str = "e0"
    dimensions: int = 3
    max_tokens: int = 8
    calls: list[list[str]] = field(default_factory=list)

    def embed(self, texts: Sequence[str]) -> list[tuple[Array, int]]:
        self.calls.append(list(texts))
        rows = [np.array([len(text), len(text.split()), 0], np.float32) for text in texts]
        counts = [len(text.split()) for text in texts]
        return [
            (row / max(float(np.linalg.norm(row)), 1), count)
            for row, count in zip(rows, counts, strict=True)
        ]


@dataclass
class OverlapReranker:
    """Scores a document by the words that it shares with the query; relevance is a tenth of it."""

    content_hash: str = "r0"
    max_tokens: int = 8

    def rerank(
        self, query: str, documents: Sequence[Mapping[str, str]]
    ) -> tuple[Array, Array, int]:
        if query == "fail":
            raise RuntimeError(f"cannot read {query} of a user")
        texts = [f"{row['title']} {row['text']}" for row in documents]
        scores = [len({*query.split()} & {*text.split()}) for text in texts]
        return np.array(scores, float), np.array(scores) / 10, 7


@dataclass
class EchoRewriter:
    """Rewrites a question to itself with a number."""

    content_hash: str = "w0"
    max_tokens: int = 8

    def rewrite(
        self, query: str, number: int | None, seed: int | None, history: Sequence[str]
    ) -> list[str]:
        return [f"{query} {index} {seed} {len(history)}" for index in range(number or 2)]


@dataclass
class OneDocumentSearch:
    """Finds one document, and others if it has them, whatever is asked."""

    content_hash: str = "s0"
    others: list[Any] = field(default_factory=list)
    corpus_hash: str = "c0"
    document_count: int = 1

    @property
    def pipeline(self) -> dict[str, str]:
        return {"queries": "base", "retriever": "bm25", "reranker": "none"}

    def search(self, query: str, top_k: int, history: Sequence[str], *, rewrite: bool) -> Any:
        from findtune.stack.pipeline import Hit, SearchResult

        bread = Hit("u", "Bread", "Price of bread", 1, 3, 0.5, None)
        result = SearchResult(
            documents=[bread, *self.others][:top_k],
            queries=[query, "more"] if rewrite else [query],
            candidates=["u", "v"],
            seconds={"rewrite": 0.25},
        )
        return result, {hit.url: result.queries[-1:] for hit in result.documents}


@pytest.fixture
def served() -> ServedModels:
    """Return one model of each room, and a search."""
    return ServedModels(
        {"stack/small": LengthEmbedder(), "embedder/small": LengthEmbedder("e1")},
        {"stack/small": OverlapReranker()},
        {"stack/small": EchoRewriter()},
        {"stack/small": OneDocumentSearch()},
    )


@pytest.fixture
def make_client() -> Iterator[Callable[..., TestClient]]:
    """Return the function that makes a client of an application: (served, **options)."""
    clients = []

    def make(served: ServedModels, **options: Any) -> TestClient:
        client = TestClient(create_app(served, **options), raise_server_exceptions=True)
        clients.append(client.__enter__())
        return client

    yield make
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(served: ServedModels, make_client: Callable[..., TestClient]) -> TestClient:
    """Return a client of the application without a key."""
    return make_client(served)


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    """Return where searches are kept."""
    return Recorder(tmp_path / "served")
