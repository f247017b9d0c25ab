"""What a size has is loaded: the stack's parts first, and single models where it ships none."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copytree, rmtree
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

from findtune.core.errors import InputError
from findtune.core.files import write_jsonl
from stages.skip import main as skip

if TYPE_CHECKING:
    from findtune.stack.parts import Parts

ROOT = Path.cwd()


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file of documents; indexes are written beside it."""
    monkeypatch.chdir(tmp_path)
    rows = [
        {"url": "jobs", "title": "Unemployment", "text": "People who are out of work"},
        {"url": "bread", "title": "Bread prices", "text": "Price of bread in shops"},
    ]
    write_jsonl(tmp_path / "corpus.jsonl", rows)
    return tmp_path / "corpus.jsonl"


@pytest.fixture
def models(parts: "Parts", tmp_path: Path) -> Path:
    """Return a models folder with a stack that searches rewrites and reranks, by words alone."""
    from findtune.stack.artifact import save
    from findtune.stack.cells import Cell

    (tmp_path / "models" / "stack").mkdir(parents=True)
    cell = Cell("tuned", "bm25", "tuned")
    save(cell, parts, tmp_path / "models" / "stack" / "small", rerank_depth=2, seed=3)
    (tmp_path / "models" / "embedder").mkdir()
    (tmp_path / "models" / "embedder" / "small").symlink_to(parts.tuned["embedder"])
    return tmp_path / "models"


def test_a_stack_and_the_embedder_that_it_lacks_answer_every_route(
    models: Path, corpus: Path, make_client: Callable[..., TestClient]
) -> None:
    from findtune.serving.loading import load_served

    client = make_client(load_served(models, "small", corpus))
    rooms = {row["id"]: row["rooms"] for row in client.get("/v1/models").json()["data"]}
    assert rooms == {
        "embedder/small": ["embedder"],
        "stack/small": ["reranker", "rewriter", "search"],
    }
    [vector] = client.post("/embed", json={"inputs": "price of bread"}).json()
    assert len(vector) == 32
    assert np.linalg.norm(vector) == pytest.approx(1)
    request = {"query": "bread", "documents": ["price of bread", {"title": "Rice"}, ""]}
    results = client.post("/v2/rerank", json=request).json()["results"]
    relevance = [row["relevance_score"] for row in results]
    assert relevance == sorted(relevance, reverse=True)
    assert {row["index"] for row in results} == {0, 1, 2}
    assert client.post("/v1/rewrite", json={"query": "bread", "n": 1}).status_code == 200
    body = client.post("/v1/search", json={"query": "price of bread"}).json()
    assert body["documents"][0]["url"] == "bread"
    assert set(body["seconds"]) == {"rewrite", "retrieve", "rerank"}
    alone = client.post("/v1/search", json={"query": "bread", "rewrite_query": False}).json()
    assert alone["queries"] == ["bread"]


def test_a_rerank_keeps_nothing_of_what_it_read(models: Path) -> None:
    from findtune.serving.loading import load_served

    _, reranker = load_served(models, "small", None).reranker(None)
    reranker.rerank("bread", [{"title": "", "text": "price of bread"}])
    for cache in reranker.scorer.vector_caches().values():
        assert not cache.queries


def test_one_model_alone_is_served(models: Path) -> None:
    from findtune.serving.loading import load_served

    served = load_served(models, "small", None, ["embedder"])
    assert [*served.rooms_of_names()] == ["embedder/small"]


def test_what_is_missing_is_one_line(models: Path, tmp_path: Path) -> None:
    from findtune.serving.loading import load_served

    with pytest.raises(
        InputError, match="there is no .*models/reranker/small; `make train SIZE=small`"
    ):
        load_served(models, "small", None, ["reranker"])
    with pytest.raises(InputError, match="has no model of huge; `make train SIZE=huge`"):
        load_served(models, "huge", None)
    with pytest.raises(InputError, match="there is no file .*none.jsonl; name one"):
        load_served(models, "small", tmp_path / "none.jsonl")


def test_what_stands_in_for_a_model_is_not_served(models: Path, corpus: Path) -> None:
    from findtune.serving.loading import load_served

    rmtree(models / "stack")
    for room in ("reranker", "rewriter"):
        assert CliRunner().invoke(skip, [room, "small"]).exit_code == 0
    assert [*load_served(models, "small", None).rooms_of_names()] == ["embedder/small"]
    for room in ("reranker", "rewriter"):
        with pytest.raises(InputError, match=f"^there is no model .*models/{room}/small; .*it.$"):
            load_served(models, "small", None, ["embedder", room])
    (models / "embedder/small").unlink()
    with pytest.raises(InputError, match="has no model of small; `make train SIZE=small`"):
        load_served(models, "small", None)


def test_a_rival_is_another_stack(models: Path, corpus: Path, tmp_path: Path) -> None:
    from findtune.serving.loading import load_served, with_rival
    from findtune.serving.served import ServedModels

    served = load_served(models, "small", corpus)
    with pytest.raises(InputError, match="is the stack that is served, byte for byte"):
        with_rival(served, models, "small", corpus)
    with pytest.raises(InputError, match="no stack is served"):
        with_rival(ServedModels(), models, "small", corpus)
    copytree(models, tmp_path / "other")
    stack = tmp_path / "other/stack/small/stack.json"
    stack.write_bytes(stack.read_bytes() + b"\n")
    rival = with_rival(served, tmp_path / "other", "small", corpus).rival
    assert rival
    assert rival.content_hash != served.searches["stack/small"].content_hash


@pytest.mark.parametrize("name", ["stack", "embedder"])
def test_models_that_are_to_run_on_copies_never_run_without(
    name: str, models: Path, tmp_path: Path
) -> None:
    from findtune.serving.loading import load_served

    with pytest.raises(InputError, match="no int8 copy of .*`make export` makes those"):
        load_served(models, "small", None, [name], exports=tmp_path / "none")


WITHOUT = """
import sys
from pathlib import Path

for name in ("dvc", "gto", "scmrepo", "onnxscript", "findtune.training.launch"):
    sys.modules[name] = None  # as if it were not installed
import commands.collect, commands.compare, commands.forget, commands.serve
from findtune.serving.app import create_app
from findtune.serving.loading import load_served
from findtune.serving.server import run_server

served = load_served(Path("models"), "small", Path("corpus.jsonl"))
result, _ = served.searches["stack/small"].search("work", 1, (), rewrite=False)
print(result.documents[0].url)
trainers = [name for name in sys.modules if name.startswith("findtune.") and "training" in name]
assert not trainers, trainers
"""


def test_serving_needs_neither_dvc_nor_a_trainer(models: Path, corpus: Path) -> None:
    command = [sys.executable, "-c", WITHOUT]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert ran.stdout == "jobs\n", ran.stderr


def test_the_documents_of_a_search_are_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from findtune.serving.parts import ServedSearch
    from findtune.stack.corpus_file import as_corpus

    # GET /info shows the hash, and monitors ask for it again and again.
    corpus = as_corpus([{"url": "u", "title": "Bread", "text": "Price of bread"}])
    index = cast(Any, SimpleNamespace(corpus=corpus))
    search = ServedSearch("s0", cast(Any, None), index)
    digest = corpus.digest()
    hashed: list[bool] = []
    monkeypatch.setattr(type(corpus), "digest", lambda corpus: hashed.append(True) or digest)
    assert [search.corpus_hash, search.corpus_hash] == [digest, digest]
    assert len(hashed) == 1
