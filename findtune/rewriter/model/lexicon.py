"""The words of a corpus: its names, and the vocabulary that a rewrite may use.

A small language model sometimes invents words that nobody would type, such as
"gigantically-adjusted". BM25 finds nothing for such a word, and it misleads a vector search.
"""

import json
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from findtune.core.files import atomic_open, read_json
from findtune.core.text import UNSPACED, normalize

FILES = {"names": "names.json", "vocabulary": "vocabulary.json"}


@dataclass(frozen=True)
class Lexicon:
    """The words of a corpus, in lower case.

    names: words that are names. vocabulary: the words of the corpus, and of the questions and
    targets that were learned; if it is empty, every word counts as known.
    """

    names: frozenset[str]
    vocabulary: frozenset[str]

    def knows(self, rewrite: str, question: str, history: Sequence[str] = ()) -> bool:
        """Return whether the vocabulary or the session's questions have every word of a rewrite."""
        if not self.vocabulary:
            return True
        asked = text_words([question, *history])
        return all(
            is_known(word, self.vocabulary) or is_known(word, asked)
            for word in normalize(rewrite).split()
        )

    def write(self, folder: Path) -> None:
        """Write the names and the vocabulary to a folder."""
        for field, name in FILES.items():
            with atomic_open(folder / name) as file:
                json.dump(sorted(getattr(self, field)), file, ensure_ascii=False)
                file.write("\n")


def build_lexicon(names: Iterable[str], texts: Iterable[str]) -> Lexicon:
    """Return the lexicon of a corpus; texts: all that the rewriter may take words from."""
    return Lexicon(frozenset(names), text_words(texts))


def read_lexicon(folder: Path) -> Lexicon:
    """Return the lexicon that was written to a folder."""
    return Lexicon(**{field: frozenset(read_json(folder / name)) for field, name in FILES.items()})


def text_words(texts: Iterable[str]) -> frozenset[str]:
    """Return the words of texts in lower case."""
    return frozenset(word for text in texts for word in normalize(text).split())


def is_known(word: str, known: Set[str]) -> bool:
    """Return whether a word or its singular or plural is known.

    Words with digits, single letters and scripts without spaces, where a phrase would be one word,
    all count as known.
    """
    unchecked = len(word) == 1 or any(map(str.isdigit, word)) or UNSPACED.search(word)
    return bool(unchecked) or not known.isdisjoint(word_forms(word))


def word_forms(word: str) -> set[str]:
    """Return a word with and without a plural ending: rate and rates, country and countries."""
    forms = {word, f"{word}s", f"{word}es"}
    if word.endswith("s"):
        forms.add(word[:-1])
    if word.endswith("es"):
        forms.add(word[:-2])
    if word.endswith("y"):
        forms.add(f"{word[:-1]}ies")
    if word.endswith("ies"):
        forms.add(f"{word[:-3]}y")
    return forms
