"""A mistake in params.yaml is reported with its full key, and what was read never changes."""

from importlib import import_module
from pathlib import Path

import pytest
from dvc.fs import localfs
from dvc.utils.serialize import load_path
from pydantic import Field, ValidationError

from findtune.bases.entry import BaseEntry
from findtune.core import params
from findtune.core.errors import InputError


class Leaf(params.Section):
    """A section inside another one."""

    origin: str
    weight: float


class Tea(params.Section):
    """A section like those of the stages."""

    leaf: Leaf | None
    minutes: int
    degrees: float = Field(le=100)


GOOD = """\
seed: 13
tea:
  small:
    leaf: {origin: Assam, weight: 2.5}
    minutes: 4
    degrees: 95
"""
UNKNOWN = "is not a known key; known keys are"
INTEGER = "input should be a valid integer"


def test_a_section_is_read_as_its_type_and_never_changes(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(GOOD, encoding="utf-8")
    tea = params.read("tea.small", Tea, path)
    assert tea == Tea(leaf=Leaf(origin="Assam", weight=2.5), minutes=4, degrees=95)
    with pytest.raises(ValidationError, match="frozen"):
        tea.minutes = 5
    with pytest.raises(ValidationError, match="frozen"):
        tea.leaf.origin = "Ceylon"  # type: ignore[union-attr]
    assert params.read("seed", int, path) == 13


def message(path: Path, content: bytes | str, key: str = "tea.small") -> str:
    """Return the message about a file, without its path; no other error is shown with it."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError) as error:
        params.read(key, Tea, path)
    assert error.value.__suppress_context__ or error.value.__context__ is None
    return str(error.value).removeprefix(path.as_posix())


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("minutes: 4", "minutes: 4\n    minuets: 4", f"minuets {UNKNOWN} leaf, minutes, degrees."),
        ("weight: 2.5", "weight: 2.5, colour: black", f"leaf.colour {UNKNOWN} origin, weight."),
        ("    minutes: 4\n", "", "minutes is missing."),
        ("degrees: 95", "degrees: 101", "degrees is 101: input should be less than or equal to"),
        ("minutes: 4", "minutes: lots", f"minutes is 'lots': {INTEGER}"),
        ("minutes: 4", "minutes: [4]", f"minutes is [4]: {INTEGER}"),
        ("minutes: 4", "minutes: null", f"minutes is None: {INTEGER}"),
        ("minutes: 4", "minutes: 4.5", f"minutes is 4.5: {INTEGER}"),
    ],
)
def test_a_mistake_is_named_by_its_full_key_and_the_value_is_shown(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert old in GOOD
    text = message(tmp_path / "params.yaml", GOOD.replace(old, new))
    assert text.startswith(f": tea.small.{expected}")


def test_all_mistakes_are_reported_in_one_line(tmp_path: Path) -> None:
    content = GOOD.replace("minutes: 4\n    degrees: 95", "minuets: 4\n    degrees: hot")
    text = message(tmp_path / "params.yaml", content)
    for part in ("minuets is not a known key", "minutes is missing", "degrees is 'hot'"):
        assert f"tea.small.{part}" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("coffee", " has no coffee: found seed, tea, not coffee."),
        ("tea.huge", " has no tea.huge: found 7, no, small, not huge."),
        ("seed.small", " has no seed.small: found 13, not small."),
        ("seed", ": seed is 13: input should be a valid dictionary or instance of tea."),
    ],
)
def test_a_missing_section_is_reported_with_the_existing_keys(
    tmp_path: Path, key: str, expected: str
) -> None:
    content = GOOD.replace("  small:", "  7: big\n  no: tea\n  small:")
    assert message(tmp_path / "params.yaml", content, key) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", " has no tea.small: found None, not tea."),
        ("tea: Maté".encode("latin-1"), " is not UTF-8 "),
    ]
    + [(f"tea: {text}", " is not valid YAML: ") for text in ("[1, 2", "{a: b", "\n\ta: 1", "b: c")]
    + [("tea: !!python/object/apply:os.mkdir ['ran']", " is not valid YAML: ")],
)
def test_an_unreadable_file_is_reported_and_runs_no_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | str, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message(tmp_path / "params.yaml", content).startswith(expected)
    assert [file.name for file in tmp_path.iterdir()] == ["params.yaml"]


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no .*params.yaml here"):
        params.read("tea.small", Tea, tmp_path / "params.yaml")


@pytest.mark.parametrize("size", ["small", "medium"])
@pytest.mark.parametrize("model", ["embedder", "reranker", "rewriter"])
def test_the_projects_params_have_valid_sections_for_every_model_and_size(
    model: str, size: str
) -> None:
    path = Path(__file__).parents[2] / "params.yaml"
    assert model in params.lookup("models", path)
    settings = import_module(f"findtune.{model}.prepare.examples").PrepareSettings
    recipe = import_module(f"findtune.{model}.training.fit").Recipe
    for section, into in (("prepare.", settings), ("", recipe), ("base.", BaseEntry)):
        assert isinstance(params.read(f"{section}{model}.{size}", into, path), into)


@pytest.mark.parametrize("seed", ["-1", "4294967296", "1.5", "tea"])
def test_a_seed_that_no_generator_takes_is_named(tmp_path: Path, seed: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(f"seed: {seed}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"params\.yaml: seed is .*\.$"):
        params.read("seed", params.Seed, path)


@pytest.mark.parametrize("seed", [0, 13, 2**32 - 1])
def test_a_seed_of_32_bits_is_read(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(f"seed: {seed}\n", encoding="utf-8")
    assert params.read("seed", params.Seed, path) == seed


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "tea: 1\n\tcup: 2\n",
            "valid YAML: line 2, column 1: .*; indent with blanks, not with tabs",
        ),
        ("tea: [1, 2\ncup: 3\n", "valid YAML: line 2, column 4: "),
        ("a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> c\n", "line 2: a mark of a merge conf"),
    ],
)
def test_a_mistake_in_yaml_is_one_line_that_says_where(
    tmp_path: Path, content: str, expected: str
) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=expected) as caught:
        params.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "010",
        "0o10",
        "1_000",
        "5e-05",
        "1e3",
        "yes",
        "no",
        "on",
        "1:30",
        "2026-01-01",
        ".5",
        "~",
        "'1'",
    ],
)
def test_a_value_is_what_dvc_reads(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(f"tea: {text}\n", encoding="utf-8")
    of_dvc = load_path(str(path), localfs)["tea"]
    ours = params.lookup("tea", path)
    assert (type(ours), ours) == (type(of_dvc), of_dvc)


def test_a_key_that_is_written_twice_is_told(tmp_path: Path) -> None:
    text = message(tmp_path / "params.yaml", "tea: 1\ncup: 2\ntea: 3\n")
    assert "is not valid YAML: line 3" in text
    assert 'duplicate key "tea"' in text
