"""The texts of the data, each with its synonyms, to which latent vectors are fitted."""

from collections import defaultdict
from collections.abc import Iterable

from findtune.core.records import Record


def documents(catalog: Iterable[Record], ranked_lists: Iterable[Record]) -> list[str]:
    """Return the joined texts of each variable, and the title and text of each source, once."""
    texts: dict[str, list[str]] = defaultdict(list)
    for row in catalog:
        texts[row["dcid"]].append(row["text"])
    for record in ranked_lists:
        for source in record["sources"]:
            texts[source["url"]] = [source["title"], source["snippet"]]
    return [" ".join(members) for members in texts.values()]
