"""A stack that was saved searches as the grid did, and uses nothing that has changed."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

import findtune.stack
from findtune.core.errors import InputError
from findtune.core.files import read_json, write_json
from findtune.retrieval.corpus import Corpus
from findtune.stack.cells import Cell
from findtune.stack.held_out import Question

if TYPE_CHECKING:
    from findtune.stack.parts import Parts
    from findtune.stack.pipeline import Stack

CELLS = (
    Cell("question", "bm25", "none"),
    Cell("prf", "base", "base"),
    Cell("base", "bm25+base", "tuned"),
    Cell("tuned", "bm25+tuned", "tuned"),
)
QUESTIONS = ("out of work", "price of rice")
Documents = list[dict[str, str]]
Save = Callable[[Cell], Path]


@pytest.fixture
def save(parts: "Parts", tmp_path: Path) -> Save:
    """Return the function that saves a cell and returns its folder."""
    from findtune.stack import artifact

    def save_cell(cell: Cell) -> Path:
        artifact.save(cell, parts, tmp_path / "stack", rerank_depth=2, seed=13)
        return tmp_path / "stack"

    return save_cell


@pytest.fixture
def stack(save: Save) -> "Stack":
    """Return a stack with a model of every room."""
    return findtune.stack.load(save(CELLS[-1]))


def grid_rankings(
    parts: "Parts", corpus: Corpus, cell: Cell, questions: Sequence[Question]
) -> list[list[str]]:
    from findtune.stack.grid import Grid

    grid = Grid(parts, corpus, rerank_depth=2, seed=13, say=lambda _: None)
    return grid.rankings(CELLS, questions)[cell]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_a_loaded_stack_searches_as_its_cell_did_when_it_was_judged(
    cell: Cell,
    save: Save,
    parts: "Parts",
    corpus: Corpus,
    documents: Documents,
    make_question: Callable[..., Question],
) -> None:
    expected = grid_rankings(parts, corpus, cell, [make_question(text) for text in QUESTIONS])
    loaded = findtune.stack.load(save(cell))
    index = loaded.index(documents)
    rankings = [[hit.url for hit in loaded.search(text, index).documents] for text in QUESTIONS]
    assert rankings == expected
    assert any(rankings)


def test_where_the_base_ships_base_and_tuned_share_their_rewrites(
    parts: "Parts",
    corpus: Corpus,
    make_question: Callable[..., Question],
    tmp_path: Path,
) -> None:
    from findtune.stack.grid import Grid

    shutil.copytree(parts.tuned["rewriter"], tmp_path / "rewriter")
    shutil.copyfile(tmp_path / "rewriter" / "base.json", tmp_path / "rewriter" / "rewriter.json")
    base_ships = replace(parts, tuned={**parts.tuned, "rewriter": tmp_path / "rewriter"})
    questions = [make_question(text) for text in QUESTIONS]
    for models, times in ((base_ships, 1), (parts, 2)):
        lines: list[str] = []
        Grid(models, corpus, rerank_depth=2, seed=13, say=lines.append).rankings(CELLS, questions)
        assert len([line for line in lines if line.startswith("rewriting")]) == times


def test_an_encoder_without_a_weight_reads_no_documents(parts: "Parts") -> None:
    scorer = parts.scorer("tuned")
    assert scorer is not None
    assert [*scorer.vector_caches()] == ["reranker"]  # and not its base


def test_a_search_reranks_with_the_weights_for_searches(parts: "Parts", stack: "Stack") -> None:
    from findtune.reranker.model.reranker import load

    reranker = load(parts.tuned["reranker"])
    assert reranker.search_weights != reranker.weights
    for scorer in (parts.scorer("tuned"), parts.dev_scorer("tuned"), stack.scorer):
        assert cast(Any, scorer).reranker.weights == reranker.search_weights


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_a_reranker_is_slow_if_its_cross_encoder_has_a_weight(
    parts: "Parts", tmp_path: Path, weight: float
) -> None:
    from findtune.reranker.model.reranker import SEARCH_WEIGHTS

    folder = tmp_path / "reranker"
    shutil.copytree(parts.tuned["reranker"], folder)
    weights = read_json(folder / SEARCH_WEIGHTS) | {"cross_encoder": weight}
    write_json(folder / SEARCH_WEIGHTS, weights)
    models = replace(parts, tuned={**parts.tuned, "reranker": folder})
    assert models.has_cross_encoder("tuned") == bool(weight)
    assert not models.has_cross_encoder("base")  # without a head, the embedder takes its place
    assert not models.has_cross_encoder("none")


def test_dev_is_ranked_by_a_reranker_that_has_not_learned_it(
    parts: "Parts", tmp_path: Path
) -> None:
    from findtune.reranker.model.reranker import TRAIN_RETRIEVER
    from findtune.retrieval.encoder import load_encoder
    from findtune.stack.caches import VectorCache

    folder = tmp_path / "reranker"
    shutil.copytree(parts.tuned["reranker"], folder)
    shutil.rmtree(folder / TRAIN_RETRIEVER)
    shutil.copytree(parts.tuned["embedder"], folder / TRAIN_RETRIEVER)  # another encoder
    models = replace(parts, tuned={**parts.tuned, "reranker": folder})
    for scorer, name in ((models.dev_scorer, TRAIN_RETRIEVER), (models.scorer, "retriever")):
        own: Any = scorer("tuned")
        expected = VectorCache(load_encoder(folder / name)).fingerprint()
        assert own.retriever.fingerprint() == expected
    assert models.dev_scorer("base") is models.scorer("base")


def test_a_result_says_what_each_part_did(stack: "Stack", documents: Documents) -> None:
    result = stack.search("out of work", documents, top_k=3)
    assert result.queries[0] == "out of work"
    assert len(result.queries) == 1 + 3  # rewrites
    assert len(result.candidates) == 4
    assert [hit.rank for hit in result.documents] == [1, 2, 3]
    first, second, third = result.documents
    assert {first.url, second.url} == {*result.candidates[:2]}
    assert first.relevance is not None
    assert second.relevance is not None
    assert 1 >= first.relevance >= second.relevance >= 0
    assert third.score is None  # below rerank_depth
    assert third.retrieved_rank == 3
    assert {*result.seconds} == {"rewrite", "retrieve", "rerank"}


@pytest.mark.parametrize(
    ("question", "top_k", "message"),
    [
        ("bread", 0, "top_k is 0; ask for 1 document or more"),
        ("bread", -1, "top_k is -1; ask for 1 document or more"),
        (" \n", 10, "the question is blank"),
    ],
)
def test_a_search_that_could_show_nothing_is_refused(
    stack: "Stack", documents: Documents, question: str, top_k: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        stack.search(question, documents, top_k=top_k)


def test_only_a_tuned_reranker_says_how_relevant_a_document_is(
    save: Save, documents: Documents
) -> None:
    loaded = findtune.stack.load(save(Cell("question", "bm25", "base")))
    [hit] = loaded.search("bread", documents, top_k=1).documents
    assert hit.score is not None
    assert hit.relevance is None


def test_a_question_without_a_match_finds_nothing(save: Save, documents: Documents) -> None:
    loaded = findtune.stack.load(save(Cell("question", "bm25", "tuned")))
    result = loaded.search("zebra", documents)
    assert result.documents == []
    assert result.queries == ["zebra"]


@pytest.fixture
def corpus_path(tmp_path: Path, documents: Documents) -> Path:
    """Return the file of the small corpus."""
    path = tmp_path / "documents.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in documents), encoding="utf-8")
    return path


def test_the_index_of_a_file_is_built_once_and_gives_the_same_results(
    stack: "Stack", corpus_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stack.search("out of work", corpus_path)
    monkeypatch.setattr("findtune.stack.pipeline.build_index", None)
    loaded = findtune.stack.load(corpus_path.with_name("stack"))
    assert loaded.search("out of work", corpus_path).documents == first.documents


@pytest.mark.parametrize("name", ["documents.jsonl", "embedder.npy", "reranker.canaries.npy"])
def test_a_flipped_byte_in_an_index_is_named(stack: "Stack", corpus_path: Path, name: str) -> None:
    stack.search("bread", corpus_path)
    path = corpus_path.with_name("documents.jsonl.index") / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{name} has changed since it was written"):
        stack.search("bread", corpus_path)


def test_a_large_corpus_is_saved_with_its_words_and_its_inverted_file(
    stack: "Stack", corpus_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("faiss")
    for module in ("findtune.retrieval.nearest", "findtune.stack.index"):
        monkeypatch.setattr(f"{module}.MAX_EXACT", 1)
    monkeypatch.setattr("findtune.retrieval.nearest.SEARCHED_SHARE", 1.0)
    folder = corpus_path.with_name("documents.jsonl.index")
    built = stack.search(QUESTIONS[0], corpus_path)
    assert {"bm25.json", "embedder.ivf"} <= {path.name for path in folder.iterdir()}
    monkeypatch.setattr("findtune.retrieval.nearest.build_inverted_file", None)
    assert stack.search(QUESTIONS[0], corpus_path).documents == built.documents
    path = folder / "embedder.ivf"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(InputError, match=r"embedder\.ivf"):
        stack.search(QUESTIONS[0], corpus_path)


def test_an_index_of_another_model_is_refused(
    stack: "Stack", save: Save, corpus_path: Path
) -> None:
    stack.search("bread", corpus_path)
    other = findtune.stack.load(save(Cell("question", "base", "none")))
    with pytest.raises(InputError, match="was made with another embedder model"):
        other.search("bread", corpus_path)


def test_an_index_of_other_documents_is_refused(stack: "Stack", corpus_path: Path) -> None:
    stack.search("bread", corpus_path)
    with corpus_path.open("a", encoding="utf-8") as file:
        file.write('{"url": "tea", "title": "Tea", "text": "Cups of tea"}\n')
    with pytest.raises(InputError, match="was made of other documents; delete the folder"):
        stack.search("bread", corpus_path)


def test_an_encoder_that_drifts_is_noticed_by_its_canaries(
    stack: "Stack", corpus_path: Path
) -> None:
    stack.search("bread", corpus_path)
    cache = stack.encoders["embedder"].cache
    compute = cache.compute
    cache.compute = lambda texts: np.roll(compute(texts), 1, axis=1)  # type: ignore[method-assign]
    with pytest.raises(InputError, match="the same model now gives other vectors"):
        stack.index(corpus_path, corpus_path.with_name("documents.jsonl.index"))


def test_a_folder_that_is_no_index_is_refused(stack: "Stack", corpus_path: Path) -> None:
    corpus_path.with_name("documents.jsonl.index").mkdir()
    with pytest.raises(InputError, match=r"has no index\.json, so it is no index"):
        stack.search("bread", corpus_path)


@pytest.mark.parametrize("part", ["embedder", "reranker/retriever", "rewriter"])
def test_a_flipped_byte_in_a_model_is_named(save: Save, part: str) -> None:
    folder = save(CELLS[-1])
    path = folder / part / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.unlink()  # it may be a hard link to the model that it was copied from
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{part}/model.safetensors has changed"):
        findtune.stack.load(folder)


def test_a_missing_stack_is_one_line_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no .*/stack\.json; .*`make train`"):
        findtune.stack.load(tmp_path)


def test_a_saved_stack_has_only_the_models_that_its_cell_uses(save: Save) -> None:
    own = {"stack.json", "SHA256SUMS"}
    assert {path.name for path in save(CELLS[0]).iterdir()} == own
    with_reranker = save(Cell("prf", "bm25", "tuned"))
    assert {path.name for path in with_reranker.iterdir()} == own | {"reranker"}


def test_nothing_of_a_query_is_remembered(stack: "Stack", documents: Documents) -> None:
    index = stack.index(documents)
    stack.search("out of work", index)
    assert not index.search.cache
    assert not any(encoder.cache.queries for encoder in stack.encoders.values())
