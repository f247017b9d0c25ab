"""The rewriter's examples: which searches found what users picked.

data/examples/rewriter/SIZE/
    train.jsonl  dev.jsonl  test.jsonl   one record per line; `kind` is one of
        question     query, history, group (a hash; questions of one topic, session or user share
                     it), record, picks, qrels: a question and the documents that answer it; in dev
                     and test also `seen`: the picks that were picked in train too
        rewrite      query, history, target (a search that found more), weight, why  train only
        identity     the same; the target is the question, as no search found more   train only
        title        the same; the target is the title of a picked document          train only
    corpus.jsonl        url, title, text: the documents that are searched
    left_out.json       what is not learned: reason -> count, and some examples
    names.json          the words that are names in the corpus
    leak_report.json    what the splits share and how many questions of dev and test are learned
                        (none), and how many records of each kind there are

Records are read one at a time; only the questions' keys and the corpus are kept in memory.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from findtune.core.errors import InputError
from findtune.core.files import atomic_open, iter_jsonl, write_json, write_jsonl
from findtune.core.records import Record
from findtune.examples.groups import asked_records, find_groups
from findtune.examples.left_out import LeftOut, left_out_lines
from findtune.examples.preview import count_kinds, record_location, sample_lines
from findtune.examples.splits import SPLITS, assign_split, leak_report
from findtune.examples.topics import find_topics, topic_of
from findtune.examples.word_overlap import WordOverlap
from findtune.rewriter.model.entities import find_names
from findtune.rewriter.prepare.identities import identity_threshold
from findtune.rewriter.prepare.settings import PrepareSettings
from findtune.rewriter.prepare.survey import Survey, survey_clean_data
from findtune.rewriter.prepare.targets import TargetRules, target_records

__all__ = ["PrepareSettings", "preview_lines", "write_examples"]

Qrels = Mapping[str, Mapping[str, int]]  # question -> URL -> grade


def write_examples(clean: Path, out: Path, settings: PrepareSettings) -> dict[str, dict[str, int]]:
    """Write the examples of each split, the corpus and its names; return the counts by kind.

    clean: the folder of clean searches, corpus and judgments. Raises InputError when a split has
    no question, or train has no target.
    """
    searches = clean / "searches.jsonl"
    qrels = {row["query"]: row["grades"] for row in iter_jsonl(clean / "judgments.jsonl")}
    topics = find_topics(iter_jsonl(searches), qrels)
    corpus = iter_jsonl(clean / "corpus.jsonl")
    asked = asked_records(
        iter_jsonl(searches),
        lambda record: topic_of(record, topics),
        lambda topic: assign_split(topic, settings.questions) != "train",
    )
    groups = find_groups(asked)
    survey = survey_clean_data(iter_jsonl(searches), corpus, topics, settings, groups)
    refuse_empty_splits(survey, searches)
    rules = target_rules(searches, survey, settings)
    write_jsonl(out / "corpus.jsonl", survey.corpus.values())
    with atomic_open(out / "names.json") as file:
        json.dump(sorted(rules.names), file, ensure_ascii=False)
    counts, left_out = {}, LeftOut()
    overlap = WordOverlap(left_out)
    for split in SPLITS:
        kinds: Counter[str] = Counter()
        records = split_records(
            split, searches, rules=rules, qrels=qrels, survey=survey, overlap=overlap
        )
        write_jsonl(out / f"{split}.jsonl", count_kinds(records, kinds))
        counts[split] = dict(kinds)
    left_out.write(out)
    learned = refuse_leaks(out / "train.jsonl", rules)
    shared = leak_report({"questions": survey.questions})
    report = {"shared": shared, "held_out_targets": learned, "records": counts}
    write_json(out / "leak_report.json", report)
    return counts


def refuse_empty_splits(survey: Survey, path: Path) -> None:
    """Raise InputError when a split has no question."""
    for split, questions in survey.questions.items():
        if not questions:
            raise InputError(
                f"{path} leaves no question for {split}; add feedback, or change the shares in "
                "prepare.rewriter of params.yaml."
            )


def target_rules(searches: Path, survey: Survey, settings: PrepareSettings) -> TargetRules:
    """Return the rules for targets; raise InputError when there is no target but questions."""
    names = find_names(document["text"] for document in survey.corpus.values())
    held_out = survey.questions["dev"] | survey.questions["test"]
    rules = TargetRules(settings, names, held_out)
    targets = sum(
        1
        for record in iter_jsonl(searches)
        if survey.split_of(record) == "train"
        for _ in target_records(record, rules, LeftOut())
    )
    if not targets:
        raise InputError(
            f"{searches}: no search found more of the picked documents than its question did, so "
            "there is nothing to learn; log the searches that a rewriter or a person made."
        )
    share = settings.max_identity_share
    return replace(rules, identity_threshold=identity_threshold(survey.unbeaten, targets, share))


def split_records(
    split: str,
    searches: Path,
    *,
    rules: TargetRules,
    qrels: Qrels,
    survey: Survey,
    overlap: WordOverlap,
) -> Iterator[Record]:
    """Yield the records of a split: each question, and in train what is learned from it."""
    for record in iter_jsonl(searches):
        if survey.split_of(record) != split:
            continue
        overlap.look_at(record, (row for search in record["searches"] for row in search["sources"]))
        question = question_record(record, qrels, survey)
        if split == "train":
            yield question
            origin = {field: record[field] for field in ("query", "history", "record")}
            for target in target_records(record, rules, overlap.left_out):
                yield {**target, **origin}
        else:
            yield {**question, "seen": [url for url in question["picks"] if url in survey.picked]}


def question_record(record: Record, qrels: Qrels, survey: Survey) -> Record:
    """Return the question of a record, with its picks and grades among the corpus."""
    grades = qrels.get(record["query"], {})
    return {
        "kind": "question",
        "query": record["query"],
        "history": record["history"],
        "group": survey.group_of(record),
        "record": record["record"],
        "picks": [url for url in record["selected"] if url in survey.corpus],
        "qrels": {url: grade for url, grade in grades.items() if url in survey.corpus},
    }


def refuse_leaks(train: Path, rules: TargetRules) -> int:
    """Return how many held-out questions train learns, which is 0; raise InputError otherwise."""
    learned = sum(
        rules.is_held_out(record["target"]) for record in iter_jsonl(train) if "target" in record
    )
    if learned:
        raise InputError(f"{train} has {learned} targets that are questions of dev or test.")
    return learned


def preview_lines(folder: Path, number: int) -> list[str]:
    """Return lines that show some examples of each kind, with their origin and reason."""
    lines = sample_lines(folder / "train.jsonl", number, describe)
    return [*lines, *left_out_lines(folder, number)]


def describe(record: Record) -> list[str]:
    """Return the lines that show one example."""
    lines = [f"  {record['query']}   ({record_location(record['record'])})"]
    if "target" in record:
        reason = f"weight {record['weight']:.2f}: {record['why']}"
        lines.append(f"     {reason:40} {record['target'][:90]}")
    if "picks" in record:
        lines.append(f"     {len(record['picks'])} picks, {len(record['qrels'])} grades")
    return lines
