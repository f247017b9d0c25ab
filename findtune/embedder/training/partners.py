"""New partners for alternatives when a small catalog is learned for several epochs.

Repeating a pair teaches little, so each epoch pairs an alternative with another of its variable.
"""

from collections import defaultdict
from collections.abc import Sequence

from findtune.core.records import Record
from findtune.core.text import normalize

TWO_ALTERNATIVES = "two alternatives"  # `why` of the pairs that form a ring for each variable


def with_other_partners(positives: Sequence[Record], shift: int) -> list[Record]:
    """Return the positive pairs, with another partner for each alternative.

    The stage `prepare` pairs each alternative with the next one in the ring of its variable. Here
    the partner is `shift` places further on, or unchanged if that text repeats the alternative.
    """
    rings: dict[str, list[Record]] = defaultdict(list)
    for record in positives:
        if record["why"] == TWO_ALTERNATIVES:
            rings[record["dcid"]].append(record)
    moved = {id(record): other for ring in rings.values() for record, other in turn(ring, shift)}
    return [moved.get(id(record), record) for record in positives]


def turn(ring: Sequence[Record], shift: int) -> list[tuple[Record, Record]]:
    """Return each pair of a ring with its new pair; no alternative is paired with itself."""
    turned = []
    for place, record in enumerate(ring):
        step = 1 + shift % max(1, len(ring) - 1)
        partner = ring[(place + step) % len(ring)]["anchor"]
        if normalize(partner) != normalize(record["anchor"]):
            turned.append((record, {**record, "positive": partner}))
    return turned
