"""What stands in for a model that is not trained is whole, empty and the same each time."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from findtune.core.manifest import is_model, refuse_damaged
from stages.skip import main

PIPELINE = Path("dvc.yaml").absolute()


def files() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


@pytest.mark.parametrize("model", ["reranker", "rewriter"])
def test_it_writes_the_outputs_that_dvc_yaml_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.chdir(tmp_path)
    written = []
    for _ in range(2):
        result = CliRunner().invoke(main, [model, "small"])
        line = f"{model}/small: not trained, as skip of params.yaml says\n"
        assert (result.exit_code, result.output) == (0, line)
        written.append(files())
    assert written[0] == written[1]
    refuse_damaged(Path("models", model, "small"))
    assert Path("models", model, "small").exists()
    assert not is_model(Path("models", model, "small"))
    entries = yaml.safe_load(PIPELINE.read_text(encoding="utf-8"))["stages"]["skip"]["outs"]
    outs = [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]
    for out in outs:
        assert Path(out.replace("${item.model}", model).replace("${item.size}", "small")).exists()


def test_the_embedder_is_never_skipped() -> None:
    result = CliRunner().invoke(main, ["embedder", "small"])
    assert result.exit_code == 2
    assert "reranker" in result.output
