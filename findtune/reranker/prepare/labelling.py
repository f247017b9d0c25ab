"""Labelling the documents of a list by what the user picked and examined."""

from collections.abc import Mapping, Sequence

from findtune.core.records import Record
from findtune.core.text import hash_fraction
from findtune.examples.documents import document_text
from findtune.reranker.prepare.settings import PrepareSettings

PICK_REASONS = ("picked first", "picked second", "picked third")  # later ones: "picked"

Qrels = Mapping[str, Mapping[str, int]]  # query -> URL -> grade


def label_list(
    ranked_list: Record, settings: PrepareSettings, *, qrels: Qrels, seen: Sequence[bool]
) -> Record:
    """Return the example of a clean list: each document with its gain and the reason.

    seen: whether train shows each document.
    """
    documents, picks = ranked_list["sources"], ranked_list["picks"]
    last_pick = max(
        position for position, document in enumerate(documents) if document["url"] in picks
    )
    labelled = []
    for position, document in enumerate(documents):
        examined = position < last_pick
        label = label_document(document["url"], picks, settings.gains, examined=examined)
        marks = {"seen": seen[position], "shown": True}
        labelled.append({**example_document(document), **label, **marks})
    return {
        "kind": "list",
        "query": ranked_list["query"],
        "record": ranked_list["record"],
        "picks": picks,
        "documents": labelled,
        "qrels": qrels.get(ranked_list["query"], {}),
    }


def label_document(
    url: str, picks: Sequence[str], gains: Sequence[float], *, examined: bool
) -> Record:
    """Return the gain of a document and the reason; gains: of the first pick, the second, ...

    examined: whether it stands above the last pick. Source: the cascade model, in which users read
    from the top down to their last pick (Craswell et al., WSDM 2008).
    """
    if url in picks:
        rank = picks.index(url)
        gain = gains[min(rank, len(gains) - 1)]
        reason = PICK_REASONS[rank] if rank < len(PICK_REASONS) else "picked"
        return {"gain": gain, "why": reason}
    return {"gain": 0.0, "why": "passed over" if examined else "below the last pick"}


def without_order(example: Record) -> Record:
    """Return an example whose documents are shuffled by hash and have no rank."""
    by_hash = sorted(
        example["documents"],
        key=lambda document: hash_fraction(f"{example['query']} {document['url']}"),
    )
    documents = [
        {**document, "rank": None, "why": document["why"] if document["gain"] else "not picked"}
        for document in by_hash
    ]
    return {**example, "documents": documents, "order_unknown": True}


def example_document(document: Record) -> Record:
    """Return the fields of a clean document that the reranker reads."""
    return {
        "url": document["url"],
        "title": document["title"],
        "text": document_text(document),
        "rank": document.get("rank"),
        "score": document.get("score"),
        "query_used": document.get("query_used"),
    }
