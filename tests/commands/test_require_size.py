"""require_size refuses a size that `dvc repro` does not build, and changes nothing."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from commands.require_size import main


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ("small", ""),
        ("huge", "Error: params.yaml has no size huge; its sizes are small, medium.\n"),
        (
            "medium",
            "Error: sizes in params.yaml lacks medium; `make train SIZE=medium` adds it, or write "
            "`sizes: [small, medium]` there.\n",
        ),
    ],
)
def test_a_size_that_is_not_built_is_refused_with_what_adds_it(
    project: Path, size: str, message: str
) -> None:
    before = (project / "params.yaml").read_bytes()
    result = CliRunner().invoke(main, [size])
    assert (result.exit_code, result.output) == (bool(message), message)
    assert (project / "params.yaml").read_bytes() == before


def test_a_params_yaml_without_sizes_is_one_line(project: Path) -> None:
    (project / "params.yaml").write_text("models: [embedder]\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["small"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: params.yaml has no sizes: ")
    assert len(result.stderr.splitlines()) == 1
