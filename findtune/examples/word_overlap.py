"""Questions that share no word with their documents, so that lexical search can't serve them.

It happens if questions and documents are in different languages, or in one whose words inflect too
much for the stemmer.
"""

from collections.abc import Callable, Iterable

from findtune.core.records import Record
from findtune.core.text import content_stems
from findtune.examples.left_out import LeftOut
from findtune.examples.questions import Questions
from findtune.examples.splits import SPLITS

NO_SHARED_WORD = "questions that a search by words can't serve: no document has a word of theirs"
MAX_RECORDS = 1000  # looked at, since reading all documents of a large log takes long
LOUD_SHARE = 0.2  # of the questions; from here on lexical measures say little


class WordOverlap:
    """Counts such questions among the first records of a log."""

    def __init__(self, left_out: LeftOut) -> None:
        self.left_out, self.records = left_out, 0

    @property
    def is_done(self) -> bool:
        """Whether enough records have been looked at."""
        return self.records >= MAX_RECORDS

    def look_at(self, record: Record, documents: Iterable[Record]) -> None:
        """Count a question if no title or snippet of its documents has any of its words."""
        self.records += 1
        if self.records > MAX_RECORDS:
            return
        asked = set(content_stems(record["query"]))
        for document in documents:
            if not asked.isdisjoint(content_stems(f"{document['title']} {document['snippet']}")):
                return
        self.left_out.add(NO_SHARED_WORD, record["query"], record=record["record"])


def look_for_shared_words(
    questions: Questions, left_out: LeftOut, documents: Callable[[Record], Iterable[Record]]
) -> None:
    """Count the questions that share no word with their documents, those of train first.

    documents: returns the documents of a record.
    """
    overlap = WordOverlap(left_out)
    for split in SPLITS:
        for row in questions.all_rows():
            if overlap.is_done:
                return
            if row.split == split:
                overlap.look_at(row.record, documents(row.record))


def warning(counts: dict[str, int], questions: int) -> str:
    """Return one line if many questions share no word with their documents, else "".

    counts: of what was left out, by reason; questions: how many there are.
    """
    number, looked_at = counts.get(NO_SHARED_WORD, 0), min(questions, MAX_RECORDS)
    if number < LOUD_SHARE * max(1, looked_at):
        return ""
    return (
        f"warning: {number} of {looked_at} questions share no word with any document found for "
        "them; search by words and its measures can't serve their language."
    )
