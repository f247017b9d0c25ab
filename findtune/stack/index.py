"""The index of a corpus: its words, and the vectors of every encoder of a stack.

FOLDER/
    index.json         the documents' hash, each encoder's content hash, each file's SHA-256
    documents.jsonl    url, title, text
    PART.npy           vectors of one encoder, (texts, dimensions), fp32
    PART.canaries.npy  its vectors of a few fixed texts, which reveal silent drift
    and for more than MAX_EXACT documents (see findtune.retrieval.nearest)
    bm25.*             the BM25 index
    embedder.ivf       the inverted file of the embedder's vectors, in faiss's format

A folder is used only with the models that made it. The content hash detects a different model; the
canaries detect that the same files give different vectors, for example with another version of a
library. For fewer documents BM25 is rebuilt when an index is opened, since that is fast.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from sentence_transformers import SentenceTransformer

from findtune.core.errors import InputError
from findtune.core.files import (
    atomic_folder,
    read_json,
    read_jsonl,
    sha256,
    write_json,
    write_jsonl,
)
from findtune.retrieval.bm25 import FILES, BM25Index
from findtune.retrieval.corpus import Corpus
from findtune.retrieval.nearest import (
    MAX_EXACT,
    ApproximateNeighbours,
    refuse_without_faiss,
    write_inverted_file,
)
from findtune.retrieval.search import BM25Search, DenseSearch, HybridSearch, Search
from findtune.stack.caches import VectorCache
from findtune.stack.cells import Retriever
from findtune.stack.corpus_file import Document, as_corpus
from findtune.stack.model_files import refuse_changed

FORMAT = 1
CANARIES = (
    "how many people are out of work?",
    "Unemployment rate, by county, sex and age",
    "average price of bread",
    "Deaths and injuries on the road in 2019",
    "share of households without electricity (%)",
    "a",
)
MIN_CANARY_COSINE = 0.999  # kernels differ only in the last bits
INVERTED_FILE = "embedder.ivf"
WORDS_FILE = FILES["params_name"]
REMEDY = "delete the folder, and it is built again"

Array = np.ndarray


@dataclass(frozen=True)
class Encoder:
    """One encoder of a stack: its cache and the hash of its model's files.

    with_titles: whether it also reads the documents' titles.
    """

    cache: VectorCache
    content_hash: str
    with_titles: bool = False

    def texts(self, corpus: Corpus) -> list[str]:
        """Return the texts of a corpus that the encoder reads, without repeats."""
        texts = [*corpus.texts.values()]
        if self.with_titles:
            texts += [corpus.titles[url] or text for url, text in corpus.texts.items()]
        return list(dict.fromkeys(texts))


Encoders = Mapping[str, Encoder]  # name of a part -> encoder


@dataclass(frozen=True)
class Index:
    """A corpus that can be searched; its vectors are in the caches of the stack's encoders."""

    documents: Mapping[str, Document]
    corpus: Corpus
    search: Search


def build_index(documents: Sequence[Document], encoders: Encoders, retriever: Retriever) -> Index:
    """Return the index of some documents."""
    corpus = as_corpus(documents)
    if retriever != "bm25":
        refuse_without_faiss(len(corpus.texts))
    for encoder in encoders.values():
        texts = encoder.texts(corpus)
        encoder.cache.keep(texts)
    return searchable(documents, corpus, encoders, retriever)


def searchable(
    documents: Iterable[Document],
    corpus: Corpus,
    encoders: Encoders,
    retriever: Retriever,
    folder: Path | None = None,
) -> Index:
    """Return an index whose vectors are already cached; folder: where it was saved, if it was."""
    by_url = {document["url"]: document for document in documents}
    return Index(by_url, corpus, search_by(retriever, corpus, encoders, folder))


def search_by(
    retriever: Retriever, corpus: Corpus, encoders: Encoders, folder: Path | None = None
) -> Search:
    """Return the search of a retriever; folder: where its index was saved, if it was."""
    if retriever == "bm25":
        return words_of(corpus, folder)
    encoder = cast(SentenceTransformer, encoders["embedder"].cache)
    dense = DenseSearch(corpus, encoder, folder / INVERTED_FILE if folder else None)
    return HybridSearch(words_of(corpus, folder), dense) if "bm25" in retriever else dense


def words_of(corpus: Corpus, folder: Path | None) -> BM25Search:
    """Return the BM25 search, from a saved index if there is one."""
    if folder is None or not (folder / WORDS_FILE).exists():
        return BM25Search(corpus)
    return BM25Search(corpus, BM25Index.load(folder))


def save_large(search: Search, folder: Path) -> None:
    """Write the parts of an index that take long to build, if the corpus is large."""
    words = search.bm25 if isinstance(search, HybridSearch) else search
    dense = search.dense if isinstance(search, HybridSearch) else search
    if isinstance(words, BM25Search) and words.index.size > MAX_EXACT:
        words.index.save(folder)
    if isinstance(dense, DenseSearch) and isinstance(dense.neighbours, ApproximateNeighbours):
        write_inverted_file(dense.neighbours, folder / INVERTED_FILE)


def save_index(index: Index, encoders: Encoders, folder: Path) -> None:
    """Write an index to a folder, which appears only when it is complete."""
    with atomic_folder(folder) as part:
        write_jsonl(part / "documents.jsonl", index.documents.values())
        for name, encoder in encoders.items():
            vectors = encoder.cache.encode(encoder.texts(index.corpus))
            np.save(part / f"{name}.npy", vectors, allow_pickle=False)
            canaries = encoder.cache.compute(CANARIES)
            np.save(part / f"{name}.canaries.npy", canaries, allow_pickle=False)
        save_large(index.search, part)
        files = {path.name: sha256(path) for path in sorted(part.iterdir())}
        models = {name: encoder.content_hash for name, encoder in encoders.items()}
        digest = index.corpus.digest()
        facts = {"corpus": digest, "files": files, "format": FORMAT, "models": models}
        write_json(part / "index.json", facts)


def open_index(folder: Path, encoders: Encoders, retriever: Retriever) -> Index:
    """Return the index in a folder.

    Raises InputError when it is no index or of another format, when a file has changed, when
    another model made its vectors, or when the same model now gives different vectors.
    """
    if not (folder / "index.json").is_file():
        raise InputError(f"{folder} has no index.json, so it is no index; {REMEDY}.")
    facts = read_json(folder / "index.json")
    if facts["format"] != FORMAT:
        raise InputError(f"{folder} has format {facts['format']}, not {FORMAT}; {REMEDY}.")
    refuse_changed(folder, facts["files"], REMEDY)
    refuse_other_models(folder, facts["models"], encoders)
    documents = read_jsonl(folder / "documents.jsonl")
    corpus = as_corpus(documents)
    for name, encoder in encoders.items():
        refuse_drift(folder / f"{name}.canaries.npy", encoder.cache)
        vectors = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        encoder.cache.keep(encoder.texts(corpus), vectors)
    return searchable(documents, corpus, encoders, retriever, folder)


def refuse_other_models(folder: Path, models: Mapping[str, str], encoders: Encoders) -> None:
    """Raise InputError unless these models made the index; models: part -> content hash."""
    for name, encoder in encoders.items():
        made_by = models.get(name, "none")
        if made_by != encoder.content_hash:
            raise InputError(
                f"{folder} was made with another {name} model ({made_by[:12]}, now "
                f"{encoder.content_hash[:12]}), so its vectors mean nothing to this one; {REMEDY}."
            )


def refuse_drift(path: Path, cache: VectorCache) -> None:
    """Raise InputError if an encoder's vectors of the canaries differ from the saved ones."""
    saved = np.load(path, allow_pickle=False)
    cosines = (saved * cache.compute(CANARIES)).sum(axis=1)
    if not cosines.min() >= MIN_CANARY_COSINE:
        raise InputError(
            f"{path}: the same model now gives other vectors (cosine {cosines.min():.4f}), perhaps "
            f"by another version of a library; {REMEDY}."
        )


def refuse_other_corpus(folder: Path, corpus: Corpus) -> None:
    """Raise InputError unless an index holds the documents of a corpus."""
    if read_json(folder / "index.json")["corpus"] != corpus.digest():
        raise InputError(f"{folder} was made of other documents; {REMEDY}.")
