"""What the embedder learns from feedback: picks of ranked lists, with documents left unpicked.

A question is a query, and each document that its user picked is a positive. Documents of the same
list that were not picked are hard negatives, in the order shown: users read from the top down to
their last pick, so what stands above it was refused (cascade model: Craswell et al., WSDM 2008).
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from findtune.core.files import iter_jsonl
from findtune.core.records import Record
from findtune.core.text import loose_key, near_duplicate_key, normalize
from findtune.examples.documents import document_text
from findtune.examples.groups import Asked, asked_records, find_groups
from findtune.examples.left_out import LeftOut
from findtune.examples.splits import SPLITS, SplitShares, assign_split

NO_TEXT = "picks without a title and a snippet"
NOTHING_UNPICKED = "picks of lists that leave nothing with another text unpicked"

# Questions of a log seldom come back, so a cache would only fill the memory.
uncached_key = near_duplicate_key.__wrapped__
uncached_loose_key = loose_key.__wrapped__


def read_ranked_lists(path: Path) -> Iterable[Record]:
    """Yield the clean ranked lists of a file; none where there is no file."""
    return iter_jsonl(path) if path.exists() else ()


class ListKeys:
    """The keys that decide the splits of lists: of their topics, or else of their questions.

    Questions that differ in spelling alone have one: that of the spelling without accents.
    """

    def __init__(self) -> None:
        self.first_keys: dict[str, str] = {}

    def __call__(self, ranked_list: Record) -> str:
        """Return the key of a list."""
        text = ranked_list.get("topic") or ranked_list["query"]
        return self.first_keys.setdefault(uncached_key(text), uncached_loose_key(text))


def split_lists(
    ranked_lists: Iterable[Record], shares: SplitShares, negatives: int, left_out: LeftOut
) -> dict[str, list[Record]]:
    """Return the examples of each split: picks in train, whole lists in dev and test.

    `refit` has the picks of train and of dev. negatives: the most that a pick has. left_out: counts
    what train does not learn.
    """
    splits: dict[str, list[Record]] = {split: [] for split in (*SPLITS, "refit")}
    asked: list[Asked] = []
    list_key = ListKeys()
    for ranked_list in ranked_lists:
        key = list_key(ranked_list)
        split = assign_split(key, shares)
        asked += asked_records(
            [ranked_list], list_key, lambda topic: assign_split(topic, shares) != "train"
        )
        if split != "train":
            splits[split].append(list_record(ranked_list, key))
        if split != "test":
            picks = [*pick_records(ranked_list, negatives)]
            splits["refit"] += picks
        if split == "train":
            splits["train"] += picks
            count_left_out(ranked_list, learned=len(picks), left_out=left_out)
    groups = find_groups(asked)
    for row in [*splits["dev"], *splits["test"]]:
        row["group"] = groups.group_of(row["record"], row["group"])
    return splits


def count_left_out(ranked_list: Record, *, learned: int, left_out: LeftOut) -> None:
    """Count the picks of a list that are not learned, by reason."""
    texts = {document["url"]: document_text(document) for document in ranked_list["sources"]}
    for url in ranked_list["picks"]:
        if not texts[url] or not learned:
            reason = NOTHING_UNPICKED if texts[url] else NO_TEXT
            record = ranked_list["record"]
            left_out.add(reason, ranked_list["query"], text=texts[url] or url, record=record)


def pick_records(ranked_list: Record, negatives: int) -> Iterator[Record]:
    """Yield one example for each pick of a list that leaves something unpicked."""
    texts = {document["url"]: document_text(document) for document in ranked_list["sources"]}
    picks = [url for url in ranked_list["picks"] if texts[url]]
    unpicked = unpicked_texts(texts, picks)[:negatives]
    for url in picks if unpicked else []:
        yield {
            "kind": "pick",
            "query": ranked_list["query"],
            "positive": texts[url],
            "negatives": unpicked,
            "record": ranked_list["record"],
        }


def unpicked_texts(texts: Mapping[str, str], picks: Iterable[str]) -> list[str]:
    """Return the texts that were not picked, in the order shown.

    texts: URL -> text. A text that equals a picked one is left out.
    """
    useless = {"", *(normalize(texts[url]) for url in picks)}
    return [text for text in texts.values() if normalize(text) not in useless]


def list_record(ranked_list: Record, group: str) -> Record:
    """Return a held-out list: its texts in the order shown, and which of them were picked.

    group: lists with the same one are not independent.
    """
    documents = ranked_list["sources"]
    return {
        "kind": "list",
        "query": ranked_list["query"],
        "documents": [document_text(document) for document in documents],
        "picked": [document["url"] in ranked_list["picks"] for document in documents],
        "group": group,
        "record": ranked_list["record"],
    }
