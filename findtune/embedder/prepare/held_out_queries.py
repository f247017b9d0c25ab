"""Held-out queries: alternative names of dev and test variables, and the corpus they search."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from findtune.core.records import Record
from findtune.core.text import hash_fraction, normalize
from findtune.embedder.prepare.variables import CatalogText, Variable
from findtune.examples.splits import SPLITS

Queries = Mapping[str, Sequence[CatalogText]]  # dcid -> its held-out alternatives


def hold_out_queries(variables: Iterable[Variable], share: float) -> Queries:
    """Return the alternatives of each variable that become queries."""
    return {variable.dcid: held_out_alternatives(variable, share) for variable in variables}


def held_out_alternatives(variable: Variable, share: float) -> list[CatalogText]:
    """Return a share of a variable's alternatives, chosen by hash, and at least one."""
    alternatives = variable.alternatives
    chosen = [text for text in alternatives if hash_fraction(text.text) < share]
    return chosen or alternatives[:1]


def query_records(
    variables: Iterable[Variable], queries: Queries, texts: Iterable[CatalogText]
) -> list[Record]:
    """Return the queries of some variables, each with every variable that has this text.

    texts: all texts of the catalog. The field `catalog` is that of the variable from which the
    query was held out.
    """
    owners: dict[str, set[str]] = defaultdict(set)
    for text in texts:
        owners[normalize(text.text)].add(text.dcid)
    records: dict[str, Record] = {}
    for variable in variables:
        for text in queries[variable.dcid]:
            record = {
                "kind": "query",
                "text": text.text,
                "catalog": text.catalog,
                "sources": [text.source],
                "dcids": sorted(owners[normalize(text.text)]),
            }
            records.setdefault(normalize(text.text), record)
    return list(records.values())


def corpus_records(variables: Mapping[str, Sequence[Variable]], queries: Queries) -> list[Record]:
    """Return the corpus: every text of every variable except the held-out queries.

    variables: split -> its variables.
    """
    hidden = {normalize(text.text) for texts in queries.values() for text in texts}
    return [
        {"dcid": variable.dcid, "text": text.text}
        for split in SPLITS
        for variable in variables[split]
        for text in variable.texts
        if normalize(text.text) not in hidden
    ]
