"""A stack runs on copies of its own models only, and its index tells them from the models."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import findtune.stack
from findtune.core.errors import InputError

if TYPE_CHECKING:
    from findtune.stack.parts import Parts

Documents = list[dict[str, str]]
Exports = Callable[..., Path]


@pytest.fixture
def saved(parts: "Parts", tmp_path: Path) -> Path:
    """Return the folder of a stack of the base embedder and the tuned reranker."""
    from findtune.stack.artifact import save
    from findtune.stack.cells import Cell

    save(Cell("question", "base", "tuned"), parts, tmp_path / "stack", rerank_depth=3, seed=13)
    return tmp_path / "stack"


def test_a_stack_on_copies_searches_with_every_one_of_them(
    saved: Path, exports: Exports, documents: Documents
) -> None:
    from findtune.stack.int8.loading import networks_of
    from findtune.stack.int8.network import OnnxNetwork

    stack = findtune.stack.load(saved, exports=exports())
    models = [stack.encoders["embedder"].cache.encoder, *networks_of(stack.scorer)]
    plain = findtune.stack.load(saved)
    assert {type(model[0].model) for model in models} == {OnnxNetwork}
    assert len(models) == 1 + len(networks_of(plain.scorer))
    result = stack.search("price of bread", documents)
    assert {hit.url for hit in result.documents} == {row["url"] for row in documents}
    fp32 = plain.search("price of bread", documents)
    scores = [
        {hit.url: hit.score for hit in each.documents if hit.score is not None}
        for each in (result, fp32)
    ]
    assert scores[0] != scores[1]
    assert scores[0] == pytest.approx(scores[1], abs=0.2)


def test_copies_refuse_the_index_that_their_models_made(
    saved: Path, exports: Exports, documents: Documents, tmp_path: Path
) -> None:
    from findtune.stack.int8.loading import version

    stack, copied = findtune.stack.load(saved), findtune.stack.load(saved, exports=exports())
    stack.index(documents, tmp_path / "index")
    with pytest.raises(InputError, match="was made with another embedder model"):
        copied.index(documents, tmp_path / "index")
    copied.index(documents, tmp_path / "other")
    again = findtune.stack.load(saved, exports=tmp_path / "export")
    assert len(again.index(documents, tmp_path / "other").documents) == len(documents)
    assert version(copied, saved) == version(again, saved) != version(stack, saved)


def test_a_network_without_a_copy_is_named(saved: Path, exports: Exports) -> None:
    with pytest.raises(InputError, match="no int8 copy of .*stack/embedder; `make export` makes"):
        findtune.stack.load(saved, exports=saved / "none")
    with pytest.raises(InputError, match="no int8 copy of .*stack/reranker; `make export` makes"):
        findtune.stack.load(saved, exports=exports(without=("cross_encoder",)))


def test_a_damaged_copy_is_named_and_not_used(saved: Path, exports: Exports) -> None:
    root = exports()
    path = root / "reranker" / "small" / "cross_encoder.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"cross_encoder\.onnx has changed since it was written"):
        findtune.stack.load(saved, exports=root)
