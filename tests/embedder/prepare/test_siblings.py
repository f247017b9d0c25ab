"""Siblings differ in one facet; two wordings of the same thing are not siblings."""

import pytest

from findtune.embedder.prepare.siblings import Sibling, find_siblings

BOTH = {"a": ["b"], "b": ["a"]}


def sibling_ids(names: dict[str, str], **extra_texts: str) -> dict[str, list[str]]:
    """Return the dcids of each variable's siblings; extra_texts: dcid -> one more text."""
    texts = {dcid: [name, *filter(None, [extra_texts.get(dcid)])] for dcid, name in names.items()}
    siblings = find_siblings(names, texts)
    return {dcid: [sibling.dcid for sibling in own] for dcid, own in siblings.items()}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Unemployment Rate, Men", "Unemployment Rate, Women"),
        ("Resident Population, 15 to 24 Years", "Resident Population, 65 to 74 Years"),
        ("Deaths, Men, of Heart Disease", "Deaths, Men, of Lung Disease"),
        ("Rural Access to Water", "Urban Access to Water"),
        ("UNEMPLOYMENT RATE (men)", "Unemployment rate: women"),
        ("Unemployment Rate, Men", "Unemployment Rate, Women under Thirty"),
        ("Households of Hispanic People", "Households of Not Hispanic People"),
    ],
)
def test_names_that_differ_in_one_run_of_words_are_siblings(first: str, second: str) -> None:
    assert sibling_ids({"a": first, "b": second}) == BOTH


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Rent, Men", "Rent, Women"),  # one word shared
        ("Men", "Women"),
        ("Unemployment Rate, Men", "Pay of Women"),
        ("Young Men at Work Today", "Old Men at Rest Today"),  # two runs
        ("Deaths of Men", "Deaths of Women Who Smoked Pipes Daily"),  # a long run
        ("Unemployment Rate, Men", "unemployment rate men"),
    ],
)
def test_names_that_differ_in_more_or_share_less_are_not_siblings(first: str, second: str) -> None:
    assert sibling_ids({"a": first, "b": second}) == {}


@pytest.mark.parametrize(
    ("texts", "siblings"),
    [
        ({"a": "the women out of work"}, {}),  # the other's facet
        ({"b": "jobless: men!"}, {}),
        ({"a": "Looking for jobs", "b": "looking for a job"}, {}),  # a shared text
        ({"b": "women's joblessness"}, BOTH),  # "men" inside another word
        ({"a": "people who aren't women"}, BOTH),  # a negation
        ({"a": "out of work", "b": "the work: out of it"}, BOTH),
    ],
)
def test_texts_that_use_the_others_facet_or_are_shared_prevent_siblings(
    texts: dict[str, str], siblings: dict[str, list[str]]
) -> None:
    names = {"a": "Unemployment Rate, Men", "b": "Unemployment Rate, Women"}
    assert sibling_ids(names, **texts) == siblings


def test_a_sibling_names_its_own_facet_first() -> None:
    names = {"m": "Unemployment Rate, Men", "w": "Unemployment Rate, Women"}
    siblings = find_siblings(names, {dcid: [name] for dcid, name in names.items()})
    assert siblings == {"m": [Sibling("w", "men", "women")], "w": [Sibling("m", "women", "men")]}


def test_siblings_are_in_the_order_of_dcids_whatever_the_order_of_the_catalog() -> None:
    names = {f"age/{age}": f"Resident Population, {age} Years" for age in (30, 20, 10)}
    siblings = {dcid: [other for other in sorted(names) if other != dcid] for dcid in names}
    assert sibling_ids(names) == siblings
    assert sibling_ids(dict(reversed(names.items()))) == siblings
