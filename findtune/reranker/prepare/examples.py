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

If nearly all lists begin with their picks, the order reveals the picks and nothing else: the
documents of all lists are then shuffled and lose their ranks, and the lists are marked
`order_unknown`.

In train, a list also has random negatives; they are not `shown`, since the user did not see them.
Several processes read lists one at a time, so a log of a million lists needs little memory;
docs/scale.md says how much.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from findtune.core.errors import InputError
from findtune.core.files import iter_jsonl, write_json
from findtune.core.records import Record
from findtune.examples.hashes import HashSet
from findtune.examples.left_out import LeftOut, left_out_lines
from findtune.examples.preview import record_location, sample_lines
from findtune.examples.questions import Row, read_questions
from findtune.examples.splits import SPLITS, leak_report
from findtune.examples.word_overlap import look_for_shared_words
from findtune.examples.writing import write_splits
from findtune.reranker.prepare.labelling import Qrels, label_list, without_order
from findtune.reranker.prepare.random_negatives import add_random_negatives
from findtune.reranker.prepare.settings import PrepareSettings
from findtune.reranker.prepare.survey import survey_file
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
    questions = read_questions(ranked_lists, qrels, settings.lists)
    keys = questions.hashes_by_split()
    refuse_empty_splits(keys, ranked_lists)
    survey = survey_file(questions)
    candidates = list(survey.train_documents.values())
    label = Labeller(settings, qrels, survey.train_urls, candidates, survey.order_unknown)
    left_out = LeftOut()
    look_for_shared_words(questions, left_out, lambda ranked_list: ranked_list["sources"])
    held_out = questions.held_out_keys()
    titles = list(title_lists(candidates, settings.title_lists, held_out, left_out))
    counts = write_splits(out, questions, label, left_out, {"train": titles})
    left_out.write(out)
    shared = leak_report({"questions": keys})
    write_json(out / "leak_report.json", {"shared": shared, "records": counts})
    return counts


def refuse_empty_splits(keys: Mapping[str, Set[int]], path: Path) -> None:
    """Raise InputError when a split has no list."""
    for split in SPLITS:
        if not keys[split]:
            raise InputError(
                f"{path} leaves no list for {split}; add feedback, or change the shares in "
                "prepare.reranker of params.yaml."
            )


@dataclass(frozen=True)
class Labeller:
    """Makes the example of a clean list; candidates: train's documents, for random negatives."""

    settings: PrepareSettings
    qrels: Qrels
    train_urls: HashSet
    candidates: Sequence[Record]
    order_unknown: bool

    def __call__(self, row: Row, _: LeftOut) -> Iterator[Record]:
        """Yield the example of a list."""
        ranked_list, split, group = row
        urls = [document["url"] for document in ranked_list["sources"]]
        seen = [True] * len(urls) if split == "train" else self.train_urls.contains(urls)
        example = label_list(ranked_list, self.settings, qrels=self.qrels, seen=seen)
        if self.order_unknown:
            example = without_order(example)
        example["group"] = group
        if split == "train":
            number = self.settings.random_negatives
            example = add_random_negatives(example, self.candidates, number)
        yield example


def preview_lines(folder: Path, number: int) -> list[str]:
    """Return lines that show some examples of each kind, with their origins and labels."""
    lines = sample_lines(folder / "train.jsonl", number, describe)
    return [*lines, *left_out_lines(folder, number)]


def describe(example: Record) -> list[str]:
    """Return the lines that show one example."""
    location = f"   ({record_location(example['record'])})" if "record" in example else ""
    return [f"  {example['query']}{location}", *describe_documents(example)]


def describe_documents(example: Record) -> list[str]:
    """Return one line per document, with its grade if any is above 0, else its gain."""
    qrels = example.get("qrels", {})
    graded = any(qrels.get(document["url"]) for document in example["documents"])
    lines = []
    for document in example["documents"]:
        label = grade_label(qrels.get(document["url"])) if graded else f"gain {document['gain']:g}"
        reason = f"{label}: {document['why']}"
        lines.append(f"     {reason:34} {document['text'][:MAX_PREVIEW_CHARS]}")
    return lines


def grade_label(grade: int | None) -> str:
    """Return the text of a grade; None is a document that nobody graded."""
    return "no grade" if grade is None else f"grade {grade}"
