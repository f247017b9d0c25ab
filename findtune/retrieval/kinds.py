"""The ways to search a corpus, and what a search returns; read without loading torch."""

from typing import Literal

Ranking = list[str]  # URLs, best first
Retriever = Literal["bm25", "dense", "hybrid"]
RETRIEVERS: tuple[Retriever, ...] = ("bm25", "dense", "hybrid")
