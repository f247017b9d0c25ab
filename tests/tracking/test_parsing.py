"""DVC parses each text of YAML once, and what one caller changes no other one sees."""

from pathlib import Path

import pytest
from dvc.utils.serialize import YAMLFileCorruptedError, load_path, modify_yaml
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
