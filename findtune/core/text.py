"""Words, stems, and keys that near-duplicate texts share."""

import hashlib
import unicodedata
from functools import cache

import regex
import snowballstemmer

# fmt: off
STOPWORDS = frozenset([
    "a", "an", "and", "are", "at", "by", "for", "from", "in", "is", "of", "on", "or", "s", "the",
    "to",
])
# fmt: on
THOUSANDS = regex.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)")
DECIMAL = regex.compile(r"\d+[.,]\d+(?![.,]?\d)")
LIMIT = regex.compile(r"[<>](?=\s*=?\s*\d)")
# Combining marks belong to words: the vowels of Hindi and Thai are marks.
LETTERS = r"[\w\p{M}]+"
WORD = regex.compile("|".join([THOUSANDS.pattern, DECIMAL.pattern, LIMIT.pattern, LETTERS]))
STEMMER = snowballstemmer.stemmer("english")


def words(text: str) -> list[str]:
    """Return the words of a text as written; a number is one word, and 1,000 becomes 1000."""
    tokens = WORD.findall(unicodedata.normalize("NFKC", text))
    return [token.replace(",", "") if THOUSANDS.fullmatch(token) else token for token in tokens]


def normalize(text: str) -> str:
    """Return a text in lower case, without differences of width, spacing and punctuation."""
    return " ".join(words(unicodedata.normalize("NFKC", text).casefold()))


@cache
def near_duplicate_key(text: str) -> str:
    """Return a key that near-duplicate texts share: the sorted stems of the content words.

    Numbers and words such as "men" stay in the key, since variables often differ in nothing else.
    """
    content = [word for word in normalize(text).split() if word not in STOPWORDS]
    return " ".join(sorted(set(map(stem, content)))) or normalize(text)


def content_stems(text: str) -> list[str]:
    """Return the stems of the content words of a text, in its order."""
    return [stem(word) for word in normalize(text).split() if word not in STOPWORDS]


@cache
def stem(word: str) -> str:
    """Return the stem of an English word. Source: Snowball's Porter 2 stemmer."""
    stemmed: str = STEMMER.stemWord(word)
    return stemmed


def hash_fraction(key: str) -> float:
    """Return a number in [0, 1) that depends only on the key."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:7], "big") / 2**56
