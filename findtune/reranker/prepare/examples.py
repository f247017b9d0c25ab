"""The reranker's examples: ranked lists in which users picked, and title lists.

data/examples/reranker/SIZE/
    train.jsonl  dev.jsonl  test.jsonl   one record per line; `kind` is one of
        list    query, group (a hash; lists of one topic, session or user share it), record,
                picks, qrels,
                documents: [{url, title, text, rank, score, query_used, gain, why, shown, seen}]
        title   query (the title of a document), documents: its snippet and similar ones;
                train only
    left_out.json       what is not learned: reason -> count, and some examples
    leak_report.json    what the splits share (nothing), and how many records each has

Where the picks of nearly all lists stand first, the order tells who was picked and nothing else:
the documents are then mixed, without ranks, and the list is marked `order_unknown`.

In train, a list also has random negatives; they are not `shown`, since no user was shown them.
Lists are read one at a time, so a log of 100,000 lists needs little memory.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from findtune.core.errors import InputError
from findtune.core.files import iter_jsonl, write_json, write_jsonl
from findtune.core.records import Record
from findtune.core.text import hash_fraction
from findtune.examples.groups import asked_records, find_groups
from findtune.examples.left_out import LeftOut, left_out_lines
from findtune.examples.preview import count_kinds, record_location, sample_lines
from findtune.examples.splits import SPLITS, assign_split, leak_report
from findtune.examples.topics import find_topics, topic_of
from findtune.examples.word_overlap import WordOverlap
from findtune.reranker.prepare.labelling import Qrels, label_list, without_order
from findtune.reranker.prepare.random_negatives import add_random_negatives
from findtune.reranker.prepare.settings import PrepareSettings
from findtune.reranker.prepare.survey import Survey, survey_lists
from findtune.reranker.prepare.title_lists import title_lists

__all__ = ["PrepareSettings", "preview_lines", "write_examples"]

MAX_PREVIEW_CHARS = 90  # of a document's text


def write_examples(clean: Path, out: Path, settings: PrepareSettings) -> dict[str, dict[str, int]]:
    """Write the examples of each split; return the counts by kind.

    clean: the folder of clean ranked lists and judgments. Raises InputError when a split has no
    list.
    """
    ranked_lists = clean / "ranked_lists.jsonl"
    qrels = {row["query"]: row["grades"] for row in iter_jsonl(clean / "judgments.jsonl")}
    topics = find_topics(iter_jsonl(ranked_lists), qrels)
    asked = asked_records(
        iter_jsonl(ranked_lists),
        lambda record: topic_of(record, topics),
        lambda topic: assign_split(topic, settings.lists) != "train",
    )
    groups = find_groups(asked)
    survey = survey_lists(iter_jsonl(ranked_lists), topics, settings.lists, groups)
    refuse_empty_splits(survey, ranked_lists)
    counts, left_out = {}, LeftOut()
    overlap = WordOverlap(left_out)
    for split in SPLITS:
        kinds: Counter[str] = Counter()
        records = split_records(
            split, ranked_lists, settings=settings, qrels=qrels, survey=survey, overlap=overlap
        )
        write_jsonl(out / f"{split}.jsonl", count_kinds(records, kinds))
        counts[split] = dict(kinds)
    left_out.write(out)
    shared = leak_report({"questions": survey.questions})
    write_json(out / "leak_report.json", {"shared": shared, "records": counts})
    return counts


def refuse_empty_splits(survey: Survey, path: Path) -> None:
    """Raise InputError when a split has no list."""
    for split, questions in survey.questions.items():
        if not questions:
            raise InputError(
                f"{path} leaves no list for {split}; add feedback, or change the shares in "
                "prepare.reranker of params.yaml."
            )


def split_records(
    split: str,
    ranked_lists: Path,
    *,
    settings: PrepareSettings,
    qrels: Qrels,
    survey: Survey,
    overlap: WordOverlap,
) -> Iterator[Record]:
    """Yield the examples of a split; those of train end with the title lists."""
    candidates = list(survey.train_documents.values())
    for ranked_list in iter_jsonl(ranked_lists):
        topic = topic_of(ranked_list, survey.topics)
        if assign_split(topic, settings.lists) != split:
            continue
        overlap.look_at(ranked_list, ranked_list["sources"])
        example = label_list(ranked_list, settings, qrels=qrels, train_urls=survey.train_urls)
        group = survey.groups.group_of(ranked_list["record"], topic)
        if survey.order_unknown:
            example = without_order(example)
        example["group"] = f"{hash_fraction(group):.12f}"
        if split == "train":
            example = add_random_negatives(example, candidates, settings.random_negatives)
        yield example
    if split == "train":
        yield from title_lists(candidates, settings.title_lists, overlap.left_out)


def preview_lines(folder: Path, number: int) -> list[str]:
    """Return lines that show some examples of each kind, with their places and labels."""
    lines = sample_lines(folder / "train.jsonl", number, describe)
    return [*lines, *left_out_lines(folder, number)]


def describe(example: Record) -> list[str]:
    """Return the lines that show one example."""
    location = f"   ({record_location(example['record'])})" if "record" in example else ""
    return [f"  {example['query']}{location}", *describe_documents(example["documents"])]


def describe_documents(documents: Sequence[Record]) -> list[str]:
    """Return one line for each document of an example."""
    lines = []
    for document in documents:
        label = f"gain {document['gain']:g}: {document['why']}"
        lines.append(f"     {label:34} {document['text'][:MAX_PREVIEW_CHARS]}")
    return lines
