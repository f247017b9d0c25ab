"""Held-out queries: wordings of known variables, and alternatives of new variables.

A known variable is trained on, except for some held-out wordings, which ask for it in words that
training did not show. A new variable is not trained on at all. No text of train or of the corpus
is a near-duplicate of a query.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set

from findtune.core.records import Record
from findtune.core.text import all_keys, hash_fraction, near_duplicate_key
from findtune.embedder.prepare.variables import CatalogText, Variable
from findtune.examples.splits import SPLITS, SplitShares, assign_split

KEPT_TEXTS = 2  # of a known variable; a positive pair needs two

Keys = Set[str]  # near-duplicate keys


def naming_keys(variables: Iterable[Variable]) -> Keys:
    """Return the keys of names and descriptions; a text with such a key is never held out."""
    texts = (text.text for variable in variables for text in variable.naming_texts)
    return set[str]().union(*map(all_keys, texts))


def hold_out_wordings(
    variables: Iterable[Variable], naming: Keys, shares: SplitShares
) -> dict[str, Keys]:
    """Return the keys of the alternatives of known variables that are held out for dev and test.

    The hash of the key decides, so near-duplicates share a split even across variables. Every
    variable keeps at least two texts.
    """
    variables = list(variables)
    held_out: dict[str, set[str]] = {"dev": set(), "test": set()}
    for variable in variables:
        keys = {
            near_duplicate_key(text.text)
            for text in variable.alternatives
            if not all_keys(text.text) & naming
        }
        by_hash = sorted(keys, key=hash_fraction)
        for split, split_keys in cut(by_hash, shares, spare=spare_texts(variable)).items():
            held_out[split].update(split_keys)
    needed = needed_keys(variables, held_out["dev"] | held_out["test"])
    return {split: frozenset(keys - needed) for split, keys in held_out.items()}


def needed_keys(variables: Iterable[Variable], hidden: Keys) -> Keys:
    """Return the hidden keys that some variable needs, to keep as many texts as it must.

    A variable that can spare a text may share it with one that can't.
    """
    needed: set[str] = set()
    for variable in sorted(variables, key=lambda variable: variable.dcid):  # in whatever file order
        keys = {near_duplicate_key(text.text) for text in variable.texts}
        still_hidden = keys & (hidden - needed)
        missing = min(KEPT_TEXTS, len(keys)) - len(keys - still_hidden)
        if missing > 0:
            needed.update(sorted(still_hidden, key=hash_fraction)[:missing])
    return needed


def cut(keys: Sequence[str], shares: SplitShares, spare: int) -> dict[str, Sequence[str]]:
    """Return the keys of test and of dev, at most `spare` in all; test takes its keys first."""
    by_split = {
        split: [key for key in keys if assign_split(key, shares) == split]
        for split in ("test", "dev")
    }
    test = by_split["test"][:spare]
    return {"test": test, "dev": by_split["dev"][: spare - len(test)]}


def spare_texts(variable: Variable) -> int:
    """Return how many different texts of a variable may be held out."""
    return max(0, len({near_duplicate_key(text.text) for text in variable.texts}) - KEPT_TEXTS)


def without_texts(variables: Iterable[Variable], hidden: Keys) -> list[Variable]:
    """Return variables without the texts that have one of these keys."""
    return [
        Variable(
            variable.dcid,
            tuple(text for text in variable.texts if near_duplicate_key(text.text) not in hidden),
        )
        for variable in variables
    ]


def known_queries(variables: Iterable[Variable], wordings: Keys) -> list[CatalogText]:
    """Return the alternatives of known variables that have one of these keys."""
    return [
        text
        for variable in variables
        for text in variable.alternatives
        if near_duplicate_key(text.text) in wordings
    ]


def new_variable_queries(
    variables: Iterable[Variable], naming: Keys, share: float
) -> list[CatalogText]:
    """Return a share of the alternatives of each new variable, by hash; at least one if any."""
    queries = []
    for variable in variables:
        candidates = [text for text in variable.alternatives if not all_keys(text.text) & naming]
        chosen = [text for text in candidates if hash_fraction(text.text) < share]
        queries += chosen or candidates[:1]
    return queries


def owners_by_key(texts: Iterable[CatalogText]) -> Mapping[str, Keys]:
    """Return key -> the variables that have a text with this key."""
    owners: dict[str, set[str]] = defaultdict(set)
    for text in texts:
        owners[near_duplicate_key(text.text)].add(text.dcid)
    return owners


def query_records(
    known: Iterable[CatalogText], new: Iterable[CatalogText], owners: Mapping[str, Keys]
) -> list[Record]:
    """Return the queries of a split, each with every variable that has this text.

    Only the first of several near-duplicate queries is kept. The field `catalog` is that of the
    variable from which the query was held out; `known` says whether that variable's other texts
    are trained on.
    """
    records: dict[str, Record] = {}
    for texts, is_known in ((known, True), (new, False)):
        for text in texts:
            key = near_duplicate_key(text.text)
            record = {
                "kind": "query",
                "text": text.text,
                "known": is_known,
                "catalog": text.catalog,
                "sources": [text.source],
                "dcids": sorted(owners[key]),
            }
            records.setdefault(key, record)
    return list(records.values())


def corpus_records(
    variables: Mapping[str, Sequence[Variable]], queries: Iterable[Record]
) -> list[Record]:
    """Return the corpus: every text of every variable except spellings of a held-out query.

    variables: split -> its variables.
    """
    hidden = set[str]().union(*(all_keys(query["text"]) for query in queries))
    return [
        {"dcid": variable.dcid, "text": text.text}
        for split in SPLITS
        for variable in variables[split]
        for text in variable.texts
        if not all_keys(text.text) & hidden
    ]
