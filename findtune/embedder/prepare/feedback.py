"""The embedder's examples from feedback: picks of ranked lists, with unpicked documents.

A question is a query, and each document that its user picked is a positive. Documents of the same
list that were not picked are hard negatives, in the order shown: users read from the top down to
their last pick, so they rejected what stands above it (cascade model: Craswell et al., WSDM 2008).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from findtune.core.files import atomic_open
from findtune.core.processes import ordered_map
from findtune.core.records import Record
from findtune.core.text import normalize
from findtune.embedder.prepare.leak_removal import NEARLY_HELD_OUT, Records
from findtune.examples.documents import document_text
from findtune.examples.hashes import HashSet
from findtune.examples.left_out import LeftOut
from findtune.examples.questions import Array, Questions, Row, Share
from findtune.examples.splits import SPLITS
from findtune.examples.writing import lines

NO_TEXT = "picks without a title and a snippet"
NOTHING_UNPICKED = "picks of lists that leave nothing with another text unpicked"
ALL_FILES = (*SPLITS, "refit")

Texts = dict[str, str]  # URL -> title and snippet


@dataclass
class Written:
    """The examples made from one share of the lists, or from all of them.

    lines: split -> lines of its file. counts: split -> number of examples. leaking: split ->
    number of examples left out because a later split holds their question. questions: split ->
    both keys of the questions of its examples.
    """

    lines: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in ALL_FILES})
    counts: Counter[str] = field(default_factory=Counter)
    leaking: Counter[str] = field(default_factory=Counter)
    questions: dict[str, HashSet] = field(default_factory=dict)
    left_out: LeftOut = field(default_factory=LeftOut)


@dataclass(frozen=True)
class ListExamples:
    """Makes the examples of lists: picks for train and refit, whole lists for dev and test.

    negatives: at most so many per pick. forbidden: split -> questions that must not be in it.
    """

    questions: Questions
    negatives: int
    forbidden: Mapping[str, HashSet]

    def __call__(self, share: Share) -> Written:
        """Return the examples of one share of the lists."""
        written = Written()
        leaks = {name: self.leaks(name, share).tolist() for name in ("train", "dev", "refit")}
        kept: dict[str, list[int]] = {name: [] for name in ALL_FILES}
        for place, row in enumerate(self.questions.rows(share)):
            banned = {name for name, flags in leaks.items() if flags[place]}
            for name in self.add(row, banned, written):
                kept[name].append(place)
        written.questions = {
            name: HashSet.union([HashSet(share.keys[places]), HashSet(share.spellings[places])])
            for name, places in kept.items()
        }
        return written

    def leaks(self, name: str, share: Share) -> Array:
        """Return whether each list's question is forbidden in a split, (lists,), bool."""
        known = self.forbidden[name].contains_hashes
        leaks: Array = np.logical_or(known(share.keys), known(share.spellings))
        return leaks

    def add(self, row: Row, banned: set[str], written: Written) -> Iterator[str]:
        """Add the examples of a list; yield the names of the files that got any."""
        ranked_list, split, group = row
        texts = texts_by_url(ranked_list)
        if split != "train":
            yield from keep(split, [list_record(ranked_list, group)], banned, written)
        if split == "test":
            return
        picks = [*pick_records(ranked_list, texts, self.negatives)]
        yield from keep("refit", picks, banned, written)
        if split == "train":
            count_left_out(ranked_list, texts, learned=len(picks), left_out=written.left_out)
            yield from keep("train", picks, banned, written)
            for pick in picks if "train" in banned else ():
                text, record = pick["positive"], pick["record"]
                reason = NEARLY_HELD_OUT["pick"]
                written.left_out.add(reason, pick["query"], text=text, record=record)


def keep(name: str, examples: list[Record], banned: set[str], written: Written) -> Iterator[str]:
    """Add examples to a file, and yield its name, unless their question is banned from it."""
    if name in banned:
        written.leaking[name] += len(examples)
    elif examples:
        written.lines[name].append(lines(examples))
        written.counts[name] += len(examples)
        yield name


def write_lists(out: Path, records: Records, examples: ListExamples) -> Written:
    """Write the files of all splits: the records of the catalog, then the examples of the lists.

    Return the totals over all lists, without their lines.
    """
    total, questions = Written(), {name: [HashSet.union([])] for name in ALL_FILES}
    shares, processes = examples.questions.shares, examples.questions.processes
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(atomic_open(out / f"{name}.jsonl")) for name in ALL_FILES
        }
        for name in ALL_FILES:
            files[name].writelines(lines([record]) for record in records[name])
        for written in ordered_map(examples, shares, processes):
            for name in ALL_FILES:
                files[name].writelines(written.lines[name])
                questions[name].append(written.questions[name])
            total.counts.update(written.counts)
            total.leaking.update(written.leaking)
            total.left_out.merge(written.left_out)
    total.questions = {name: HashSet.union(parts) for name, parts in questions.items()}
    return total


def count_left_out(ranked_list: Record, texts: Texts, *, learned: int, left_out: LeftOut) -> None:
    """Count the picks of a list that are left out, by reason."""
    for url in ranked_list["picks"]:
        if not texts[url] or not learned:
            reason = NOTHING_UNPICKED if texts[url] else NO_TEXT
            record = ranked_list["record"]
            left_out.add(reason, ranked_list["query"], text=texts[url] or url, record=record)


def texts_by_url(ranked_list: Record) -> Texts:
    """Return the text of each document of a list by its URL."""
    return {document["url"]: document_text(document) for document in ranked_list["sources"]}


def pick_records(ranked_list: Record, texts: Texts, negatives: int) -> Iterator[Record]:
    """Yield one example for each pick of a list that has unpicked documents."""
    picks = [url for url in ranked_list["picks"] if texts[url]]
    unpicked = [*islice(unpicked_texts(texts, picks), negatives)]
    for url in picks if unpicked else []:
        yield {
            "kind": "pick",
            "query": ranked_list["query"],
            "positive": texts[url],
            "negatives": unpicked,
            "record": ranked_list["record"],
        }


def unpicked_texts(texts: Texts, picks: Iterable[str]) -> Iterator[str]:
    """Yield the texts that were not picked, in the order shown.

    Texts equal to a picked one are left out.
    """
    useless = {"", *(normalize(texts[url]) for url in picks)}
    return (text for text in texts.values() if normalize(text) not in useless)


def list_record(ranked_list: Record, group: str) -> Record:
    """Return a held-out list: its texts in the order shown, and which of them were picked.

    group: lists of the same group are not independent.
    """
    documents = ranked_list["sources"]
    return {
        "kind": "list",
        "query": ranked_list["query"],
        "documents": [document_text(document) for document in documents],
        "picked": [document["url"] in ranked_list["picks"] for document in documents],
        "group": group,
        "record": ranked_list["record"],
    }
