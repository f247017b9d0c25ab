"""Int8 copies of untrained models, made once, since the exporter takes seconds."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from findtune.core.files import write_json
from findtune.core.manifest import write_manifest

if TYPE_CHECKING:
    from findtune.stack.parts import Parts


@pytest.fixture(scope="session")
def encoder_copy(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the int8 copy of the tiny encoder."""
    from findtune.retrieval.encoder import load_encoder
    from findtune.stack.int8.quantize import write_int8

    path = tmp_path_factory.mktemp("int8") / "base.onnx"
    write_int8(load_encoder(tiny_base), path)
    return path


@pytest.fixture(scope="session")
def cross_encoder_copy(parts: "Parts", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the int8 copy of the tiny reranker's cross-encoder."""
    from findtune.reranker.model.cross_encoder import load
    from findtune.stack.int8.quantize import write_int8

    path = tmp_path_factory.mktemp("int8") / "cross_encoder.onnx"
    write_int8(load(parts.tuned["reranker"], 40), path)
    return path


@pytest.fixture
def exports(
    parts: "Parts", encoder_copy: Path, cross_encoder_copy: Path, tmp_path: Path
) -> Callable[..., Path]:
    """Return the function that writes copies of an embedder and a reranker: (without=names)."""
    from findtune.stack.int8.exports import network_hash

    reranker = parts.tuned["reranker"]
    sources = {
        "embedder/small/base": (parts.bases["embedder"], encoder_copy),
        "reranker/small/retriever": (reranker / "retriever", encoder_copy),
        "reranker/small/base_retriever": (reranker / "base_retriever", encoder_copy),
        "reranker/small/cross_encoder": (reranker, cross_encoder_copy),
    }

    def write(without: tuple[str, ...] = ()) -> Path:
        hashes: dict[Path, dict[str, str]] = {}
        for name, (model, copy) in sources.items():
            path = tmp_path / "export" / f"{name}.onnx"
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.stem not in without:
                path.write_bytes(copy.read_bytes())
                hashes.setdefault(path.parent, {})[path.stem] = network_hash(model)
        for folder, by_name in hashes.items():
            write_json(folder / "export.json", by_name)
            write_manifest(folder)
        return tmp_path / "export"

    return write
