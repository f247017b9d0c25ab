"""A corpus is read from a file and searched by words or by vectors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from findtune.core.errors import UnsafeModelError
from findtune.core.files import write_jsonl
from findtune.retrieval import search as search_module
from findtune.retrieval.corpus import Corpus, read_corpus
from findtune.retrieval.encoder import load_encoder
from findtune.retrieval.search import (
    DEPTH,
    BM25Search,
    DenseSearch,
    HybridSearch,
    Searches,
    open_searches,
)

CORPUS = Corpus({"a": "green tea", "b": "milk and tea, tea", "c": "price of bread", "d": ""}, {})
LARGE = Corpus({f"{number}": "tea" for number in range(DEPTH + 5)}, {})


def test_a_document_is_searched_by_its_title_and_its_text(tmp_path: Path) -> None:
    rows = [("Tea. ", "Cups drunk."), ("Tea", ""), ("", "Cups."), ("", ""), ("Who?", "All…")]
    documents = [{"url": f"{n}", "title": row[0], "text": row[1]} for n, row in enumerate(rows)]
    write_jsonl(tmp_path / "corpus.jsonl", documents)
    corpus = read_corpus(tmp_path / "corpus.jsonl")
    texts = ["Tea. Cups drunk.", "Tea", "Cups.", "", "Who?. All…"]
    assert corpus.texts == {f"{number}": text for number, text in enumerate(texts)}
    assert [*corpus.titles.values()] == ["Tea. ", "Tea", "", "", "Who?"]


# By words


def test_bm25_search_leaves_out_documents_that_share_no_word() -> None:
    rankings = BM25Search(CORPUS).search(["teas", "the bread", "of", "", "☕", "wine"])
    assert rankings == [["b", "a"], ["c"], [], [], [], []]
    assert BM25Search(CORPUS).search([]) == []


def test_bm25_search_computes_a_repeated_query_once(monkeypatch: pytest.MonkeyPatch) -> None:
    search = BM25Search(CORPUS)
    top_k = Mock(wraps=search.index.top_k)
    monkeypatch.setattr(search.index, "top_k", top_k)
    assert search.search(["tea", "milk", "tea"]) == [["b", "a"], ["b"], ["b", "a"]]
    assert search.search(["milk"]) == [["b"]]
    assert [call.args[0] for call in top_k.call_args_list] == ["tea", "milk"]


# By vectors


class CountingEncoder:
    """An encoder whose vectors count how often a text says tea, and how often bread."""

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str], **options: Any) -> np.ndarray:
        assert options["normalize_embeddings"]
        self.encoded += texts
        counts = np.array([[text.count("tea"), text.count("bread")] for text in texts], float)
        return counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)


def dense(corpus: Corpus) -> DenseSearch:
    return DenseSearch(corpus, cast(SentenceTransformer, CountingEncoder()))


def test_dense_search_returns_every_document_by_its_cosine() -> None:
    texts = {"bread": "bread", "both": "bread tea tea", "tea": "tea", "none": "milk"}
    assert dense(Corpus(texts, {})).search(["tea", "tea, bread, tea", "milk"]) == [
        ["tea", "both", "bread", "none"],
        ["both", "tea", "bread", "none"],  # 1, 0.89, 0.45, 0
        ["bread", "both", "tea", "none"],  # all 0: in the order of the corpus
    ]


def test_dense_search_encodes_the_corpus_once_and_nothing_without_a_query() -> None:
    search = dense(CORPUS)
    search.search(["tea"])
    assert search.search([]) == search.search(iter([])) == []
    search.search(iter(["bread"]))
    encoder = cast(CountingEncoder, search.encoder)
    assert encoder.encoded == [*CORPUS.texts.values(), "tea", "bread"]


def hybrid(corpus: Corpus) -> HybridSearch:
    return HybridSearch(BM25Search(corpus), dense(corpus))


def test_hybrid_search_fuses_both_rankings_and_encodes_a_query_once() -> None:
    search = hybrid(Corpus({"t": "tea", "b": "bread", "x": "cup"}, {}))
    # cup: words find x; all vectors are 0 and rank t, b, x
    # cups of bread: words find b, x; vectors rank b, t, x
    cup, both = ["x", "t", "b"], ["b", "x", "t"]
    assert search.search(["cup", "cups of bread", "cup"]) == [cup, both, cup]
    search.search(["cup"])
    search.dense.search(["cup"])
    encoder = cast(CountingEncoder, search.dense.encoder)
    assert encoder.encoded[3:] == ["cup", "cups of bread"]


def test_an_encoder_is_loaded_only_for_a_search_by_vectors(tiny_base: Path, tmp_path: Path) -> None:
    assert Searches(CORPUS, tmp_path / "missing").by_name("bm25").search(["bread"]) == [["c"]]
    searches = Searches(CORPUS, tiny_base)
    both = searches.by_name("hybrid")
    assert isinstance(both, HybridSearch)
    assert (both.bm25, both.dense) == (searches.by_name("bm25"), searches.by_name("dense"))


def test_the_same_corpus_is_encoded_once_and_another_one_replaces_it(
    tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "OPENED", {})
    first, other = Corpus({"a": "tea"}, {"a": "Tea"}), Corpus({"a": "tea"}, {"a": "Cups"})
    searches = open_searches(first, tiny_base)
    equal = Corpus(dict(first.texts), dict(first.titles))
    assert open_searches(equal, tiny_base).dense is searches.dense
    assert open_searches(other, tiny_base) is not searches
    assert open_searches(first, tiny_base) is not searches  # only the last one is kept
    assert open_searches(first, tiny_base / "other") is not open_searches(first, tiny_base)


@pytest.mark.parametrize(
    ("documents", "terminal", "shown"), [(3, True, True), (3, False, False), (2, True, False)]
)
def test_a_large_corpus_is_encoded_with_a_progress_bar_at_a_terminal(
    documents: int, terminal: bool, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "MANY_TEXTS", 2)
    monkeypatch.setattr(search_module.sys.stderr, "isatty", lambda: terminal)
    encode = Mock(return_value=np.zeros((documents, 2)))
    texts = {f"{number}": "tea" for number in range(documents)}
    DenseSearch(Corpus(texts, {}), cast(SentenceTransformer, Mock(encode=encode)))
    assert encode.call_args.kwargs["show_progress_bar"] is shown


@pytest.mark.parametrize("kind", [BM25Search, dense, hybrid])
def test_a_search_returns_no_more_than_its_depth(kind: Any) -> None:
    assert kind(LARGE).search(["tea"]) == [[f"{number}" for number in range(DEPTH)]]


def test_a_sentence_encoder_ranks_a_documents_own_text_first(tiny_base: Path) -> None:
    encoder = load_encoder(tiny_base)
    assert {weight.dtype.itemsize for weight in encoder.parameters()} == {4}
    texts = {"w": "wheat harvest", "r": "median rent", "c": "diesel cars"}
    search = DenseSearch(Corpus(texts, {}), encoder)
    assert [ranking[0] for ranking in search.search(list(texts.values()))] == list(texts)
    assert np.linalg.norm(search.neighbours.vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-5)


def test_an_encoder_with_a_pickle_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(UnsafeModelError, match="can run code when loaded"):
        load_encoder(tmp_path)
