"""Hard negatives: for a positive pair, texts of sibling variables that differ in one facet."""

from collections.abc import Mapping, Sequence

from findtune.core.records import Record
from findtune.core.text import hash_fraction
from findtune.embedder.prepare.siblings import Sibling, find_siblings
from findtune.embedder.prepare.variables import CatalogText, Variable


class HardNegatives:
    """Picks negatives among the siblings of a variable, all from the given variables."""

    def __init__(self, variables: Sequence[Variable], per_pair: int) -> None:
        self.per_pair = per_pair
        self.variables = {variable.dcid: variable for variable in variables}
        self.siblings = find_siblings(
            names={variable.dcid: variable.name.text for variable in variables},
            texts={variable.dcid: [text.text for text in variable.texts] for variable in variables},
        )

    def pick(self, dcid: str, anchor: CatalogText, positive: CatalogText) -> list[Record]:
        """Return the negatives of a pair; the anchor's hash decides which sibling comes first."""
        siblings = self.siblings.get(dcid, [])
        start = int(hash_fraction(anchor.text) * len(siblings))
        rotated = [*siblings[start:], *siblings[:start]]
        return [
            negative_record(self.variables, sibling, positive)
            for sibling in rotated[: self.per_pair]
        ]


def negative_record(
    variables: Mapping[str, Variable], sibling: Sibling, positive: CatalogText
) -> Record:
    """Return the sibling's description if the positive is a description, otherwise its name."""
    variable = variables[sibling.dcid]
    text = variable.description if positive.role == "description" else variable.name
    return {
        "dcid": sibling.dcid,
        "text": text.text,
        "differs": f"{sibling.own_facet or '-'} / {sibling.sibling_facet or '-'}",
    }
