"""The held-out questions on which the stack is evaluated, and the corpus that it searches.

Each room that learns from feedback splits it by the topic of a question, but the rooms read
different records: one reads ranked lists, another searches, and only some read judgments. So a
question that is held out in one room may be in another room's training data. The stack therefore
finds the topics of the questions of all rooms together, and uses for dev (test) only questions
whose topic lies in dev (test) of every room that knows it. A question that a room has never seen
may stay, since the room did not learn it.

All questions are searched in one corpus: the rewriter's corpus and every document shown in a list.
Picked or judged documents outside this corpus do not count. People may have graded what searches
found for these questions (findtune.stack.pooling); no model has learned from these grades.

The embedder's examples have texts without URLs, so its lists are used only where it is the only
model; a text is then its own URL. If it has not learned from feedback either, the variables of its
catalog are searched, and a question is an alternative name of some of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from findtune.core.errors import InputError
from findtune.core.files import iter_jsonl
from findtune.core.records import Record
from findtune.core.text import hash_fraction
from findtune.examples.groups import Asked, Groups, find_groups
from findtune.examples.splits import SPLITS
from findtune.examples.topics import Topics, find_topics, topic_of
from findtune.retrieval.corpus import Corpus, read_corpus

HELD_OUT = ("dev", "test")


@dataclass
class Question:
    """A question, and what people said about its documents.

    picks: URLs that users picked; grades: URL -> grade; shown: URLs that users were shown;
    search_grades: URL -> grade of a document that searches found. group: a hash shared by the
    questions of one topic, session or user. record: where the question comes from.
    """

    query: str
    group: str
    record: str
    history: list[str] = field(default_factory=list)
    picks: list[str] = field(default_factory=list)
    grades: dict[str, int] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)
    search_grades: dict[str, int] = field(default_factory=dict)

    @property
    def all_grades(self) -> dict[str, int]:
        """URL -> grade, from lists and searches; a grade from a list takes precedence."""
        return {**self.search_grades, **self.grades}

    @property
    def gains(self) -> dict[str, int]:
        """The gains that measure a ranking: the grades if any is above 0, else 1 per pick."""
        grades = self.all_grades
        return grades if any(grades.values()) else dict.fromkeys(self.picks, 1)

    @property
    def assessed(self) -> set[str]:
        """The documents that count as judged: graded, picked, or shown and not picked."""
        return {*self.all_grades, *self.picks, *self.shown}

    def add(self, record: Record) -> None:
        """Add the feedback of another record of the same question."""
        self.history = self.history or list(record["history"])
        self.picks = list(dict.fromkeys([*self.picks, *record["picks"]]))
        self.grades = {**record["qrels"], **self.grades}
        self.shown |= {document["url"] for document in record["documents"]}

    def within(self, urls: Mapping[str, str]) -> "Question":
        """Return the question without documents outside a corpus; urls: those of the corpus."""
        return Question(
            self.query,
            self.group,
            self.record,
            self.history,
            picks=[url for url in self.picks if url in urls],
            grades={url: grade for url, grade in self.grades.items() if url in urls},
            shown=self.shown & urls.keys(),
            search_grades={u: grade for u, grade in self.search_grades.items() if u in urls},
        )


@dataclass(frozen=True)
class HeldOut:
    """The questions of dev and of test, and the corpus that both search."""

    dev: list[Question]
    test: list[Question]
    corpus: Corpus


def read_held_out(
    examples: Mapping[str, Path],
    max_questions: int,
    max_corpus_documents: int,
    search_grades: Path,
) -> HeldOut:
    """Return the held-out questions and the corpus for a stack of some rooms.

    examples: room -> the folder of its examples; search_grades: the clean JSONL file. At most
    max_questions of each split are used, those with the smallest hashes. Raises InputError when
    dev or test has no question.
    """
    rooms = dict(examples)
    if {*rooms} == {"embedder"} and not has_kind(rooms["embedder"] / "test.jsonl", "list"):
        by_split, corpus = catalog_questions(rooms["embedder"])
    else:
        by_split = feedback_questions(rooms)
        corpus = feedback_corpus(rooms, max_corpus_documents)
    graded = {row["query"]: row["grades"] for row in iter_jsonl(search_grades)}
    for question in chain.from_iterable(by_split.values()):
        question.search_grades = graded.get(question.query, {})
    dev, test = (usable(by_split[split], corpus, max_questions) for split in HELD_OUT)
    for split, questions in zip(HELD_OUT, (dev, test), strict=True):
        if not questions:
            raise InputError(
                f"no question is in {split} of every model ({', '.join(rooms)}), so the stack "
                f"can't be judged; add feedback, or raise the share of {split} in params.yaml."
            )
    return HeldOut(dev, test, corpus)


def has_kind(path: Path, kind: str) -> bool:
    """Return whether a JSONL file has a record of a kind."""
    return any(record["kind"] == kind for record in iter_jsonl(path))


def usable(questions: Iterable[Question], corpus: Corpus, number: int) -> list[Question]:
    """Return at most `number` questions that have a relevant document in the corpus."""
    inside = (question.within(corpus.texts) for question in questions)
    relevant = [question for question in inside if any(question.gains.values())]
    return sorted(relevant, key=lambda question: hash_fraction(question.query))[:number]


# Feedback


def feedback_questions(rooms: Mapping[str, Path]) -> dict[str, list[Question]]:
    """Return the questions of dev and test that no room has learned, as described above."""
    topics = all_topics(rooms)
    splits, groups = split_of_topics(rooms, topics), all_groups(rooms, topics)
    questions: dict[str, dict[str, Question]] = {split: {} for split in HELD_OUT}
    for split in HELD_OUT:
        for room, record in room_records(rooms, sources(rooms), split):
            topic = topic_of(record, topics)
            if splits[topic] == {split}:
                group = f"{hash_fraction(groups.group_of(location(room, record), topic)):.12f}"
                new = Question(record["query"], group, record["record"])
                questions[split].setdefault(record["query"], new).add(record)
    return {split: list(by_query.values()) for split, by_query in questions.items()}


def sources(rooms: Mapping[str, Path]) -> list[str]:
    """Return the rooms whose questions are used: those with URLs, else the embedder."""
    return [room for room in rooms if room != "embedder"] or ["embedder"]


def all_topics(rooms: Mapping[str, Path]) -> Topics:
    """Return the topic of each question of all rooms and splits."""
    everything = [
        {"query": record["query"], "qrels": record["qrels"]}
        for room in rooms
        for split in SPLITS
        for record in records(rooms, room, split)
    ]
    qrels: dict[str, dict[str, int]] = {}
    for row in everything:  # rooms read the same questions, but not all have grades
        qrels.setdefault(row["query"], {}).update(row["qrels"])
    return find_topics(everything, qrels)


def all_groups(rooms: Mapping[str, Path], topics: Topics) -> Groups:
    """Return the groups of all questions; questions that a room has grouped stay together.

    Sessions and users are known only as these groups, since the examples hold nothing else of them.
    """
    return find_groups(
        [
            Asked(
                location(room, record),
                topic_of(record, topics),
                (f"group:{record['group']}",),
                split in HELD_OUT,
            )
            for split in SPLITS
            for room, record in room_records(rooms, rooms, split)
            if record["group"]
        ]
    )


def location(room: str, record: Record) -> str:
    """Return an identifier of a record that is unique across rooms."""
    return f"{room} {record['record']}"


def room_records(
    rooms: Mapping[str, Path], names: Iterable[str], split: str
) -> Iterator[tuple[str, Record]]:
    """Yield (room, record) for each record of one split."""
    for room in names:
        yield from ((room, record) for record in records(rooms, room, split))


def split_of_topics(rooms: Mapping[str, Path], topics: Topics) -> dict[str, set[str]]:
    """Return topic -> the splits in which it lies, over all rooms."""
    splits: dict[str, set[str]] = {}
    for room in rooms:
        for split in SPLITS:
            for record in records(rooms, room, split):
                splits.setdefault(topic_of(record, topics), set()).add(split)
    return splits


def records(rooms: Mapping[str, Path], room: str, split: str) -> Iterator[Record]:
    """Yield the feedback of one room and split, in one form for all rooms.

    A record has query, history, picks, qrels, documents ({url, title, text}), group and record.
    """
    read = {"embedder": embedder_record, "reranker": reranker_record, "rewriter": rewriter_record}
    for row in iter_jsonl(rooms[room] / f"{split}.jsonl"):
        if row["kind"] in ("list", "pick", "question"):
            yield {
                "history": [],
                "qrels": {},
                "documents": [],
                "group": row.get("group"),
                **read[room](row),
            }


def embedder_record(row: Record) -> Record:
    """Return a pick or a held-out list of the embedder; a text is its own URL."""
    if row["kind"] == "pick":
        texts, picks = [row["positive"], *row["negatives"]], [row["positive"]]
    else:
        texts = row["documents"]
        picks = [text for text, is_pick in zip(texts, row["picked"], strict=True) if is_pick]
    documents = [{"url": text, "title": "", "text": text} for text in texts if text]
    fields = {"query": row["query"], "record": row["record"]}
    return {**fields, "picks": picks, "documents": documents}


def reranker_record(row: Record) -> Record:
    """Return a ranked list without its random negatives, which users were not shown."""
    shown = [document for document in row["documents"] if document["shown"]]
    fields = {name: row[name] for name in ("query", "picks", "qrels", "record")}
    return {**fields, "documents": shown}


def rewriter_record(row: Record) -> Record:
    """Return a question of the rewriter."""
    return {name: row[name] for name in ("query", "history", "picks", "qrels", "record")}


def feedback_corpus(rooms: Mapping[str, Path], limit: int) -> Corpus:
    """Return the rewriter's corpus and every document shown in a list.

    Documents shown only in train are left out once the corpus has `limit` documents.
    """
    texts: dict[str, str] = {}
    titles: dict[str, str] = {}
    if "rewriter" in rooms:
        corpus = read_corpus(rooms["rewriter"] / "corpus.jsonl")
        texts, titles = dict(corpus.texts), dict(corpus.titles)
    for split in ("test", "dev", "train"):
        for record in chain.from_iterable(records(rooms, room, split) for room in sources(rooms)):
            for document in record["documents"]:
                if split != "train" or len(texts) < limit:
                    texts.setdefault(document["url"], document["text"])
                    titles.setdefault(document["url"], document["title"])
    return Corpus(texts, titles)


# A catalog without feedback


def catalog_questions(folder: Path) -> tuple[dict[str, list[Question]], Corpus]:
    """Return the embedder's held-out queries, and its catalog as a corpus."""
    by_split = {
        split: [
            Question(
                row["text"], " ".join(row["dcids"]), row["sources"][0], picks=list(row["dcids"])
            )
            for row in iter_jsonl(folder / f"{split}.jsonl")
            if row["kind"] == "query"
        ]
        for split in HELD_OUT
    }
    return by_split, catalog_corpus(iter_jsonl(folder / "corpus.jsonl"))


def catalog_corpus(rows: Iterable[Record]) -> Corpus:
    """Return the variables of a catalog; all texts are searched, the first is the title."""
    by_variable: dict[str, list[str]] = {}
    for row in rows:
        by_variable.setdefault(row["dcid"], []).append(row["text"])
    texts = {dcid: join_texts(texts) for dcid, texts in by_variable.items()}
    return Corpus(texts, {dcid: texts[0] for dcid, texts in by_variable.items()})


def join_texts(texts: Sequence[str]) -> str:
    """Return some texts joined as sentences."""
    return ". ".join(text.rstrip(" .") for text in texts)
