"""What a params.yaml lacks is reported with the line to write, which makes it complete."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from findtune.core import params, shipped_params
from findtune.core.errors import InputError
from findtune.training.launch import Launch

PARAMS = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))


def keys(section: Any, *above: str) -> Iterator[str]:
    """Yield the dotted key of each section and value."""
    for key, value in section.items() if isinstance(section, dict) else ():
        yield ".".join([*above, key])
        if key not in ("files", "wheel", "hub"):  # of base models, which teams replace
            yield from keys(value, *above, key)


@pytest.mark.parametrize("section", PARAMS)
def test_every_key_of_params_has_a_value_as_shipped(section: str) -> None:
    # Sizes of a team are not shipped, but what is in them is.
    missing = [
        key
        for key in keys({section: PARAMS[section]})
        if shipped_params.shipped_value(key.split(".")) is shipped_params.MISSING
        and not re.fullmatch(r"((prepare|base)\.)?(embedder|reranker|rewriter|stack)\.\w+", key)
    ]
    assert missing == [], "copy params.yaml to starter/params.yaml, but for the first line"


def remedied(path: Path, into: Any, key: str) -> str:
    """Return the message about a key, after writing what it says into the file."""
    with pytest.raises(InputError) as error:
        params.read(key, into, path)
    message = str(error.value)
    assert "\n" not in message
    for line, section in re.findall(r"write (?:the line )?`([^`]*)`(?: under ([\w.]+))?", message):
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        place = content
        for part in filter(None, section.split(".")):
            place = place[part]
        place |= yaml.safe_load(line)
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return message


def test_a_section_that_was_added_since_is_told_as_the_line_to_write(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("seed: 13\n", encoding="utf-8")
    message = remedied(path, Launch, "launch")
    assert message.endswith("; write the line `launch: {processes: 1, nodes: 1}`.")
    assert params.read("launch", Launch, path) == Launch(processes=1, nodes=1)


def test_each_key_that_is_missing_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("launch: {}\n", encoding="utf-8")
    message = remedied(path, Launch, "launch")
    assert "launch.processes is missing; write `processes: 1` under launch;" in message
    assert "launch.nodes is missing; write `nodes: 1` under launch." in message
    assert params.read("launch", Launch, path) == Launch(processes=1, nodes=1)


def test_null_is_a_value_too(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("base: {embedder: {small: {}}}\n", encoding="utf-8")
    with pytest.raises(InputError, match="write `path: null` under base.embedder.small"):
        params.lookup("base.embedder.small.path", path)


class Tuning(params.Section):
    """A section like that of a model at a size."""

    tune: dict[str, float]
    loss: str


@pytest.mark.parametrize("size", ["small", "medium", "ours"])
@pytest.mark.parametrize("gone", ["tune", "loss"])
def test_a_key_of_any_size_is_told(tmp_path: Path, size: str, gone: str) -> None:
    path = tmp_path / "params.yaml"
    section = {key: PARAMS["reranker"]["small"][key] for key in ("tune", "loss")}
    del section[gone]
    path.write_text(yaml.safe_dump({"reranker": {size: section}}), encoding="utf-8")
    assert f"under reranker.{size}." in remedied(path, Tuning, f"reranker.{size}")
    assert params.read(f"reranker.{size}", Tuning, path).loss == "listnet"


def test_sections_around_a_missing_one_are_told_too(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("seed: 13\nprepare: {embedder: {}}\n", encoding="utf-8")
    remedied(path, dict, "prepare.reranker.small")
    assert params.lookup("prepare.reranker.small", path) == PARAMS["prepare"]["reranker"]["small"]
    assert params.lookup("prepare", path).keys() == {"embedder", "reranker"}


@pytest.mark.parametrize("key", ["embedder.huge", "tea", "seed.small"])
def test_for_what_is_not_shipped_no_line_is_invented(tmp_path: Path, key: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("seed: 13\n", encoding="utf-8")
    with pytest.raises(InputError) as error:
        params.lookup(key, path)
    assert "write" not in str(error.value)
