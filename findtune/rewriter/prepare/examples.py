"""The rewriter's examples: which searches found what users picked.

data/examples/rewriter/SIZE/
    train.jsonl  dev.jsonl  test.jsonl   one record per line; `kind` is one of
        question     query, history, group (a hash; questions of one topic, session or user share
                     it), record, picks, qrels: a question and the documents that answer it; in dev
                     and test also `seen`: the picks that were picked in train too
        rewrite      query, history, target (a search that found more), weight, why  train only
        identity     the same; the target is the question, if no search found more   train only
        title        the same; the target is the title of a picked document          train only
    corpus.jsonl        url, title, text: the documents that are searched
    left_out.json       what is not learned: reason -> count, and some examples
    names.json          the words that are names in the corpus
    leak_report.json    what the splits share and how many questions of dev and test are learned
                        (none), and how many records of each kind there are

Several processes read records one at a time, and memory holds only hashes of questions and
documents; docs/scale.md says how much that is.
"""

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path

from findtune.core.errors import InputError
from findtune.core.files import atomic_open, iter_jsonl, write_json
from findtune.core.processes import Piece, number_of_processes, ordered_map, pieces, read_piece
from findtune.core.records import Record
from findtune.examples.hashes import HashSet, hash_set
from findtune.examples.left_out import LeftOut, left_out_lines
from findtune.examples.preview import record_location, sample_lines
from findtune.examples.questions import Questions, Row, read_questions
from findtune.examples.splits import SPLITS, leak_report
from findtune.examples.word_overlap import look_for_shared_words
from findtune.examples.writing import write_splits
from findtune.rewriter.prepare.corpus import Corpus, collect_corpus, documents_of
from findtune.rewriter.prepare.gains import better_searches
from findtune.rewriter.prepare.held_out import HeldOutQuestions
from findtune.rewriter.prepare.identities import identity_threshold
from findtune.rewriter.prepare.settings import PrepareSettings
from findtune.rewriter.prepare.survey import Survey, corpus_names, survey_train
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
    questions = read_questions(searches, qrels, settings.questions)
    keys = questions.hashes_by_split()
    refuse_empty_splits(keys, searches)
    searched = write_corpus(clean, out, questions, settings.max_corpus_documents)
    names = corpus_names(out / "corpus.jsonl")
    with atomic_open(out / "names.json") as file:
        json.dump(sorted(names), file, ensure_ascii=False)
    held_out = HeldOutQuestions(hash_set(questions.held_out_keys()))
    rules = TargetRules(settings, names, held_out)
    survey = survey_train(questions, rules)
    refuse_no_targets(survey, searches)
    left_out = LeftOut()
    look_for_shared_words(questions, left_out, documents_of)
    teach = Teacher(final_rules(rules, survey), qrels, searched, survey.picked)
    counts = write_splits(out, questions, teach, left_out, {})
    left_out.write(out)
    learned = refuse_leaks(out / "train.jsonl", held_out)
    shared = leak_report({"questions": keys})
    report = {"shared": shared, "held_out_targets": learned, "records": counts}
    write_json(out / "leak_report.json", report)
    return counts


def write_corpus(clean: Path, out: Path, questions: Questions, limit: int) -> HashSet:
    """Write the corpus; return the URLs of its documents."""
    with Corpus(limit, out) as corpus:
        urls = collect_corpus(corpus, iter_jsonl(clean / "corpus.jsonl"), questions)
        corpus.write(out / "corpus.jsonl")
    return urls


def refuse_empty_splits(keys: Mapping[str, Set[int]], path: Path) -> None:
    """Raise InputError when a split has no question."""
    for split in SPLITS:
        if not keys[split]:
            raise InputError(
                f"{path} leaves no question for {split}; add feedback, or change the shares in "
                "prepare.rewriter of params.yaml."
            )


def refuse_no_targets(survey: Survey, path: Path) -> None:
    """Raise InputError when train has no target other than questions themselves."""
    if not survey.targets:
        raise InputError(
            f"{path}: no search found more of the picked documents than its question did, so "
            "there is nothing to learn; log the searches that a rewriter or a person made."
        )


def final_rules(rules: TargetRules, survey: Survey) -> TargetRules:
    """Return the rules, completed by the survey: which texts are held out, and the threshold."""
    share = rules.settings.max_identity_share
    threshold = identity_threshold(survey.unbeaten.tolist(), survey.targets, share)
    return replace(rules, are_held_out=survey.held_out.contains, identity_threshold=threshold)


@dataclass(frozen=True)
class Teacher:
    """Makes the question of a record, and in train its targets.

    searched: the URLs of the corpus; picked: the URLs that were picked in train.
    """

    rules: TargetRules
    qrels: Qrels
    searched: HashSet
    picked: HashSet

    def __call__(self, row: Row, left_out: LeftOut) -> Iterator[Record]:
        """Yield the examples from a record of searches."""
        record, split, group = row
        question = question_record(record, group, self.qrels, self.searched)
        if split == "train":
            yield question
            origin = {field: record[field] for field in ("query", "history", "record")}
            better = better_searches(record, self.rules.settings.gains)
            for target in target_records(record, better, self.rules, left_out):
                yield {**target, **origin}
        else:
            picks = question["picks"]
            picked = self.picked.contains(picks)
            seen = [url for url, known in zip(picks, picked, strict=True) if known]
            yield {**question, "seen": seen}


def question_record(record: Record, group: str, qrels: Qrels, corpus: HashSet) -> Record:
    """Return the question of a record, with its picks and grades that are in the corpus."""
    grades, picks = qrels.get(record["query"], {}), record["selected"]
    known = zip(picks, corpus.contains(picks), strict=True)
    return {
        "kind": "question",
        "query": record["query"],
        "history": record["history"],
        "group": group,
        "record": record["record"],
        "picks": [url for url, is_searched in known if is_searched],
        "qrels": {url: grade for url, grade in grades.items() if url in corpus},
    }


def refuse_leaks(train: Path, held_out: HeldOutQuestions) -> int:
    """Return 0, the number of held-out questions that train learns; raise InputError if not 0."""

    def count_learned(piece: Piece) -> int:
        records = (record for record in read_piece(piece) if "target" in record)
        return sum(held_out([record["target"] for record in records]))

    processes = number_of_processes(train.stat().st_size)
    learned = sum(ordered_map(count_learned, pieces(train), processes))
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
        lines.append(f"     picks: {len(record['picks'])}, grades: {len(record['qrels'])}")
    return lines
