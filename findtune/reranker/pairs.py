"""What the reranker learns from: ranked lists in which users picked, and titles of sources.

data/pairs/reranker/SIZE/
    train.jsonl  dev.jsonl  test.jsonl   a record a line; `kind` tells which:
        list    query, record, picks, judged, sources: [{url, title, text, gain,
                weight, why, shown, seen}]
        title   query (the title of a source), sources: its snippet and those like it  train only
    certificate.json    what the parts share (nothing), and how many records each has

Records pass through one at a time: a log of 100,000 lists fits in little memory.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Annotated

from pydantic import Field

from findtune.bm25 import Index
from findtune.errors import InputError
from findtune.files import read_json, read_lines, write_json, write_jsonl
from findtune.params import Section
from findtune.records import Record, counting, place, samples
from findtune.splits import PARTS, Shares, certificate, near, part, unit

POOL = 5000  # sources of train from which random negatives and neighbours come
PICKED = ("picked first", "picked second", "picked third")
# Questions of a log seldom come back: to remember them all would fill the memory.
NEAR = near.__wrapped__
Gain = Annotated[float, Field(gt=0)]


class Titles(Section):
    """Free supervision: a source's title against its snippet, among those of like sources."""

    lists: int = Field(ge=0)
    neighbours: int = Field(gt=0)


class Choices(Section):
    """params.yaml: pair.reranker.SIZE."""

    lists: Shares
    gains: tuple[Gain, ...] = Field(min_length=1)  # of the first pick, the second, ...
    examined: float = Field(ge=0)  # weight of an unpicked source above the last pick
    unexamined: float = Field(ge=0)  # weight of one below: perhaps nobody looked at it
    random_negatives: int = Field(ge=0)
    titles: Titles

    def cut(self, test: float, fold: int) -> "Choices":
        """Return the same choices with another test set."""
        lists = self.lists.model_copy(update={"test": test, "fold": fold})
        return self.model_copy(update={"lists": lists})


@dataclass
class Seen:
    """What is known of all records before the first one is written."""

    groups: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in PARTS})
    urls: set[str] = field(default_factory=set)
    pool: dict[str, Record] = field(default_factory=dict)


def write(clean: Path, out: Path, choices: Choices) -> dict[str, dict[str, int]]:
    """Write the records of each part; return how many there are of each kind.

    clean: the folder of clean lists and judgments. Raises InputError when a part has no list.
    """
    lists, judged = clean / "reranker.jsonl", read_json(clean / "judgments.json")
    seen = survey(read_lines(lists), choices.lists)
    refuse_empty(seen, lists)
    pool = list(seen.pool.values())
    counts = {}
    for name in PARTS:
        found: Counter[str] = Counter()
        its = (it for it in read_lines(lists) if part_of(it, choices.lists) == name)
        records: Iterable[Record] = (ranked(it, choices, judged, seen.urls) for it in its)
        if name == "train":
            records = taught(records, pool, choices)
        write_jsonl(out / f"{name}.jsonl", counting(records, found))
        counts[name] = dict(found)
    shared = certificate({"questions": seen.groups})
    write_json(out / "certificate.json", {"shared": shared, "records": counts})
    return counts


def part_of(it: Record, shares: Shares) -> str:
    """Return the part of a list: near-same questions, whoever asked them, stand in one."""
    return part(NEAR(it["query"]), shares)


def survey(lists: Iterable[Record], shares: Shares) -> Seen:
    """Return the questions of each part, and the sources that train has seen."""
    seen = Seen()
    for it in lists:
        name = part_of(it, shares)
        seen.groups[name].add(NEAR(it["query"]))
        if name == "train":
            seen.urls.update(source["url"] for source in it["sources"])
            for source in it["sources"]:
                seen.pool.setdefault(source["url"], source)
            if len(seen.pool) > 2 * POOL:
                seen.pool = few(seen.pool)
    seen.pool = few(seen.pool)
    return seen


def few(pool: dict[str, Record]) -> dict[str, Record]:
    """Return no more sources than are drawn from, in their order.

    Which ones hangs on their URLs alone, so that no day of a log is favoured.
    """
    kept = set(sorted(pool, key=unit)[:POOL]) if len(pool) > POOL else pool.keys()
    return {url: source for url, source in pool.items() if url in kept}


def refuse_empty(seen: Seen, lists: Path) -> None:
    """Raise InputError when a part has no list."""
    for name, groups in seen.groups.items():
        if not groups:
            raise InputError(
                f"{lists} leaves no list for {name}; add feedback, or change the shares in "
                "pair.reranker of params.yaml."
            )


def ranked(
    it: Record, choices: Choices, judged: Mapping[str, Mapping[str, int]], urls: set[str]
) -> Record:
    """Return one list with the gain and the weight of every source, and why it has them."""
    last = max(at for at, source in enumerate(it["sources"]) if source["url"] in it["picks"])
    found: Record = {
        "kind": "list",
        "query": it["query"],
        "record": it["record"],
        "picks": it["picks"],
        "sources": [
            labelled(source, it["picks"], above=at < last, choices=choices)
            | {"seen": source["url"] in urls, "shown": True}
            for at, source in enumerate(it["sources"])
        ],
    }
    return {**found, "judged": judged.get(it["query"], {})}


def labelled(source: Record, picks: Sequence[str], *, above: bool, choices: Choices) -> Record:
    """Return a source with what a user's picks say of it.

    Source of the rule for those not picked: the cascade model (Craswell et al., WSDM 2008).
    """
    found = {"url": source["url"], "title": source["title"], "text": text(source)}
    if source["url"] in picks:
        place = picks.index(source["url"])
        gain = choices.gains[min(place, len(choices.gains) - 1)]
        why = PICKED[place] if place < len(PICKED) else "picked"
        return found | {"gain": gain, "weight": 1.0, "why": why}
    if above:
        return found | {"gain": 0.0, "weight": choices.examined, "why": "passed over"}
    return found | {"gain": 0.0, "weight": choices.unexamined, "why": "below the last pick"}


def text(source: Record) -> str:
    """Return the title and the snippet as one text."""
    return ". ".join(filter(None, (source["title"].rstrip(" ."), source["snippet"])))


def taught(records: Iterable[Record], pool: Sequence[Record], choices: Choices) -> Iterator[Record]:
    """Yield the lists of train with random negatives, then the lists of titles."""
    for it in records:
        yield it | {"sources": [*it["sources"], *strangers(it, pool, choices.random_negatives)]}
    yield from titles(pool, choices.titles)


def strangers(it: Record, pool: Sequence[Record], most: int) -> list[Record]:
    """Return sources of other lists, drawn by the list's own number."""
    shown = {source["url"] for source in it["sources"]}
    drawn = Random(it["record"]).sample(pool, min(len(pool), most + len(shown)))
    free = [source for source in drawn if source["url"] not in shown][:most]
    why = {"gain": 0.0, "weight": 1.0, "why": "drawn at random", "shown": False}
    return [
        {"url": source["url"], "title": source["title"], "text": text(source), **why}
        for source in free
    ]


def titles(pool: Sequence[Record], choices: Titles) -> Iterator[Record]:
    """Yield lists in which a source's title asks for its snippet, among those most like it."""
    whole = [source for source in pool if source["title"] and source["snippet"]]
    if not whole or not choices.lists:
        return
    index = Index([source["snippet"] for source in whole])
    for source in sorted(whole, key=lambda it: unit(it["url"]))[: choices.lists]:
        like = (whole[at] for at in index.best(source["title"], choices.neighbours + 1))
        others = [other for other in like if other["url"] != source["url"]]
        rest = others[: choices.neighbours]
        if rest:
            yield {
                "kind": "title",
                "query": source["title"],
                "sources": [snippet(source, 1.0), *(snippet(other, 0.0) for other in rest)],
            }


def snippet(source: Record, gain: float) -> Record:
    """Return a source as a list of titles shows it: its own title is what is asked for."""
    why = "its own snippet" if gain else "a like source's snippet"
    found = {"url": source["url"], "title": "", "text": source["snippet"], "shown": True}
    return found | {"gain": gain, "weight": 1.0, "why": why}


def shown(folder: Path, number: int) -> list[str]:
    """Return lines that show some lists, with where they are from and why."""
    return samples(folder / "train.jsonl", number, said)


def said(it: Record) -> list[str]:
    """Return the lines that show one list."""
    lines = [f"  {it['query']}" + (f"   ({place(it['record'])})" if "record" in it else "")]
    for source in it["sources"]:
        told = f"gain {source['gain']:g}, weight {source['weight']:g}: {source['why']}"
        lines.append(f"     {told:44} {source['text'][:90]}")
    return lines
