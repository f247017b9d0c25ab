"""Title lists: the title of a document as a query for its own snippet, among similar snippets.

They need no feedback, so they add lists to train when feedback is scarce.
"""

from collections.abc import Iterator, Sequence, Set
from itertools import islice

from findtune.core.records import Record
from findtune.core.text import all_keys, hash_64, hash_fraction
from findtune.examples.left_out import LeftOut
from findtune.reranker.prepare.settings import TitleListSettings
from findtune.retrieval.bm25 import BM25Index

NO_SIMILAR = "titles that share no word with a snippet of another document"
HELD_OUT_TITLE = "titles that nearly are a question of dev or test"


def title_lists(
    candidates: Sequence[Record],
    settings: TitleListSettings,
    held_out: Set[int],
    left_out: LeftOut,
) -> Iterator[Record]:
    """Yield title lists of clean documents, chosen by the hash of their URLs.

    The hard negatives are the snippets of other documents that BM25 ranks highest for the title.
    held_out: hashes of the keys of the questions of dev and test, which no title may have.
    left_out: counts the titles that give no list.
    """
    complete = [document for document in candidates if document["title"] and document["snippet"]]
    if not complete or not settings.count:
        return
    index = BM25Index([document["snippet"] for document in complete])
    by_hash = sorted(complete, key=lambda document: hash_fraction(document["url"]))
    for document in islice(learnable(by_hash, held_out, left_out), settings.count):
        # one more, since the document itself usually ranks among them
        ranked = index.top_k(document["title"], settings.hard_negatives + 1)
        others = [complete[row] for row in ranked if complete[row]["url"] != document["url"]]
        negatives = others[: settings.hard_negatives]
        if not negatives:
            left_out.add(NO_SIMILAR, document["title"], text=document["snippet"])
        if negatives:
            yield {
                "kind": "title",
                "query": document["title"],
                "documents": [
                    snippet_only(document, 1.0, "its own snippet"),
                    *(snippet_only(other, 0.0, "a similar snippet") for other in negatives),
                ],
            }


def learnable(
    documents: Sequence[Record], held_out: Set[int], left_out: LeftOut
) -> Iterator[Record]:
    """Yield the documents whose title is not nearly a question of dev or test."""
    for document in documents:
        if held_out.isdisjoint(map(hash_64, all_keys(document["title"]))):
            yield document
        else:
            left_out.add(HELD_OUT_TITLE, document["title"], text=document["snippet"])


def snippet_only(document: Record, gain: float, reason: str) -> Record:
    """Return a labelled document without its title, which is the query or too close to it."""
    fields = {"url": document["url"], "title": "", "text": document["snippet"], "shown": True}
    return fields | {"gain": gain, "why": reason}
