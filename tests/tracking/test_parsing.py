"""DVC parses each text of YAML once, and what one caller changes no other one sees."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.serialize import YAMLFileCorruptedError, dump_yaml, load_path, modify_yaml
from dvc.utils.strictyaml import load
from dvc_objects.fs.local import LocalFileSystem
from ruamel.yaml import YAML

from findtune.tracking.parsing import parsed_once

FILE = LocalFileSystem()


@pytest.fixture
def parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Enter a folder with a params.yaml; return the texts that are parsed from now on."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("tea: {cups: [1, 2]}\n")
    texts: list[str] = []
    original = YAML.load

    def note(self: YAML, text: str) -> object:
        texts.append(text)
        return original(self, text)

    monkeypatch.setattr(YAML, "load", note)
    return texts


def test_a_text_is_parsed_once_and_every_caller_has_a_copy(parsed: list[str]) -> None:
    with parsed_once():
        first = load_path("params.yaml", FILE)
        first["tea"]["cups"].append(3)
        assert load_path("params.yaml", FILE) == {"tea": {"cups": [1, 2]}}
        assert load("params.yaml")[0] == {"tea": {"cups": [1, 2]}}
    assert len(parsed) == 1


def test_a_file_that_was_changed_is_parsed_again(parsed: list[str]) -> None:
    with parsed_once():
        load_path("params.yaml", FILE)
        with modify_yaml("params.yaml") as content:
            content["tea"] = "none"
        assert load_path("params.yaml", FILE) == {"tea": "none"}


def test_a_broken_file_is_refused_each_time(parsed: list[str]) -> None:
    Path("params.yaml").write_text("tea: [\n")
    with parsed_once():
        for _ in range(2):
            with pytest.raises(YAMLFileCorruptedError):
                load_path("params.yaml", FILE)


def test_afterwards_dvc_parses_as_before(parsed: list[str]) -> None:
    with parsed_once():
        load_path("params.yaml", FILE)
    load_path("params.yaml", FILE)
    assert len(parsed) == 2


VALUES = [
    5e-05,
    1.0,
    1e300,
    None,
    True,
    "no",
    "010",
    "",
    " x ",
    "ü\n2",
    "a: b",
    "2026-11-29",
    "x " * 90,
]


@pytest.mark.parametrize("comment", ["", "# by hand\n"])
def test_a_lock_is_edited_to_the_bytes_that_dvc_alone_writes(tmp_path: Path, comment: str) -> None:
    path = tmp_path / "dvc.lock"
    written = []
    for context in (nullcontext, parsed_once):
        dump_yaml(path, {"schema": "2.0", "stages": {"tea": {"params": {"p": VALUES}}}})
        path.write_text(comment + path.read_text())
        with context():
            for name in ("rice", "tea"):
                with modify_yaml(path) as lock:
                    lock["stages"][name] = {"cmd": "cook", "params": {"p": [name, *VALUES]}}
        written.append(path.read_bytes())
    assert written[0] == written[1]
    assert written[0].startswith(comment.encode())


def test_a_lock_is_parsed_without_comments(parsed: list[str], monkeypatch: Any) -> None:
    kinds = []
    make = YAML.__init__
    monkeypatch.setattr(
        YAML,
        "__init__",
        lambda self, **kind: (kinds.append(kind.get("typ")), make(self, **kind))[1],
    )
    Path("dvc.lock").write_text("stages: {}\n")
    with parsed_once(), modify_yaml("dvc.lock") as lock:
        lock["schema"] = "2.0"
    assert "rt" not in kinds
