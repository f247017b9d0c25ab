"""What the embedder learns from: pairs of texts of one variable, and pairs that people scored.

data/pairs/embedder/SIZE/
    train.jsonl  dev.jsonl  test.jsonl   a record a line; `kind` tells which:
        positive   dcid, anchor, positive, label, why, sources, negatives
        scored     sentence_1, sentence_2, score, sources
        query      dcids (the relevant variables), text, catalog, sources   dev and test only
        guard      sentence_1, sentence_2, score, sources                   dev and test only
    documents.jsonl     dcid, text: the catalog to search, all texts but the held-out queries
    certificate.json    what the parts share (nothing), and what was left out for that
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from findtune.catalog import Text, read_texts
from findtune.errors import InputError
from findtune.files import read_jsonl, write_json, write_jsonl
from findtune.params import Section
from findtune.records import Record
from findtune.scored_pairs import ScoredPair, read_clean_pairs
from findtune.siblings import Sibling, siblings
from findtune.splits import PARTS, Shares, certificate, fold, near, part, unit

FEWEST_SCORED = 30  # scored pairs whose order can tell one model from another
Score = Field(ge=0, le=1)


class Labels(Section):
    """How close two texts of one variable are, by what they are."""

    name_description: float = Score
    further_description: float = Score
    curated: float = Score
    generated: float = Score


class Choices(Section):
    """params.yaml: pair.embedder.SIZE."""

    catalogs: tuple[Literal["small", "medium"], ...]
    variables: Shares
    scored_pairs: Shares
    queries: float = Field(gt=0, le=1)  # share of a held-out variable's alternatives
    negatives: int = Field(ge=0)
    labels: Labels

    def cut(self, test: float, fold: int) -> "Choices":
        """Return the same choices with another test set."""
        changed = {"test": test, "fold": fold}
        shares = {
            name: getattr(self, name).model_copy(update=changed)
            for name in ("variables", "scored_pairs")
        }
        return self.model_copy(update=shares)


@dataclass(frozen=True)
class Variable:
    """A variable's texts by role, in the order in which they were written."""

    dcid: str
    texts: tuple[Text, ...]

    def of(self, *roles: str) -> list[Text]:
        return [text for text in self.texts if text.role in roles]

    @property
    def name(self) -> Text:
        """The name, or what stands in for it: the first description, the first alternative."""
        return (self.of("name") or self.of("description") or list(self.texts))[0]

    @property
    def description(self) -> Text:
        return (self.of("description") or [self.name])[0]

    @property
    def alternatives(self) -> list[Text]:
        """The alternatives that say more than the name and the descriptions do."""
        said = {fold(text.text) for text in self.of("name", "description")} | {fold(self.name.text)}
        found = self.of("override", "curated", "generated")
        return [text for text in found if fold(text.text) not in said]


def write(clean: Path, out: Path, choices: Choices) -> dict[str, dict[str, int]]:
    """Write the records of each part; return how many there are of each kind.

    clean: the folder of the clean catalog, scored pairs and guard pairs.
    """
    records = pairs(
        texts=read_texts(clean / "catalog.csv"),
        scored=read_clean_pairs(clean / "sentence_pairs.csv"),
        guard=read_clean_pairs(clean / "guard.csv"),
        choices=choices,
    )
    write_pairs(out, records)
    counts: dict[str, dict[str, int]] = records["certificate"][0]["records"]
    return counts


def pairs(
    texts: Sequence[Text],
    scored: Sequence[ScoredPair],
    guard: Sequence[ScoredPair],
    choices: Choices,
) -> dict[str, list[Record]]:
    """Return the records of train, dev, test and documents, and one of the certificate.

    Raises InputError when a part has nothing to learn or to test from, or when the split leaks.
    """
    texts = [text for text in texts if text.catalog in choices.catalogs]
    parts = divided(texts, choices)
    asked = {one.dcid: held_out(one, choices.queries) for one in parts["dev"] + parts["test"]}
    records = {
        "train": list(positives(parts["train"], choices)),
        "dev": queries(parts["dev"], asked, texts),
        "test": queries(parts["test"], asked, texts),
    }
    for name, its in divided_pairs(scored, choices.scored_pairs).items():
        records[name] += [record("scored", pair) for pair in its]
    for pair in guard:
        half = "dev" if unit(fold(pair.sentence_1)) < 0.5 else "test"
        records[half].append(record("guard", pair))

    closed = {
        name: {near(text.text) for one in parts[name] for text in one.texts} for name in PARTS
    }
    left_out = {"train": 0, "dev": 0}
    for name, others in (("train", ("dev", "test")), ("dev", ("test",))):
        held = [(records[other], closed[other]) for other in others]
        free = without(records[name], held)
        left_out[name] = len(records[name]) - len(free)
        records[name] = free
    refuse_empty(records)
    hidden = {fold(text.text) for its in asked.values() for text in its}
    records["documents"] = documents(parts, hidden)
    learned = {fold(text) for it in records["train"] for text in sentences(it)}
    for it in records["test"]:
        if it["kind"] == "scored":
            it["seen"] = any(fold(text) in learned for text in sentences(it))
    records["certificate"] = [certified(records, parts, left_out)]
    return records


def sentences(it: Record) -> list[str]:
    """Return the two texts of a record of train, or of a scored pair."""
    return [it[name] for name in ("anchor", "positive", "sentence_1", "sentence_2") if name in it]


def divided(texts: Iterable[Text], choices: Choices) -> dict[str, list[Variable]]:
    """Return the variables of each part."""
    by_id: dict[str, list[Text]] = defaultdict(list)
    for text in texts:
        by_id[text.dcid].append(text)
    parts: dict[str, list[Variable]] = {name: [] for name in PARTS}
    for dcid, its in by_id.items():
        parts[part(dcid, choices.variables)].append(Variable(dcid, tuple(its)))
    return parts


def divided_pairs(scored: Iterable[ScoredPair], shares: Shares) -> dict[str, list[ScoredPair]]:
    """Return the scored pairs of each part; too few for dev to judge by teach instead."""
    parts: dict[str, list[ScoredPair]] = {name: [] for name in PARTS}
    for pair in scored:
        parts[part(fold(pair.sentence_1), shares)].append(pair)
    if len(parts["dev"]) < FEWEST_SCORED:
        parts["train"] += parts["dev"]
        parts["dev"] = []
    return parts


def held_out(variable: Variable, share: float) -> list[Text]:
    """Return the alternatives that are asked as queries: a share by hash, at least one."""
    found = variable.alternatives
    return [text for text in found if unit(text.text) < share] or found[:1]


def positives(variables: Sequence[Variable], choices: Choices) -> Iterator[Record]:
    """Yield the pairs of texts that say the same, each with hard negatives from siblings."""
    by_id = {one.dcid: one for one in variables}
    kin = siblings(
        {one.dcid: one.name.text for one in variables},
        {one.dcid: [text.text for text in one.texts] for one in variables},
    )
    for one in variables:
        nearest = kin.get(one.dcid, [])
        for why, label, anchor, positive in alike(one, choices.labels):
            if fold(anchor.text) == fold(positive.text):
                continue
            yield {
                "kind": "positive",
                "dcid": one.dcid,
                "anchor": anchor.text,
                "positive": positive.text,
                "label": label,
                "why": why,
                "sources": [anchor.source, positive.source],
                "negatives": negatives(anchor, positive, nearest, by_id, choices.negatives),
            }


def alike(one: Variable, labels: Labels) -> Iterator[tuple[str, float, Text, Text]]:
    """Yield why two texts of a variable are alike, how much, and the two: query-like first.

    An alternative goes with the name or with the description, as its hash says: both are
    what a search finds, and learning every pair of either would take twice as long.
    """
    for at, text in enumerate(one.of("description")):
        if at == 0:
            yield "description and name", labels.name_description, text, one.name
        else:
            yield "further description and name", labels.further_description, text, one.name
    for text in one.of("override", "curated", "generated"):
        label = labels.generated if text.role == "generated" else labels.curated
        is_name = unit(f"{one.dcid} {text.text}") < 0.5
        other = "name" if is_name else "description"
        yield f"{text.role} alternative and {other}", label, text, getattr(one, other)


def negatives(
    anchor: Text,
    positive: Text,
    kin: Sequence[Sibling],
    variables: Mapping[str, Variable],
    most: int,
) -> list[Record]:
    """Return texts of siblings in the positive's role, a different few for each anchor."""
    start = int(unit(anchor.text) * len(kin))
    turned = [*kin[start:], *kin[:start]][:most]
    return [
        {
            "dcid": its.dcid,
            "text": role_of(variables[its.dcid], positive).text,
            "differs": f"{its.own or '-'} / {its.other or '-'}",
        }
        for its in turned
    ]


def role_of(one: Variable, like: Text) -> Text:
    return one.description if like.role == "description" else one.name


def queries(
    variables: Iterable[Variable], asked: Mapping[str, Sequence[Text]], texts: Iterable[Text]
) -> list[Record]:
    """Return the held-out alternatives, each with every variable that it names.

    `catalog` is the catalog of the variable that it was held out from.
    """
    owners: dict[str, set[str]] = defaultdict(set)
    for text in texts:
        owners[fold(text.text)].add(text.dcid)
    found: dict[str, Record] = {}
    for one in variables:
        for text in asked[one.dcid]:
            said = {"kind": "query", "text": text.text, "catalog": text.catalog}
            told = {"sources": [text.source], "dcids": sorted(owners[fold(text.text)])}
            found.setdefault(fold(text.text), said | told)
    return list(found.values())


def record(kind: str, pair: ScoredPair) -> Record:
    """Return a scored pair as a record."""
    sentences = {"sentence_1": pair.sentence_1, "sentence_2": pair.sentence_2}
    return {"kind": kind, **sentences, "score": pair.score, "sources": [pair.source]}


def without(
    records: Iterable[Record], others: Sequence[tuple[Sequence[Record], set[str]]]
) -> list[Record]:
    """Return the records that share nothing with the parts that must stay unseen.

    A text of a variable must be no near-duplicate of any text of a held-out variable, nor of a
    guard sentence; a scored pair must be no held-out or guard pair again, nor hold a query. Of a
    record that may stay, negatives that are a held-out text are dropped.
    """
    texts = {key for held, closed in others for key in closed | guarded(held)}
    asked = {near(it["text"]) for held, _ in others for it in held if it["kind"] == "query"}
    pairs_held = {pair_key(it) for held, _ in others for it in held if it["kind"] != "query"}

    def free(it: Record) -> bool:
        if it["kind"] == "scored":
            return pair_key(it) not in pairs_held and not asked & near_keys(it)
        return it["kind"] == "guard" or not texts & near_keys(it)

    return [with_free_negatives(it, texts) for it in records if free(it)]


def with_free_negatives(it: Record, texts: set[str]) -> Record:
    """Return a record without the negatives that are a held-out text."""
    if "negatives" not in it:
        return it
    return it | {"negatives": [one for one in it["negatives"] if near(one["text"]) not in texts]}


def near_keys(it: Record) -> set[str]:
    """Return the near-duplicate keys of a record's own texts."""
    fields = ("anchor", "positive", "text", "sentence_1", "sentence_2")
    return {near(it[field]) for field in fields if field in it}


def guarded(records: Iterable[Record]) -> set[str]:
    return {key for it in records if it["kind"] == "guard" for key in near_keys(it)}


def pair_key(it: Record) -> str:
    return " | ".join(sorted(near_keys(it)))


def refuse_empty(records: Mapping[str, Sequence[Record]]) -> None:
    """Raise InputError when there is nothing to learn from, or to test with."""
    for name, kind in (("train", "positive"), ("dev", "query"), ("test", "query")):
        if not any(it["kind"] == kind for it in records[name]):
            raise InputError(
                f"data/clean/catalog.csv leaves no {kind} for {name}; add variables with "
                f"alternatives, or raise the shares in pair.embedder of params.yaml."
            )


def documents(parts: Mapping[str, Sequence[Variable]], hidden: set[str]) -> list[Record]:
    """Return the catalog to search: every text of every variable but the held-out queries."""
    return [
        {"dcid": one.dcid, "text": text.text}
        for name in PARTS
        for one in parts[name]
        for text in one.texts
        if fold(text.text) not in hidden
    ]


def certified(
    records: Mapping[str, Sequence[Record]],
    parts: Mapping[str, Sequence[Variable]],
    left_out: Mapping[str, int],
) -> Record:
    """Return the proof that the parts share nothing, and how many records each kind has."""
    used = {
        name: [it for it in records[name] if it["kind"] in ("positive", "query")] for name in PARTS
    }
    shared = certificate(
        {
            "variables": {name: {one.dcid for one in parts[name]} for name in PARTS},
            "texts": {name: texts_of(used[name]) for name in PARTS},
            "near_duplicates": {
                name: {near(text) for text in texts_of(used[name])} for name in PARTS
            },
            "scored_pairs": {
                name: {pair_key(it) for it in records[name] if it["kind"] == "scored"}
                for name in PARTS
            },
        }
    )
    counts = {name: kinds(records[name]) for name in PARTS}
    return {"shared": shared, "left_out": dict(left_out), "records": counts}


def texts_of(records: Iterable[Record]) -> set[str]:
    fields = ("anchor", "positive", "text")
    return {fold(it[field]) for it in records for field in fields if field in it}


def kinds(records: Iterable[Record]) -> dict[str, int]:
    """Return how many records there are of each kind."""
    counts: dict[str, int] = defaultdict(int)
    for it in records:
        counts[it["kind"]] += 1
    return dict(counts)


def write_pairs(folder: Path, records: Mapping[str, Sequence[Record]]) -> None:
    """Write the records of each part, and the certificate."""
    for name in (*PARTS, "documents"):
        write_jsonl(folder / f"{name}.jsonl", records[name])
    write_json(folder / "certificate.json", records["certificate"][0])


def shown(folder: Path, number: int) -> list[str]:
    """Return lines that show some examples of each kind, chosen by hash, with their sources."""
    kinds: dict[str, list[Record]] = defaultdict(list)
    for it in read_jsonl(folder / "train.jsonl"):
        kinds[it.get("why", "scored by a curator")].append(it)
    lines = []
    for why, its in kinds.items():
        lines += ["", f"{why}: {len(its)} in train"]
        for it in sorted(its, key=lambda it: unit(str(it["sources"])))[:number]:
            lines += said(it)
    return lines[1:]


def said(it: Record) -> list[str]:
    """Return the lines that show one example."""
    if it["kind"] == "scored":
        head = f"  {it['score']:.2f}  {it['sentence_1']}  |  {it['sentence_2']}"
        return [head, f"        {it['sources'][0]}"]
    lines = [
        f"  {it['label']:.2f}  {it['anchor']}  |  {it['positive']}",
        f"        {' and '.join(dict.fromkeys(it['sources']))}",
    ]
    for other in it["negatives"]:
        lines.append(f"     not  {other['text']}  (a sibling; differs in {other['differs']})")
    return lines
