"""A catalog of statistical variables, composed as agencies compose theirs.

A family (deaths, exports, ...) crosses its facets (cause, sex, age, ...); every member of the
product is one variable. Patterns turn its values into a name, a description and three alternatives:

    {sex}          the wording of the variable's sex
    {sex|people}   the same, or `people` where the variable leaves its sex unsaid
    [ aged {age}]  the whole bracket goes where the variable leaves its age unsaid

Nothing is drawn at random: the hash of a variable's dcid picks its patterns and its wordings.
"""

import hashlib
import itertools
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from findtune.errors import InputError

COLUMNS = ("dcid", "Name", "Description", "Override_Alternatives", "Curated_Alternatives")
ALTERNATIVES = 3
UNSAID = "all"

Kind = Literal["lay", "keyword", "question", "telegraphic"]
KINDS: tuple[Kind, ...] = ("lay", "keyword", "question", "telegraphic")

SLOT = re.compile(r"\{(?P<facet>\w+)(?:\|(?P<fallback>[^{}]+))?\}")
BRACKET = re.compile(r"\[([^\[\]]*)\]")


class SchemaError(InputError, ValueError):
    """Raised when a schema cannot be read, or gives two variables one text."""


def listable(text: str) -> str:
    """Return a text that can stand in a list of alternatives and in one CSV line."""
    if ";" in text or text.split() != text.split(" "):
        raise ValueError(f"{text!r} holds a semicolon or stray white space; take it out")
    return text


def parsable(pattern: str) -> str:
    """Return a pattern that leaves no brace or bracket when its slots are taken out."""
    for bracket in BRACKET.findall(pattern):
        # With two facets, leaving one of them unsaid would silence the other as well.
        if len(SLOT.findall(bracket)) != 1 or "|" in bracket:
            raise ValueError(f"[{bracket}] needs exactly one {{facet}}, without a fallback")
    rest = SLOT.sub("", BRACKET.sub("", pattern))
    if set(rest) & set("{}[]|;"):
        raise ValueError(f"{pattern!r} has a slot or bracket that cannot be read: {rest!r} is left")
    return pattern


Text = Annotated[str, StringConstraints(min_length=1), AfterValidator(listable)]
Pattern = Annotated[str, StringConstraints(min_length=1), AfterValidator(parsable)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
FacetName = Annotated[str, StringConstraints(pattern=r"^[a-z_]+$")]


class Entry(BaseModel):
    """A part of the schema: nothing unknown, nothing changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Value(Entry):
    """One value of a facet, as officials and as everybody else would word it."""

    name: Text
    description: Text
    everyday: Annotated[list[Text], Field(min_length=2, max_length=4)]
    # Clipped wordings for keyword queries, where they differ from those that fit a sentence.
    terse: Annotated[list[Text], Field(max_length=4)] = []

    def wordings(self, kind: Kind) -> list[str]:
        """Return the wordings that fit an alternative of this kind."""
        clipped = kind in ("keyword", "telegraphic") and self.terse
        return self.terse if clipped else self.everyday


class Alternatives(Entry):
    """The ways in which people ask for a variable of one family."""

    lay: Annotated[list[Pattern], Field(min_length=1)]
    keyword: Annotated[list[Pattern], Field(min_length=1)]
    question: Annotated[list[Pattern], Field(min_length=1)]
    telegraphic: Annotated[list[Pattern], Field(min_length=1)]

    def patterns(self, kind: Kind) -> list[str]:
        """Return the patterns of one kind."""
        found: list[str] = getattr(self, kind)
        return found


class Family(Entry):
    """Variables that share their patterns and differ in the values of their facets."""

    facets: Annotated[dict[FacetName, str], Field(min_length=1)]
    optional: list[str] = []
    names: Annotated[list[Pattern], Field(min_length=2, max_length=3)]
    descriptions: Annotated[list[Pattern], Field(min_length=2, max_length=2)]
    alternatives: Alternatives

    @model_validator(mode="after")
    def told_apart(self) -> Self:
        """Check that every pattern says every facet, or siblings would share a text."""
        if strange := set(self.optional) - set(self.facets):
            raise ValueError(f"optional names {sorted(strange)}, found facets {list(self.facets)}")
        asked = [pattern for kind in KINDS for pattern in self.alternatives.patterns(kind)]
        for pattern in [*self.names, *self.descriptions, *asked]:
            self.check(pattern)
        return self

    def check(self, pattern: str) -> None:
        """Refuse a pattern that drops a facet, or cannot do without an optional one."""
        slots = {slot["facet"] for slot in SLOT.finditer(pattern)}
        if slots != set(self.facets):
            raise ValueError(f"{pattern!r} must say {list(self.facets)}, found {sorted(slots)}")
        bare = {s["facet"] for s in SLOT.finditer(BRACKET.sub("", pattern)) if not s["fallback"]}
        if stuck := bare & set(self.optional):
            raise ValueError(f"{pattern!r} needs a bracket or a fallback for {sorted(stuck)}")


class Schema(Entry):
    """Facets that families share, and the families that cross them."""

    facets: dict[FacetName, dict[Slug, Value]]
    families: dict[Slug, Family]

    @model_validator(mode="after")
    def joined_up(self) -> Self:
        """Check that families name facets that exist, and no value is called like the unsaid."""
        for slug, family in self.families.items():
            if missing := set(family.facets.values()) - set(self.facets):
                raise ValueError(f"family {slug} crosses {sorted(missing)}, not among the facets")
        for name, values in self.facets.items():
            if UNSAID in values:
                raise ValueError(f"facet {name} has a value {UNSAID!r}; make the facet optional")
        return self


@dataclass(frozen=True)
class Variable:
    """One member of a family's product; a facet left unsaid has no value."""

    dcid: str
    family: Family
    values: dict[str, Value | None]


class UniqueKeys(yaml.SafeLoader):
    """YAML in which a key given twice is an error; plain YAML would lose the first entry."""

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, object]:
        """Return the mapping of a node whose keys all differ."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise ValueError(f"line {key.start_mark.line + 1}: {key.value!r} is given twice")
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read_schema(path: Path) -> Schema:
    """Return the schema of a YAML file, or say where the file is wrong."""
    try:
        # UniqueKeys is a SafeLoader: it builds plain values only.
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=UniqueKeys)
        return Schema.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SchemaError(f"{path}: {place}: {first['msg']}") from error
    except (OSError, yaml.YAMLError, ValueError) as error:
        raise SchemaError(f"{path}: {error}") from error


def compose(schema: Schema) -> list[dict[str, str]]:
    """Return one row for each variable of each family.

    Families are taken in turn and a text belongs to whoever had it first, so a family added at the
    end leaves every earlier row as it was.
    """
    owners: dict[str, str] = {}
    rows = []
    for slug, family in schema.families.items():
        members = list(variables(slug, family=family, facets=schema.facets))
        headings = [heading(member, owners) for member in members]
        for member, (name, description) in zip(members, headings, strict=True):
            asked = ";".join(alternatives(member, owners))
            cells = (member.dcid, name, description, "", asked)
            rows.append(dict(zip(COLUMNS, cells, strict=True)))
    return rows


def variables(
    slug: str, *, family: Family, facets: dict[str, dict[str, Value]]
) -> Iterator[Variable]:
    """Yield the whole product of a family's facets; nothing is sampled out of it."""
    axes: list[list[tuple[str, Value | None]]] = []
    for facet, source in family.facets.items():
        unsaid = [(UNSAID, None)] if facet in family.optional else []
        axes.append([*unsaid, *facets[source].items()])
    for member in itertools.product(*axes):
        dcid = f"{slug}/{'_'.join(value_slug for value_slug, _ in member)}"
        values = dict(zip(family.facets, (value for _, value in member), strict=True))
        yield Variable(dcid, family=family, values=values)


def heading(variable: Variable, owners: dict[str, str]) -> tuple[str, str]:
    """Return the name and the description of a variable, which nobody else may have."""
    said = {facet: value for facet, value in variable.values.items() if value}
    name = filled(
        chosen(variable.family.names, variable.dcid, "name"),
        {facet: value.name for facet, value in said.items()},
    )
    description = capitalised(
        filled(
            chosen(variable.family.descriptions, variable.dcid, "description"),
            {facet: value.description for facet, value in said.items()},
        )
    )
    for column, text in (("Name", name), ("Description", description)):
        owner = owners.setdefault(text.casefold(), variable.dcid)
        if owner != variable.dcid:
            both = f"{owner} and {variable.dcid}"
            raise SchemaError(f"{both} share the {column} {text!r}; reword one of them.")
    return name, description


def alternatives(variable: Variable, owners: dict[str, str]) -> list[str]:
    """Return up to three alternatives, each of another kind, that no variable has yet."""
    lay, *others = KINDS
    found: list[str] = []
    # The lay kind always stands; which of the others stays out differs between variables.
    for kind in [lay, *sorted(others, key=lambda kind: number(variable.dcid, kind))]:
        free = (text for text in wordings(variable, kind) if text.casefold() not in owners)
        found += itertools.islice(free, 1)
        owners.update((text.casefold(), variable.dcid) for text in found)
        if len(found) == ALTERNATIVES:
            break
    return found


def wordings(variable: Variable, kind: Kind) -> Iterator[str]:
    """Yield the texts of one kind, the variable's own choice first."""
    patterns = variable.family.alternatives.patterns(kind)
    said = {facet: value.wordings(kind) for facet, value in variable.values.items() if value}
    for attempt in range(max(len(options) for options in (patterns, *said.values()))):
        yield filled(
            chosen(patterns, variable.dcid, kind, attempt),
            {
                facet: chosen(options, variable.dcid, f"{kind} {facet}", attempt)
                for facet, options in said.items()
            },
        )


def chosen(options: list[str], dcid: str, slot: str, attempt: int = 0) -> str:
    """Return the option that the dcid's hash points at, or one further per failed attempt."""
    return options[(number(dcid, slot) + attempt) % len(options)]


def number(dcid: str, slot: str) -> int:
    """Return a number that is the same in every process, for a variable and a slot of its text."""
    return int.from_bytes(hashlib.sha256(f"{dcid}\n{slot}".encode()).digest()[:8], "big")


def filled(pattern: str, said: dict[str, str]) -> str:
    """Return the text of a pattern, given the wording of every facet that is said."""

    def bracket(match: re.Match[str]) -> str:
        slot = SLOT.search(match[1])
        return match[1] if slot and slot["facet"] in said else ""

    def wording(match: re.Match[str]) -> str:
        return said.get(match["facet"], match["fallback"])

    return SLOT.sub(wording, BRACKET.sub(bracket, pattern))


def capitalised(text: str) -> str:
    """Return a text with a capital at its start and every other letter as it was."""
    return text[:1].upper() + text[1:]
