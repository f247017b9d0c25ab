"""What is missing is got by a command that can work: of a size that exists, from a remote."""

from collections.abc import Callable
from pathlib import Path

import pytest

from findtune.core.errors import InputError
from findtune.health.missing import how_to_get, how_to_make, known_sizes, refuse_unknown_size

Tool = Callable[[str], str]
TWO = "models: [embedder, reranker]\nembedder: {small: {}, medium: {}}\nreranker: {small: {}}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a folder that is no repository."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_size_is_one_that_every_model_has(folder: Path) -> None:
    Path("params.yaml").write_text(TWO, encoding="utf-8")
    assert known_sizes() == ["small"]
    refuse_unknown_size("small")
    with pytest.raises(InputError, match=r"^params.yaml has no size large; its sizes are small\.$"):
        refuse_unknown_size("large")
    assert how_to_make("medium") == how_to_get("medium")
    assert how_to_make("medium") == "params.yaml has no size medium; its sizes are small"


@pytest.mark.parametrize(
    "text", [None, "", "models: 3", "models: []", "models: [embedder]", "a: [", "models: [a]\na: 5"]
)
def test_where_the_sizes_are_not_known_none_is_refused(folder: Path, text: str | None) -> None:
    if text is not None:
        Path("params.yaml").write_text(text, encoding="utf-8")
    refuse_unknown_size("large")
    assert how_to_get("large") == "`make train SIZE=large` makes it"


def test_a_pull_is_named_where_a_remote_is_set(tiny_project: Path, tool: Tool) -> None:
    made = "`make train MODELS=rewriter SIZE=small` makes it"
    assert how_to_get("small", "rewriter") == made
    tool("dvc remote add --quiet --default shared ../remote")
    assert how_to_get("small", "rewriter") == (
        f"`make pull` fetches it if it was published, and {made}"
    )
    Path(".dvc/config").write_text("[core", encoding="utf-8")  # cut off
    assert how_to_get("small", "rewriter") == made
