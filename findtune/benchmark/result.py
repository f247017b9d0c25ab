"""What one run of one contestant measures."""

from collections.abc import Mapping
from typing import NamedTuple


class Result(NamedTuple):
    """The measures of one run.

    rates: unit, such as pairs/s -> amount in a second; higher is better, and rates are compared.
    facts: name, with its unit -> value; shown and not compared. peak_bytes: of resident memory.
    """

    rates: Mapping[str, float]
    facts: Mapping[str, float]
    peak_bytes: int = 0
