"""A small corpus with questions, and untrained models of every room in their folders."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from findtune.core.files import write_json, write_jsonl
from findtune.retrieval.corpus import Corpus
from findtune.stack.held_out import Question

if TYPE_CHECKING:  # torch takes seconds to load, and most tests need none of it
    from findtune.stack.parts import Parts

DOCUMENTS = [
    {"url": "jobs", "title": "Unemployment", "text": "People who are out of work"},
    {"url": "bread", "title": "Bread prices", "text": "Price of bread in shops"},
    {"url": "rice", "title": "Rice harvest", "text": "Rice that is harvested in a year"},
    {"url": "roads", "title": "", "text": "Deaths on the road"},
]


@pytest.fixture
def documents() -> list[dict[str, str]]:
    """Return the documents of a small corpus."""
    return [dict(document) for document in DOCUMENTS]


@pytest.fixture
def corpus() -> Corpus:
    """Return the small corpus as it is searched."""
    texts = {row["url"]: f"{row['title']}. {row['text']}".lstrip(". ") for row in DOCUMENTS}
    return Corpus(texts, {row["url"]: row["title"] for row in DOCUMENTS})


@pytest.fixture
def make_question() -> Callable[..., Question]:
    """Return the function that makes a question: (query, **fields)."""

    def make(query: str, **fields: Any) -> Question:
        return Question(query, fields.pop("group", query), "feedback.json:1", **fields)

    return make


@pytest.fixture
def write_examples(tmp_path: Path) -> Callable[..., Path]:
    """Return the function that writes a room's examples: (room, corpus=rows, SPLIT=rows)."""

    def write(room: str, **rows_of_files: list[dict[str, Any]]) -> Path:
        folder = tmp_path / room
        for name in ("train", "dev", "test", "corpus"):
            write_jsonl(folder / f"{name}.jsonl", rows_of_files.get(name, []))
        return folder

    return write


@pytest.fixture(scope="session")
def parts(tiny_base: Path, tiny_t5: Path, tmp_path_factory: pytest.TempPathFactory) -> "Parts":
    """Return untrained models: what is called tuned differs from its base by the seed only."""
    from findtune.stack.parts import Parts
    from findtune.stack.settings import TitleFeedback

    models = tmp_path_factory.mktemp("models")
    save_reranker(tiny_base, models / "reranker")
    save_rewriter(tiny_t5, models / "rewriter")
    return Parts(
        bases={"embedder": tiny_base, "reranker": tiny_base, "rewriter": tiny_t5},
        tuned={
            "embedder": save_other_encoder(tiny_base, models / "embedder"),
            "reranker": models / "reranker",
            "rewriter": models / "rewriter",
        },
        prf=TitleFeedback(fb_docs=1, rank_constant=10, original_query_weight=2),
    )


def save_other_encoder(encoder: Path, folder: Path) -> Path:
    """Save an encoder with other weights."""
    import torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(encoder), device="cpu")
    torch.manual_seed(1)
    with torch.no_grad():
        for weights in model.parameters():
            weights += 0.1 * torch.randn_like(weights)
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


def save_reranker(encoder: Path, folder: Path) -> None:
    from sentence_transformers import CrossEncoder, SentenceTransformer

    from findtune.reranker.model.blending import CROSS_ENCODER_ONLY
    from findtune.reranker.model.reranker import TRAIN_RETRIEVER, Reranker

    cross_encoder = CrossEncoder(str(encoder), num_labels=1, max_length=40, device="cpu")
    retriever = SentenceTransformer(str(encoder), device="cpu")
    weights = {"max_length": 40, "retriever": 1.0, "title_cosine": 0.5}
    for_search = CROSS_ENCODER_ONLY.model_copy(update=weights)
    for_lists = for_search.model_copy(update={"bm25": 9.0})
    Reranker(cross_encoder, retriever, retriever, for_lists, for_search).save(folder)
    retriever.save_pretrained(str(folder / TRAIN_RETRIEVER), create_model_card=False)


def save_rewriter(language_model: Path, folder: Path) -> None:
    from findtune.rewriter.model.lexicon import Lexicon
    from findtune.rewriter.model.rewriter import load_as_rewriter
    from findtune.rewriter.model.settings import RewriterSettings

    generation = {"prompt": "", "num_return_sequences": 24, "temperature": 0.8, "top_k": 50}
    generation |= {"max_input_tokens": 24, "max_new_tokens": 8}
    search = {"num_rewrites": 3, "fb_docs": 0, "query_repeats": 0}
    search |= {"ships": "tuned", "retriever": "bm25"}
    fusion = {"rank_constant": 10, "original_query_weight": 2}
    settings = RewriterSettings.model_validate(generation | search | fusion)
    every_word = Lexicon(frozenset(), frozenset())
    load_as_rewriter(language_model, settings, every_word).save(folder)
    write_json(folder / "base.json", settings.model_dump() | {"ships": "base"})
