"""A mistake in params.yaml is told by its key, and what was read never changes."""

from pathlib import Path

import pytest
from pydantic import Field, ValidationError

from findtune import params
from findtune.errors import InputError


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


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A file without a mistake; each test makes its own."""
    path = tmp_path / "params.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def change(path: Path, old: str, new: str) -> Path:
    """Put a mistake into a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def complaint(path: Path, key: str = "tea.small") -> str:
    """Return what is told of a file."""
    with pytest.raises(InputError) as told:
        params.read(key, Tea, path)
    return str(told.value).removeprefix(path.as_posix())


def test_a_section_is_read_as_its_type(good: Path) -> None:
    leaf = Leaf(origin="Assam", weight=2.5)
    assert params.read("tea.small", Tea, good) == Tea(leaf=leaf, minutes=4, degrees=95)


def test_a_single_number_is_read_too(good: Path) -> None:
    assert params.read("seed", int, good) == 13


def test_an_unknown_key_is_named_with_those_that_are_known(good: Path) -> None:
    change(good, "minutes: 4", "minutes: 4\n    minuets: 4")
    assert complaint(good) == (
        ": tea.small.minuets is not a known key; known are leaf, minutes, degrees."
    )


def test_an_unknown_key_of_an_inner_section_is_named_with_those_known_there(good: Path) -> None:
    change(good, "weight: 2.5", "weight: 2.5, colour: black")
    assert complaint(good) == (
        ": tea.small.leaf.colour is not a known key; known are origin, weight."
    )


def test_a_missing_key_is_named(good: Path) -> None:
    change(good, "    minutes: 4\n", "")
    assert complaint(good) == ": tea.small.minutes is missing."


def test_a_misspelt_key_is_told_as_unknown_and_missing(good: Path) -> None:
    told = complaint(change(good, "minutes: 4", "minuets: 4"))
    assert "tea.small.minuets is not a known key" in told
    assert "tea.small.minutes is missing" in told


@pytest.mark.parametrize("value", ["lots", "[4]", "null", "4.5"])
def test_a_value_of_the_wrong_type_is_named_and_shown(good: Path, value: str) -> None:
    told = complaint(change(good, "minutes: 4", f"minutes: {value}"))
    shown = {"lots": "'lots'", "[4]": "[4]", "null": "None", "4.5": "4.5"}[value]
    assert told.startswith(f": tea.small.minutes is {shown}: input should be a valid integer")


def test_a_value_out_of_its_range_is_named_and_shown(good: Path) -> None:
    told = complaint(change(good, "degrees: 95", "degrees: 101"))
    assert told == ": tea.small.degrees is 101: input should be less than or equal to 100."


def test_all_mistakes_are_told_in_one_line(good: Path) -> None:
    change(good, "degrees: 95", "degrees: hot")
    told = complaint(change(good, "minutes: 4", "minutes: long"))
    assert "tea.small.degrees" in told
    assert "tea.small.minutes" in told
    assert "\n" not in told


def test_no_traceback_of_pydantic_is_chained(good: Path) -> None:
    change(good, "minutes: 4", "minutes: long")
    with pytest.raises(InputError) as told:
        params.read("tea.small", Tea, good)
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__


def test_a_section_that_is_a_number_is_told(good: Path) -> None:
    assert complaint(good, "seed").startswith(": seed is 13: ")


def test_a_missing_section_is_told_with_what_is_there(good: Path) -> None:
    assert complaint(good, "coffee") == " has no coffee: found seed, tea, not coffee."
    assert complaint(good, "tea.huge") == " has no tea.huge: found small, not huge."


def test_a_key_below_a_plain_value_is_told(good: Path) -> None:
    assert complaint(good, "seed.small") == " has no seed.small: found 13, not small."


def test_keys_that_are_no_words_are_listed_too(good: Path) -> None:
    change(good, "  small:", "  7: big\n  no: tea\n  small:")
    assert complaint(good, "tea.huge").startswith(" has no tea.huge: found 7, ")


def test_an_empty_file_has_no_section(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.touch()
    assert complaint(path) == " has no tea.small: found None, not tea."


@pytest.mark.parametrize("text", ["tea: [1, 2", "tea: {a: b", "tea:\n\tsmall: 1", "a: b: c"])
def test_a_file_that_is_not_yaml_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    assert complaint(path).startswith(" is not YAML: ")


def test_a_file_that_asks_for_code_is_told_and_runs_none(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    target = tmp_path / "ran"
    path.write_text(f"tea: !!python/object/apply:os.mkdir ['{target}']", encoding="utf-8")
    assert complaint(path).startswith(" is not YAML: ")
    assert not target.exists()


def test_a_file_in_latin_1_is_told(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes("tea: Maté".encode("latin-1"))
    assert "UTF-8" in complaint(path).upper()


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="params.yaml"):
        params.read("tea.small", Tea, tmp_path / "params.yaml")


def test_what_was_read_never_changes(good: Path) -> None:
    tea = params.read("tea.small", Tea, good)
    with pytest.raises(ValidationError, match="frozen"):
        tea.minutes = 5
    assert tea.leaf is not None
    with pytest.raises(ValidationError, match="frozen"):
        tea.leaf.origin = "Ceylon"
    assert tea == params.read("tea.small", Tea, good)
