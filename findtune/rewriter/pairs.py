"""What the rewriter learns from: which searches found what users picked.

data/pairs/rewriter/SIZE/
    train.jsonl  dev.jsonl  test.jsonl   a record a line; `kind` tells which:
        question     query, record, picks, judged: what is searched for, and what answers it;
                     of dev and test, seen: the picks that were picked in train too
        rewrite      query, target (a search that found more), weight, why         train only
        identity     query, target (the question itself, since nothing found more) train only
        title        query, target (the title of a picked source)                  train only
        preference   query, better, worse (searches that found most and least)     train only
    pool.jsonl          the sources that are searched: url, title, text
    names.json          the words that are names in their sentences
    certificate.json    what the parts share and train learns of dev's and test's questions
                        (nothing), and how many records each part has

Records pass through one at a time: beside them only questions and the pool are in memory.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from pydantic import Field

from findtune.entities import entities, keeps, names_in
from findtune.errors import InputError
from findtune.files import read_json, read_lines, replacing, write_json, write_jsonl
from findtune.params import Section
from findtune.records import Record, counting, place, samples
from findtune.splits import PARTS, Shares, certificate, fold, near, part, unit

# Questions of a log seldom come back: to remember them all would fill the memory.
NEAR = near.__wrapped__
LEARNED = ("target", "better", "worse")  # the texts of a record that are learned
Gain = Annotated[float, Field(gt=0)]


class Titles(Section):
    """Free supervision: the titles of picked sources are worded as answers are."""

    picks: int = Field(ge=0)  # of a record, the first ones
    weight: float = Field(gt=0)


class Choices(Section):
    """params.yaml: pair.rewriter.SIZE."""

    questions: Shares
    gains: tuple[Gain, ...] = Field(min_length=1)  # of the first pick, the second, ...
    targets: int = Field(gt=0)  # searches of one record that are learned, the best ones
    identities: float = Field(ge=0, lt=1)  # share of what is learned, at most
    titles: Titles
    pool: int = Field(gt=0)  # sources that are searched, beside those of dev and test

    def cut(self, test: float, fold: int) -> "Choices":
        """Return the same choices with another test set."""
        questions = self.questions.model_copy(update={"test": test, "fold": fold})
        return self.model_copy(update={"questions": questions})


@dataclass
class Seen:
    """What is known of all records before the first one is written."""

    groups: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in PARTS})
    picked: set[str] = field(default_factory=set)  # in train
    pool: dict[str, Record] = field(default_factory=dict)
    winners: list[float] = field(default_factory=list)  # places of questions that found the most


def write(clean: Path, out: Path, choices: Choices) -> dict[str, dict[str, int]]:
    """Write the records of each part, the pool and its names; return how many of each kind.

    clean: the folder of clean searches, corpus and judgments. Raises InputError when a part has
    no question.
    """
    path, judged = clean / "rewriting.jsonl", read_json(clean / "qrels.json")
    seen = survey(read_lines(path), read_lines(clean / "corpus.jsonl"), choices)
    refuse_empty(seen, path)
    names = names_in(it["text"] for it in seen.pool.values())
    rules = Rules(choices, names, seen.groups["dev"] | seen.groups["test"], identities=0.0)
    rules = replace(rules, identities=limit(seen.winners, taught(path, rules), choices))
    write_jsonl(out / "pool.jsonl", seen.pool.values())
    with replacing(out / "names.json") as file:
        json.dump(sorted(names), file, ensure_ascii=False)
    counts = {}
    for name in PARTS:
        found: Counter[str] = Counter()
        its = (it for it in read_lines(path) if part_of(it, choices.questions) == name)
        records = (one for it in its for one in records_of(it, rules, judged, seen, name))
        write_jsonl(out / f"{name}.jsonl", counting(records, found))
        counts[name] = dict(found)
    leaked = sum(leaks(it, rules.held_out) for it in read_lines(out / "train.jsonl"))
    if leaked:
        raise InputError(f"train learns {leaked} questions of dev or test; it may learn none.")
    certified = {"shared": certificate({"questions": seen.groups}), "learned": leaked}
    write_json(out / "certificate.json", {**certified, "records": counts})
    return counts


@dataclass(frozen=True)
class Rules:
    """What decides whether a search may be learned.

    held_out: keys of the questions of dev and test; identities: the place in [0, 1) below which
    a question that won is kept.
    """

    choices: Choices
    names: Set[str]
    held_out: Set[str]
    identities: float


def part_of(it: Record, shares: Shares) -> str:
    """Return the part of a record: near-same questions, whoever asked them, stand in one."""
    return part(NEAR(it["query"]), shares)


def survey(records: Iterable[Record], corpus: Iterable[Record], choices: Choices) -> Seen:
    """Return the questions of each part, the pool, and what there is to learn."""
    seen = Seen()
    for source in corpus:
        add(source, seen.pool, choices.pool)
    for it in records:
        name = part_of(it, choices.questions)
        seen.groups[name].add(NEAR(it["query"]))
        needed: set[str] = set()
        (seen.picked if name == "train" else needed).update(it["selected"])
        for search in it["searches"]:
            for source in search["sources"]:
                most = choices.pool if source["url"] not in needed else len(seen.pool) + 1
                add(source, seen.pool, most)
        if name == "train" and not ranked(it, choices.gains):
            seen.winners.append(unit(it["query"]))
    return seen


def add(source: Record, pool: dict[str, Record], most: int) -> None:
    """Put a source into the pool unless that is full; what it lacked before is filled in."""
    new = {"url": source["url"], "title": source["title"], "text": source["snippet"]}
    kept = pool.get(source["url"])
    if kept is not None:
        kept.update({name: value for name, value in new.items() if not kept[name]})
    elif len(pool) < most:
        pool[source["url"]] = new


def leaks(it: Record, held_out: Set[str]) -> int:
    """Return how many texts that a record teaches are nearly a held-out question."""
    return sum(NEAR(it[name]) in held_out for name in LEARNED if name in it)


def refuse_empty(seen: Seen, path: Path) -> None:
    """Raise InputError when a part has no question."""
    for name, groups in seen.groups.items():
        if not groups:
            raise InputError(
                f"{path} leaves no question for {name}; add feedback, or change the shares in "
                "pair.rewriter of params.yaml."
            )


def taught(path: Path, rules: Rules) -> int:
    """Return how many searches and titles train learns; raise InputError when there are none."""
    its = (it for it in read_lines(path) if part_of(it, rules.choices.questions) == "train")
    found = sum("target" in one for it in its for one in lessons(it, rules))
    if not found:
        raise InputError(
            f"{path}: no search found more of the picked sources than its question did, so there "
            "is nothing to learn; log the searches that a rewriter or a person made."
        )
    return found


def limit(winners: Sequence[float], taught: int, choices: Choices) -> float:
    """Return the place below which as many winners stand as may be learned."""
    most = int(taught * choices.identities / (1 - choices.identities))
    places = sorted(winners)
    return 1.0 if len(places) <= most else places[most]


def records_of(
    it: Record,
    rules: Rules,
    judged: Mapping[str, Mapping[str, int]],
    seen: Seen,
    name: str,
) -> Iterator[Record]:
    """Yield the question of a record and, for train, what is learned from it."""
    asked = {"query": it["query"], "record": it["record"]}
    picks = [url for url in it["selected"] if url in seen.pool]
    grades = {url: grade for url, grade in judged.get(it["query"], {}).items() if url in seen.pool}
    question = {"kind": "question", **asked, "picks": picks, "judged": grades}
    if name == "train":
        yield question
        for found in lessons(it, rules):
            yield {**found, **asked}
    else:
        yield {**question, "seen": [url for url in picks if url in seen.picked]}


def lessons(it: Record, rules: Rules) -> Iterator[Record]:
    """Yield what one record teaches."""
    choices = rules.choices
    better = ranked(it, choices.gains)
    wanted = entities(it["query"], rules.names)
    for query, margin in [one for one in better if keeps(one[0], wanted, rules.names)][
        : choices.targets
    ]:
        if NEAR(query) not in rules.held_out:
            why = f"worth {margin:.0%} of the picks more"
            yield {"kind": "rewrite", "target": query, "weight": margin, "why": why}
    if not better and unit(it["query"]) < rules.identities:
        why = "no search found more than the question"
        yield {"kind": "identity", "target": it["query"], "weight": 1.0, "why": why}
    # A title may lack a name of the question: it teaches how answers are worded, not what to keep.
    for title, weight in titled(it, choices.titles):
        if NEAR(title) not in rules.held_out:
            yield {"kind": "title", "target": title, "weight": weight, "why": "a pick's title"}
    pair = preference(it, choices.gains)
    if pair and not {NEAR(pair["better"]), NEAR(pair["worse"])} & rules.held_out:
        yield {"kind": "preference", **pair}


def gains(it: Record, worth: Sequence[float]) -> list[float]:
    """Return of each search what the picked sources that it brought are worth, of 1 in all."""
    by_url = {url: worth[min(place, len(worth) - 1)] for place, url in enumerate(it["selected"])}
    total = sum(by_url.values())
    # rounded, so that the order in which the same sources stand makes no difference
    return [
        round(sum(by_url.get(source["url"], 0) for source in search["sources"]) / total, 9)
        for search in it["searches"]
    ]


def ranked(it: Record, worth: Sequence[float]) -> list[tuple[str, float]]:
    """Return the searches that found more than the question, with their margins, the best first.

    Ties go to the shorter query, then to the earlier one. A question that was never searched has
    found nothing.
    """
    found = gains(it, worth)
    own = [same(search["query"], it["query"]) for search in it["searches"]]
    floor = max((gain for gain, is_own in zip(found, own, strict=True) if is_own), default=0.0)
    better = [
        (search["query"], gain - floor)
        for search, gain, is_own in zip(it["searches"], found, own, strict=True)
        if gain > floor and not is_own
    ]
    return sorted(better, key=lambda one: (-one[1], len(one[0].split())))


def same(one: str, two: str) -> bool:
    """Return whether two queries differ in nothing that a search sees."""
    return (fold(one) or one) == (fold(two) or two)


def titled(it: Record, titles: Titles) -> list[tuple[str, float]]:
    """Return the titles of the first picks, each with its weight, which falls with the place."""
    sources = (source for search in it["searches"] for source in search["sources"])
    by_url = {source["url"]: source["title"] for source in sources if source["title"]}
    picked = [by_url.get(url, "") for url in it["selected"][: titles.picks]]
    return [(title, titles.weight / place) for place, title in enumerate(picked, start=1) if title]


def preference(it: Record, worth: Sequence[float]) -> Record | None:
    """Return the searches that found the most and the least, unless they found the same."""
    found = gains(it, worth)
    queries = [search["query"] for search in it["searches"]]
    order = sorted(range(len(found)), key=lambda at: (-found[at], len(queries[at].split())))
    best, worst = order[0], order[-1]
    if found[best] == found[worst]:
        return None
    margin = found[best] - found[worst]
    return {"better": queries[best], "worse": queries[worst], "margin": margin}


def shown(folder: Path, number: int) -> list[str]:
    """Return lines that show some examples of each kind, with where they are from and why."""
    return samples(folder / "train.jsonl", number, said)


def said(it: Record) -> list[str]:
    """Return the lines that show one example."""
    lines = [f"  {it['query']}   ({place(it['record'])})"]
    if "target" in it:
        told = f"weight {it['weight']:.2f}: {it['why']}"
        lines.append(f"     {told:40} {it['target'][:90]}")
    if "better" in it:
        lines.append(f"     better by {it['margin']:.2f}: {it['better'][:60]} / {it['worse'][:60]}")
    if "picks" in it:
        lines.append(f"     {len(it['picks'])} picked, {len(it['judged'])} judged")
    return lines
