"""Siblings differ in one facet; two wordings of one thing are no siblings."""

import pytest

from findtune.siblings import Sibling, siblings


def kin(names: dict[str, str], **further: str) -> dict[str, list[str]]:
    """Return the ids of each variable's siblings; `further` adds a text to one of them."""
    texts = {dcid: [name, *filter(None, [further.get(dcid)])] for dcid, name in names.items()}
    return {dcid: [its.dcid for its in found] for dcid, found in siblings(names, texts).items()}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Unemployment Rate, Men", "Unemployment Rate, Women"),
        ("Resident Population, 15 to 24 Years", "Resident Population, 65 to 74 Years"),
        ("Wheat Harvest, Tonnes", "Wheat Harvest, Hectares"),
        ("Deaths, Men, of Heart Disease", "Deaths, Men, of Lung Disease"),
        ("Rural Access to Water", "Urban Access to Water"),
        ("UNEMPLOYMENT RATE (men)", "Unemployment rate: women"),
        ("Unemployment Rate, Men", "Unemployment Rate, Women under Thirty"),
    ],
)
def test_names_that_differ_in_one_run_of_words_are_siblings(one: str, two: str) -> None:
    assert kin({"one": one, "two": two}) == {"one": ["two"], "two": ["one"]}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Rent, Men", "Rent, Women"),
        ("Men", "Women"),
        ("Median Rent", "Median Pay"),
        ("Unemployment Rate, Men", "Pay of Women"),
        ("Young Men at Work Today", "Old Men at Rest Today"),
        ("Deaths of Men", "Deaths of Women Who Smoked Pipes Daily"),
        ("Unemployment Rate, Men", "unemployment rate men"),
    ],
    ids=["one word shared", "none shared", "one shared", "other", "two runs", "long run", "same"],
)
def test_names_that_differ_in_more_or_share_less_are_no_siblings(one: str, two: str) -> None:
    assert kin({"one": one, "two": two}) == {}


def test_two_wordings_of_one_thing_are_no_siblings() -> None:
    names = {"one": "Unemployment Rate, Men", "two": "Unemployment Rate, Males"}
    assert kin(names) == {"one": ["two"], "two": ["one"]}
    assert kin(names, one="males out of work") == {}
    assert kin(names, two="jobless: men!") == {}


def test_a_denied_word_is_no_wording_of_a_facet() -> None:
    names = {"one": "People Above the Poverty Line", "two": "People Below the Poverty Line"}
    assert kin(names, one="people who aren't below the poverty line") == {
        "one": ["two"],
        "two": ["one"],
    }
    names = {"one": "Households of Hispanic People", "two": "Households of Not Hispanic People"}
    assert kin(names) == {"one": ["two"], "two": ["one"]}


def test_a_facet_inside_another_word_is_not_that_facet() -> None:
    names = {"one": "Unemployment Rate, Men", "two": "Unemployment Rate, Women"}
    assert kin(names, two="women's joblessness") == {"one": ["two"], "two": ["one"]}


def test_variables_that_share_a_text_are_no_siblings() -> None:
    names = {"one": "Unemployment Rate, Men", "two": "Unemployment Rate, Women"}
    assert kin(names, one="out of work", two="the work: out of it") == {
        "one": ["two"],
        "two": ["one"],
    }
    assert kin(names, one="Looking for jobs", two="looking for a job") == {}


def test_a_sibling_tells_its_words_and_the_others_in_that_order() -> None:
    names = {"m": "Unemployment Rate, Men", "w": "Unemployment Rate, Women"}
    found = siblings(names, {dcid: [name] for dcid, name in names.items()})
    assert found == {"m": [Sibling("w", "men", "women")], "w": [Sibling("m", "women", "men")]}


def test_every_band_of_a_facet_is_a_sibling_of_every_other_in_the_order_of_ids() -> None:
    names = {f"age/{age}": f"Resident Population, {age} Years" for age in (30, 20, 10)}
    assert kin(names) == {
        "age/10": ["age/20", "age/30"],
        "age/20": ["age/10", "age/30"],
        "age/30": ["age/10", "age/20"],
    }


def test_the_order_in_which_variables_are_written_does_not_matter() -> None:
    names = {f"age/{age}": f"Resident Population, {age} Years" for age in range(9)}
    assert kin(names) == kin(dict(reversed(names.items())))
