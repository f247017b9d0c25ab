"""The statistical variables of the catalog, and the texts that describe each of them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from findtune.core.files import iter_jsonl
from findtune.core.text import all_keys
from findtune.examples.splits import SPLITS, SplitShares, assign_split

NAMING_ROLES = ("name", "description")
ALTERNATIVE_ROLES = ("override", "curated", "generated")


class CatalogText(NamedTuple):
    """One text of one variable.

    `role` is name, description, override, curated or generated; `source` is file:line.
    """

    dcid: str
    catalog: str
    role: str
    text: str
    source: str


@dataclass(frozen=True)
class Variable:
    """A variable and its texts, in file order."""

    dcid: str
    texts: tuple[CatalogText, ...]

    def with_role(self, *roles: str) -> list[CatalogText]:
        """Return the texts that have one of these roles."""
        return [text for text in self.texts if text.role in roles]

    @property
    def name(self) -> CatalogText:
        """The name; without one, the first description; without both, the first alternative."""
        return (self.with_role("name") or self.with_role("description") or list(self.texts))[0]

    @property
    def description(self) -> CatalogText:
        """The first description; without one, the name."""
        return (self.with_role("description") or [self.name])[0]

    @property
    def naming_texts(self) -> list[CatalogText]:
        """The name, or the text used in its place, and all descriptions."""
        return [self.name, *self.with_role(*NAMING_ROLES)]

    @property
    def alternatives(self) -> list[CatalogText]:
        """The alternative names that do not repeat the name or a description."""
        known = set[str]().union(*(all_keys(text.text) for text in self.naming_texts))
        candidates = self.with_role(*ALTERNATIVE_ROLES)
        return [text for text in candidates if not all_keys(text.text) & known]


def read_catalog(path: Path) -> list[CatalogText]:
    """Return the texts of the clean catalog."""
    return [CatalogText(**row) for row in iter_jsonl(path)]


def split_variables(texts: Iterable[CatalogText], shares: SplitShares) -> dict[str, list[Variable]]:
    """Return the variables of each split; the hash of a variable's dcid decides its split."""
    texts_by_id: dict[str, list[CatalogText]] = defaultdict(list)
    for text in texts:
        texts_by_id[text.dcid].append(text)
    splits: dict[str, list[Variable]] = {split: [] for split in SPLITS}
    for dcid, own_texts in texts_by_id.items():
        splits[assign_split(dcid, shares)].append(Variable(dcid, tuple(own_texts)))
    return splits
