"""Composing a catalog of statistical variables from a schema.

A family of variables (deaths, exports, ...) crosses its facets (cause, sex, age, ...). Each
member of the product is one variable. Patterns turn the facets' values into a name, a description
and three alternatives:

    {sex}          the wording of the variable's sex
    {sex|people}   the same, or `people` if the variable leaves its sex open
    [ aged {age}]  the whole bracket is left out if the variable leaves its age open

Nothing is random: the hash of a variable's dcid selects its patterns and wordings.
"""

import hashlib
import itertools
import re
from collections.abc import Hashable, Iterator, Mapping
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

from findtune.core.errors import InputError

COLUMNS = ("dcid", "Name", "Description", "Override_Alternatives", "Curated_Alternatives")
NUM_ALTERNATIVES = 3
OPEN = "all"  # stands in a dcid for a facet that has no value

Style = Literal["lay", "keyword", "question", "telegraphic"]
STYLES: tuple[Style, ...] = ("lay", "keyword", "question", "telegraphic")

SLOT = re.compile(r"\{(?P<facet>\w+)(?:\|(?P<fallback>[^{}]+))?\}")
BRACKET = re.compile(r"\[([^\[\]]*)\]")


class SchemaError(InputError, ValueError):
    """Raised when a schema can't be read, or gives two variables the same text."""


def text_of_a_list(text: str) -> str:
    """Return a text that fits into a list of alternatives and into one line of CSV."""
    if ";" in text or text.split() != text.split(" "):
        raise ValueError(f"{text!r} holds a semicolon or stray white space; take it out")
    return text


def valid_pattern(pattern: str) -> str:
    """Return a pattern; raise ValueError if it has braces or brackets beside its slots."""
    for bracket in BRACKET.findall(pattern):
        # With two facets, one open facet would remove the other one as well.
        if len(SLOT.findall(bracket)) != 1 or "|" in bracket:
            raise ValueError(f"[{bracket}] needs exactly one {{facet}}, without a fallback")
    rest = SLOT.sub("", BRACKET.sub("", pattern))
    if set(rest) & set("{}[]|;"):
        raise ValueError(f"{pattern!r} has a slot or bracket that can't be read: {rest!r} is left")
    return pattern


Text = Annotated[str, StringConstraints(min_length=1), AfterValidator(text_of_a_list)]
Pattern = Annotated[str, StringConstraints(min_length=1), AfterValidator(valid_pattern)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
FacetName = Annotated[str, StringConstraints(pattern=r"^[a-z_]+$")]


class Entry(BaseModel):
    """A part of the schema: no unknown keys, and no changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Value(Entry):
    """One value of a facet, in official words and in everyday words."""

    name: Text
    description: Text
    everyday: Annotated[list[Text], Field(min_length=2, max_length=4)]
    # Short wordings for keyword queries, where they differ from those that fit a sentence.
    terse: Annotated[list[Text], Field(max_length=4)] = []

    def wordings(self, style: Style) -> list[str]:
        """Return the wordings that fit an alternative of this style."""
        use_terse = style in ("keyword", "telegraphic") and self.terse
        return self.terse if use_terse else self.everyday


class Alternatives(Entry):
    """Patterns of the ways in which people ask for a variable of one family."""

    lay: Annotated[list[Pattern], Field(min_length=1)]
    keyword: Annotated[list[Pattern], Field(min_length=1)]
    question: Annotated[list[Pattern], Field(min_length=1)]
    telegraphic: Annotated[list[Pattern], Field(min_length=1)]

    def patterns(self, style: Style) -> list[str]:
        """Return the patterns of one style."""
        patterns: list[str] = getattr(self, style)
        return patterns


class Family(Entry):
    """Variables with the same patterns that differ in the values of their facets."""

    facets: Annotated[dict[FacetName, str], Field(min_length=1)]
    optional: list[str] = []
    names: Annotated[list[Pattern], Field(min_length=2, max_length=3)]
    descriptions: Annotated[list[Pattern], Field(min_length=2, max_length=2)]
    alternatives: Alternatives

    @model_validator(mode="after")
    def check_patterns(self) -> Self:
        """Check that every pattern has every facet; else siblings would share a text."""
        if unknown := set(self.optional) - set(self.facets):
            raise ValueError(f"optional names {sorted(unknown)}, found facets {list(self.facets)}")
        questions = [text for style in STYLES for text in self.alternatives.patterns(style)]
        for pattern in [*self.names, *self.descriptions, *questions]:
            self.check_pattern(pattern)
        return self

    def check_pattern(self, pattern: str) -> None:
        """Raise ValueError if a pattern lacks a facet, or needs a value of an optional one."""
        slots = {slot["facet"] for slot in SLOT.finditer(pattern)}
        if slots != set(self.facets):
            raise ValueError(f"{pattern!r} must say {list(self.facets)}, found {sorted(slots)}")
        outside = SLOT.finditer(BRACKET.sub("", pattern))
        required = {slot["facet"] for slot in outside if not slot["fallback"]}
        if stuck := required & set(self.optional):
            raise ValueError(f"{pattern!r} needs a bracket or a fallback for {sorted(stuck)}")


class Schema(Entry):
    """Facets that families share, and the families that cross them."""

    facets: dict[FacetName, dict[Slug, Value]]
    families: dict[Slug, Family]

    @model_validator(mode="after")
    def check_names(self) -> Self:
        """Check that families name existing facets, and that no value is named like an open one."""
        for slug, family in self.families.items():
            if missing := set(family.facets.values()) - set(self.facets):
                raise ValueError(f"family {slug} crosses {sorted(missing)}, not among the facets")
        for name, values in self.facets.items():
            if OPEN in values:
                raise ValueError(f"facet {name} has a value {OPEN!r}; make the facet optional")
        return self


@dataclass(frozen=True)
class Variable:
    """One member of a family's product. An open facet has the value None."""

    dcid: str
    family: Family
    values: Mapping[str, Value | None]

    @property
    def given(self) -> dict[str, Value]:
        """The values of the facets that are not open."""
        return {facet: value for facet, value in self.values.items() if value}


class UniqueKeyLoader(yaml.SafeLoader):
    """A YAML loader that refuses a key given twice; plain YAML would lose the first entry."""

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, object]:
        """Return the mapping of a node; raise ValueError if two of its keys are equal."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise ValueError(f"line {key.start_mark.line + 1}: {key.value!r} is given twice")
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read_schema(path: Path) -> Schema:
    """Return the schema in a YAML file; raise SchemaError with the place of the first mistake."""
    try:
        # UniqueKeyLoader is a SafeLoader: it builds plain values only.
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=UniqueKeyLoader)
        return Schema.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SchemaError(f"{path}: {place}: {first['msg']}") from error
    except (OSError, yaml.YAMLError, ValueError) as error:
        raise SchemaError(f"{path}: {error}") from error


def compose(schema: Schema) -> list[dict[str, str]]:
    """Return one row for each variable of each family.

    A text belongs to the first variable that has it, in the order of the families. So a family
    that is added at the end changes no earlier row.
    """
    owners: dict[str, str] = {}
    rows = []
    for slug, family in schema.families.items():
        members = list(variables(slug, family=family, facets=schema.facets))
        headings = [name_and_description(member, owners) for member in members]
        for member, (name, description) in zip(members, headings, strict=True):
            texts = ";".join(alternatives(member, owners))
            cells = (member.dcid, name, description, "", texts)
            rows.append(dict(zip(COLUMNS, cells, strict=True)))
    return rows


def variables(
    slug: str, *, family: Family, facets: Mapping[str, Mapping[str, Value]]
) -> Iterator[Variable]:
    """Yield the whole product of a family's facets."""
    axes: list[list[tuple[str, Value | None]]] = []
    for facet, source in family.facets.items():
        without_value = [(OPEN, None)] if facet in family.optional else []
        axes.append([*without_value, *facets[source].items()])
    for member in itertools.product(*axes):
        dcid = f"{slug}/{'_'.join(value_slug for value_slug, _ in member)}"
        values = dict(zip(family.facets, (value for _, value in member), strict=True))
        yield Variable(dcid, family=family, values=values)


def name_and_description(variable: Variable, owners: dict[str, str]) -> tuple[str, str]:
    """Return a variable's name and description; raise SchemaError if another variable has one."""
    name_pattern = select(variable.family.names, variable.dcid, "name")
    name = fill(name_pattern, {facet: value.name for facet, value in variable.given.items()})
    pattern = select(variable.family.descriptions, variable.dcid, "description")
    text = fill(pattern, {facet: value.description for facet, value in variable.given.items()})
    description = text[:1].upper() + text[1:]
    for column, text in (("Name", name), ("Description", description)):
        owner = owners.setdefault(text.casefold(), variable.dcid)
        if owner != variable.dcid:
            both = f"{owner} and {variable.dcid}"
            raise SchemaError(f"{both} share the {column} {text!r}; reword one of them.")
    return name, description


def alternatives(variable: Variable, owners: dict[str, str]) -> list[str]:
    """Return up to three alternatives of different styles that no variable has yet."""
    lay, *others = STYLES
    texts: list[str] = []
    # Every variable has the lay style; which of the other styles is left out varies.
    for style in [lay, *sorted(others, key=lambda style: stable_number(variable.dcid, style))]:
        free = (text for text in candidates(variable, style) if text.casefold() not in owners)
        texts += itertools.islice(free, 1)
        owners.update((text.casefold(), variable.dcid) for text in texts)
        if len(texts) == NUM_ALTERNATIVES:
            break
    return texts


def candidates(variable: Variable, style: Style) -> Iterator[str]:
    """Yield the texts of one style, the variable's own selection first."""
    patterns = variable.family.alternatives.patterns(style)
    wordings = {facet: value.wordings(style) for facet, value in variable.given.items()}
    for attempt in range(max(len(options) for options in (patterns, *wordings.values()))):
        yield fill(
            select(patterns, variable.dcid, style, attempt),
            {
                facet: select(options, variable.dcid, f"{style} {facet}", attempt)
                for facet, options in wordings.items()
            },
        )


def select(options: list[str], dcid: str, slot: str, attempt: int = 0) -> str:
    """Return the option that the dcid's hash selects, or a later one after failed attempts."""
    return options[(stable_number(dcid, slot) + attempt) % len(options)]


def stable_number(dcid: str, slot: str) -> int:
    """Return a number for a variable and a slot of its texts, the same in every process."""
    return int.from_bytes(hashlib.sha256(f"{dcid}\n{slot}".encode()).digest()[:8], "big")


def fill(pattern: str, wordings: Mapping[str, str]) -> str:
    """Return the text of a pattern, given the wording of every facet that is not open."""

    def fill_bracket(match: re.Match[str]) -> str:
        slot = SLOT.search(match[1])
        return match[1] if slot and slot["facet"] in wordings else ""

    def fill_slot(match: re.Match[str]) -> str:
        return wordings.get(match["facet"], match["fallback"])

    return SLOT.sub(fill_slot, BRACKET.sub(fill_bracket, pattern))
