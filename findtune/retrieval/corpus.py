"""The corpus: all documents that can be searched."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from findtune.core.files import iter_jsonl


@dataclass(frozen=True)
class Corpus:
    """Documents by URL: the text that is searched, and the title."""

    texts: Mapping[str, str]
    titles: Mapping[str, str]

    def digest(self) -> str:
        """Return the SHA-256 of all documents in their order, in hex."""
        content = hashlib.sha256()
        for url, text in self.texts.items():
            content.update("\0".join((url, text, self.titles.get(url, ""), "")).encode())
        return content.hexdigest()


def read_corpus(path: Path) -> Corpus:
    """Return the documents of a JSONL file; titles are searched together with their texts."""
    texts, titles = {}, {}
    for document in iter_jsonl(path):
        url, title = document["url"], document["title"]
        titles[url] = title
        texts[url] = ". ".join(filter(None, (title.rstrip(" ."), document["text"])))
    return Corpus(texts, titles)
