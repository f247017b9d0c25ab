"""An alternative that is learned again gets another partner of its variable."""

import pytest

from findtune.core.records import Record
from findtune.embedder.prepare.positives import Labels, positive_records
from findtune.embedder.prepare.variables import CatalogText, Variable
from findtune.embedder.training.partners import with_other_partners

LABELS = Labels(name_description=1, further_description=1, curated=1, generated=1)


def positives_of(**alternatives: str) -> list[Record]:
    """Return the prepared pairs of variables with these alternatives, one word each."""
    variables = []
    for dcid, words in alternatives.items():
        name = CatalogText(dcid, "small", "name", f"name of {dcid}", "catalog.csv:2")
        texts = [name._replace(role="curated", text=word) for word in words.split()]
        variables.append(Variable(dcid, (name, *texts)))
    return list(positive_records(variables, LABELS, hard_negatives=0))


def partners(records: list[Record]) -> dict[str, str]:
    return {r["anchor"]: r["positive"] for r in records if r["why"] == "two alternatives"}


@pytest.mark.parametrize("number", [3, 4, 7])
def test_over_the_rounds_every_alternative_meets_every_other_one(number: int) -> None:
    words = [f"word{place}" for place in range(number)]
    positives = positives_of(rice=" ".join(words))
    met: dict[str, set[str]] = {word: set() for word in words}
    for shift in range(number - 1):
        for anchor, positive in partners(with_other_partners(positives, shift)).items():
            met[anchor].add(positive)
    assert met == {word: {*words} - {word} for word in words}


def test_round_zero_and_pairs_with_names_stay_as_prepared() -> None:
    positives = positives_of(rice="grain paddy crop", wheat="corn")
    assert with_other_partners(positives, 0) == positives
    moved = with_other_partners(positives, 1)
    assert len(moved) == len(positives)
    kept = [record for record in positives if record["why"] != "two alternatives"]
    assert [record for record in moved if record["why"] != "two alternatives"] == kept
    assert partners(moved).keys() == partners(positives).keys() == {"grain", "paddy", "crop"}


def test_partners_stay_within_their_variable() -> None:
    positives = positives_of(rice="grain paddy crop", work="job post career trade")
    for shift in range(9):
        for anchor, positive in partners(with_other_partners(positives, shift)).items():
            assert (anchor in "grain paddy crop") == (positive in "grain paddy crop")


def test_a_text_is_never_its_own_partner_in_other_letters() -> None:
    positives = positives_of(rice="grain Grain paddy")
    for shift in range(4):
        for anchor, positive in partners(with_other_partners(positives, shift)).items():
            assert anchor.lower() != positive.lower()
