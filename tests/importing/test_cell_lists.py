"""A cell is read as the list that was meant, and refused where a part of a name looks like one."""

import pytest

from findtune.importing.cell_lists import TornListError, read_list

A, B = "https://a.example", "https://b.example/x"


@pytest.mark.parametrize(
    "name",
    ["https://x.example/a;b=1", "doc;1", "a|b", "a\nb", "My File.pdf", "[draft] a", f"{A} 17"],
)
def test_a_cell_that_is_a_known_name_is_that_name_whatever_it_holds(name: str) -> None:
    assert read_list(name, [name, A]) == [name]


@pytest.mark.parametrize("cell", ["doc;1;doc;2", "doc;1|a", "doc;1;"])
def test_names_that_hold_separators_are_torn_by_none(cell: str) -> None:
    with pytest.raises(TornListError):
        read_list(cell, ["doc;1", "doc;2", "a"])


def test_names_that_hold_separators_do_not_matter_to_a_list_of_others() -> None:
    assert read_list("a;b", ["doc;1", "a", "b"]) == ["a", "b"]
    assert read_list("stranger", ["doc;1", "a"]) == ["stranger"]


@pytest.mark.parametrize(
    "cell",
    [
        f"{A} doc:17",
        f"{B} doc:17",
        f"doc:17 {B}",
        f"{B} /docs/a.html {A}",
        f"d4 {B} {A} 17 18",
        f"17 {A}",
        f"{B} doc:17 18",
    ],
)
def test_blanks_separate_addresses_from_ids_and_paths(cell: str) -> None:
    assert read_list(cell) == cell.split()


@pytest.mark.parametrize(
    "cell",
    [
        f"{B}/My File.pdf {A}",
        f"{B}/Report 2024",
        f"{B}/Report 2024.pdf {A}",
        f"{B}/Note 10:30 {A}",
        f"{B}/A / B",
        f"My {B}",
    ],
)
def test_a_word_that_may_continue_an_address_is_no_item(cell: str) -> None:
    with pytest.raises(TornListError):
        read_list(cell)


def test_words_that_are_all_known_are_items_whatever_they_are() -> None:
    assert read_list(f"{B} 17 tea", [B, "17", "tea"]) == [B, "17", "tea"]
