"""The stage `base` fetches a model as its entry in params.yaml says, or stops in one line."""

from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from findtune.bases.entry import BaseEntry
from findtune.core.manifest import MANIFEST
from stages.base import converter, main


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a folder that holds a model of two harmless files."""
    monkeypatch.chdir(tmp_path)
    Path("model").mkdir()
    Path("model/config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    Path("model/vocab.txt").write_text("[PAD]\ntea\n", encoding="utf-8")
    return tmp_path


def entry(**changes: Any) -> dict[str, Any]:
    """Return an entry that takes the files of the folder `model`."""
    fields = {"name": "tiny", "license": "MIT", "architecture": "BertModel"}
    return fields | {"path": "model", "wheel": None, "hub": None, "files": {}} | changes


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of the files in a folder but its manifest, by name."""
    paths = (path for path in folder.iterdir() if path.name != MANIFEST)
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in paths}


def run(base: Mapping[str, Any], size: str = "small") -> tuple[int, str]:
    """Return the exit code and the output of one run of the stage."""
    content = yaml.safe_dump({"base": {"embedder": {"small": base}}})
    Path("params.yaml").write_text(content, encoding="utf-8")
    result = CliRunner().invoke(main, ["embedder", size])
    if result.exit_code:
        assert isinstance(result.exception, SystemExit), repr(result.exception)
        assert result.stderr.startswith("Error: ")
        assert result.stdout == ""
        assert not list(Path("models").rglob("*.*"))
    return result.exit_code, result.stdout + result.stderr


def test_the_files_are_copied_and_their_source_is_printed(project: Path) -> None:
    assert run(entry(files=hashes(project / "model"))) == (
        0,
        "models/base/embedder/small: tiny (MIT) from path model\n",
    )
    assert hashes(project / "models/base/embedder/small") == hashes(project / "model")


@pytest.mark.parametrize(
    ("base", "size", "message"),
    [
        (entry(files={"vocab.txt": "0" * 64}), "small", "vocab.txt from path model has sha256"),
        (entry(files={"model.pkl": "0" * 64}), "small", "base.embedder.small.files.model.pkl"),
        (entry(path="nowhere"), "small", "path nowhere: there is no such folder"),
        (entry(), "huge", "params.yaml has no base.embedder.huge: found small, not huge"),
    ],
)
def test_a_wrong_entry_stops_the_stage_in_one_line(
    project: Path, base: dict[str, Any], size: str, message: str
) -> None:
    code, output = run(base, size)
    assert code == 1
    assert message in output


def test_the_converter_follows_from_the_entry() -> None:
    import findtune.bases.gguf
    import findtune.reranker.model.jina.conversion

    digest = "0" * 64
    assert converter(BaseEntry(**entry(files={"model.safetensors": digest}))) is None
    gguf = BaseEntry(**entry(files={"model.gguf": digest, "config.json": digest}))
    assert converter(gguf) is findtune.bases.gguf.convert
    jina = converter(BaseEntry(**entry(alibi_slopes="paper")))
    assert isinstance(jina, partial)
    assert jina.func is findtune.reranker.model.jina.conversion.convert
    assert jina.keywords == {"alibi_slopes": "paper"}
