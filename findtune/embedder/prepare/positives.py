"""Positive pairs: two texts of one variable; the text that reads like a query comes first."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from pydantic import Field

from findtune.core.params import Section
from findtune.core.records import Record
from findtune.core.text import hash_fraction, normalize
from findtune.embedder.prepare.hard_negatives import HardNegatives
from findtune.embedder.prepare.variables import ALTERNATIVE_ROLES, CatalogText, Variable

MIN_ALTERNATIVES = 3  # of a variable whose alternatives are paired with each other

Score = Field(ge=0, le=1)


class Labels(Section):
    """The similarity label of a positive pair, by the roles of its texts."""

    name_description: float = Score
    further_description: float = Score
    curated: float = Score
    generated: float = Score


class PositivePair(NamedTuple):
    """Two texts of one variable; `why` names their roles."""

    why: str
    label: float
    anchor: CatalogText
    positive: CatalogText


def positive_records(
    variables: Sequence[Variable], labels: Labels, hard_negatives: int
) -> Iterator[Record]:
    """Yield the positive pairs of all variables, each with its hard negatives."""
    negatives = HardNegatives(variables, hard_negatives)
    for variable in variables:
        for pair in positive_pairs(variable, labels):
            if normalize(pair.anchor.text) == normalize(pair.positive.text):
                continue
            yield {
                "kind": "positive",
                "dcid": variable.dcid,
                "anchor": pair.anchor.text,
                "positive": pair.positive.text,
                "label": pair.label,
                "why": pair.why,
                "sources": [pair.anchor.source, pair.positive.source],
                "negatives": negatives.pick(variable.dcid, pair.anchor, pair.positive),
            }


def positive_pairs(variable: Variable, labels: Labels) -> Iterator[PositivePair]:
    """Yield the pairs of one variable.

    Each description is paired with the name. Each alternative is paired with the name or the
    description, as its hash decides. If there are enough alternatives, each is also paired with the
    next one in the order of hashes: queries resemble each other more than they resemble the name.
    """
    for number, text in enumerate(variable.with_role("description")):
        why = "description and name" if number == 0 else "further description and name"
        label = labels.name_description if number == 0 else labels.further_description
        yield PositivePair(why, label, text, variable.name)
    for text in variable.with_role(*ALTERNATIVE_ROLES):
        label = labels.generated if text.role == "generated" else labels.curated
        with_name = hash_fraction(f"{variable.dcid} {text.text}") < 0.5
        role, other = (
            ("name", variable.name) if with_name else ("description", variable.description)
        )
        yield PositivePair(f"{text.role} alternative and {role}", label, text, other)
    ring = sorted(variable.with_role(*ALTERNATIVE_ROLES), key=lambda text: hash_fraction(text.text))
    if len(ring) >= MIN_ALTERNATIVES:
        for text, other in pairwise([*ring, ring[0]]):
            label = labels.generated if "generated" in (text.role, other.role) else labels.curated
            yield PositivePair("two alternatives", label, text, other)
