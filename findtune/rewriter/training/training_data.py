"""What training reads of train: targets, questions, and the words that rewrites may use."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from findtune.core.files import read_json
from findtune.core.records import Record, read_kind
from findtune.core.text import hash_fraction, near_duplicate_key
from findtune.retrieval.corpus import Corpus
from findtune.rewriter.model.lexicon import Lexicon, build_lexicon

TARGET_KINDS = ("rewrite", "identity", "title")


def read_train(examples: Path) -> dict[str, list[Record]]:
    """Return the records of train by kind."""
    kinds = ("question", *TARGET_KINDS)
    return {kind: read_kind(examples / "train.jsonl", kind) for kind in kinds}


def all_targets(train_rows: Mapping[str, Sequence[Record]]) -> list[Record]:
    """Return all targets, one kind after another."""
    return [record for kind in TARGET_KINDS for record in train_rows[kind]]


def learn_lexicon(
    examples: Path, corpus: Corpus, train_rows: Mapping[str, Sequence[Record]]
) -> Lexicon:
    """Return the corpus's names, and the words of the corpus and of train's texts."""
    texts = [*corpus.texts.values()]
    for records in train_rows.values():
        for record in records:
            texts += [record["query"], *record["history"], record.get("target", "")]
    return build_lexicon(read_json(examples / "names.json"), texts)


def fold_lexicon(
    examples: Path,
    corpus: Corpus,
    train_rows: Mapping[str, Sequence[Record]],
    targets: Sequence[Record],
) -> Lexicon:
    """Return the lexicon of a training on some of the targets; it has the words of all questions.

    targets: records of `train_rows`.
    """
    kept = {*map(id, targets)}
    rows = {
        kind: [record for record in records if kind == "question" or id(record) in kept]
        for kind, records in train_rows.items()
    }
    return learn_lexicon(examples, corpus, rows)


def sample_questions(questions: Sequence[Record], number: int) -> list[Record]:
    """Return up to `number` different questions that have a pick, chosen by hash.

    Of nearly equal questions, one is taken, or a few frequent ones could fill the sample.
    """
    different: dict[str, Record] = {}
    for question in sorted(questions, key=lambda question: hash_fraction(question["query"])):
        if len(different) == number:
            break
        if question["picks"]:
            different.setdefault(near_duplicate_key(question["query"]), question)
    return [*different.values()]
