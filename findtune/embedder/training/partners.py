"""New partners for alternatives, where a small catalog is learned several times.

A pair that is learned again teaches little. So each time the catalog is learned, an alternative is
paired with another one of its variable.
"""

from collections import defaultdict
from collections.abc import Sequence

from findtune.core.records import Record
from findtune.core.text import normalize

TWO_ALTERNATIVES = "two alternatives"  # `why` of the pairs that form a ring for each variable


def with_other_partners(positives: Sequence[Record], shift: int) -> list[Record]:
    """Return the positive pairs, in which each alternative has moved on to another partner.

    Preparation pairs each alternative with the next one in the ring of its variable. Here the
    partner is `shift` places further on, or as before if that one reads the same.
    """
    rings: dict[str, list[Record]] = defaultdict(list)
    for record in positives:
        if record["why"] == TWO_ALTERNATIVES:
            rings[record["dcid"]].append(record)
    moved = {id(record): other for ring in rings.values() for record, other in turn(ring, shift)}
    return [moved.get(id(record), record) for record in positives]


def turn(ring: Sequence[Record], shift: int) -> list[tuple[Record, Record]]:
    """Return each pair of a ring beside the pair with another partner; nobody is its own."""
    turned = []
    for place, record in enumerate(ring):
        step = 1 + shift % max(1, len(ring) - 1)
        partner = ring[(place + step) % len(ring)]["anchor"]
        if normalize(partner) != normalize(record["anchor"]):
            turned.append((record, {**record, "positive": partner}))
    return turned
