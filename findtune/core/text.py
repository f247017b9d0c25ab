"""Words, stems, and keys that near-duplicate texts share."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import chain

import regex
import snowballstemmer

from findtune.core.spelling import without_optional_marks, without_particles

# fmt: off
STOPWORDS = frozenset([
    "a", "an", "and", "are", "at", "by", "for", "from", "in", "is", "of", "on", "or", "s", "the",
    "to",
])
# fmt: on
THOUSANDS = regex.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)")
DECIMAL = regex.compile(r"\d+[.,]\d+(?![.,]?\d)")
LIMIT = regex.compile(r"[<>](?=\s*=?\s*\d)")
# Scripts without spaces between words. In the first ones a letter is a syllable or a word; the
# others are alphabets, in which a single letter means nothing.
SYLLABLES = r"\p{Han}\p{Hiragana}\p{Katakana}ー々"
ALPHABETS = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
# The full stops of Khmer and Burmese belong to these scripts, but not to a word.
UNSPACED = regex.compile(
    rf"(?!\p{{P}})[{SYLLABLES}{ALPHABETS}](?:(?!\p{{P}})[{SYLLABLES}{ALPHABETS}\p{{M}}])*"
)
# Korean puts spaces between phrases; its particles are attached to words, as in 서울의.
GRAMS = regex.compile(rf"[{SYLLABLES}\p{{Hangul}}]+|[{ALPHABETS}\p{{M}}]+")
ALPHABET = regex.compile(rf"[{ALPHABETS}]")
CLUSTER = regex.compile(r"\X")
KATAKANA = regex.compile(r"\p{Katakana}[\p{Katakana}ー]*|.", regex.DOTALL)
# Chinese and Japanese letters whose only role is grammatical.
PARTICLES = frozenset("的了吗嗎呢吧のはがをにへとでもか")
# Combining marks belong to words: the vowels of Hindi and Thai are marks.
LETTERS = rf"(?:(?![{SYLLABLES}{ALPHABETS}])[\w\p{{M}}])+"
WORD = regex.compile(
    "|".join([THOUSANDS.pattern, DECIMAL.pattern, LIMIT.pattern, UNSPACED.pattern, LETTERS])
)
# The same for texts in other scripts; much faster.
SPACED_WORD = regex.compile(
    "|".join([THOUSANDS.pattern, DECIMAL.pattern, LIMIT.pattern, r"[\w\p{M}]+"])
)
# The same for ASCII; the standard library is twice as fast.
ASCII_WORD = re.compile(
    "|".join([THOUSANDS.pattern, DECIMAL.pattern, LIMIT.pattern, r"\w+"]), re.ASCII
)
LONG_WORD = re.compile(r"(?<!\w)[a-z]\w{4,}", re.ASCII)  # no stopword is as long
NON_ASCII_DIGIT = regex.compile(r"[\p{Nd}--0-9]", regex.VERSION1)
STEMMER = snowballstemmer.stemmer("english")


def words(text: str) -> list[str]:
    """Return the words of a text as written; a number is one word, and 1,000 becomes 1000.

    Digits of any script become ASCII digits. In a script without spaces, a run of letters up to the
    next number, punctuation mark or other script is one word.
    """
    if text.isascii():
        tokens = ASCII_WORD.findall(text)
    else:
        text = ascii_digits(text)
        tokens = (WORD if UNSPACED.search(text) else SPACED_WORD).findall(text)
    if "," not in text:
        return tokens
    return [token.replace(",", "") if THOUSANDS.fullmatch(token) else token for token in tokens]


def ascii_digits(text: str) -> str:
    """Return a text in Unicode's compatibility form (NFKC), with ASCII digits."""
    composed = unicodedata.normalize("NFKC", text)
    if not NON_ASCII_DIGIT.search(composed):
        return composed
    return "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in composed
    )


def normalize(text: str) -> str:
    """Return a text in lower case, without differences of width, spacing and punctuation."""
    return " ".join(normal_words(text))


def normal_words(text: str) -> list[str]:
    """Return the words of a text in lower case, without differences of width."""
    return words(fold_case(unicodedata.normalize("NFKC", text)))


def fold_case(text: str) -> str:
    """Return a text in lower case; the Turkish dotted and dotless i become a plain i."""
    folded = text.casefold()
    return folded if folded.isascii() else folded.replace("i\u0307", "i").replace("ı", "i")


@cache
def near_duplicate_key(text: str) -> str:
    """Return a key that near-duplicate texts share: the sorted stems of the content words.

    Numbers and words such as "men" stay in the key, since variables often differ in nothing else.
    In a script without spaces, letters other than particles take the place of words, or pairs of
    letters if the script is an alphabet.
    """
    content = content_words(text)
    plain = text.isascii() or all(map(str.isascii, content))
    parts = map(stem, content) if plain else chain.from_iterable(map(key_parts, content))
    return " ".join(sorted(set(parts))) or normalize(text)


def key_piece(text: str) -> str:
    """Return a piece of a text that all texts with the same near-duplicate key contain, or "".

    text: in lower case. This is a quick test before keys are compared: words with one stem begin
    with all of its letters but the last two, and no suffix ends in a digit.
    """
    match = LONG_WORD.search(text, len(text) // 2) or LONG_WORD.search(text)
    if not match or not text.isascii():
        return ""
    piece = stem(match[0])
    return piece if piece[-1].isdigit() else piece[:-2]


@cache
def loose_key(text: str) -> str:
    """Return a near-duplicate key that does not depend on how words are spelled.

    Accents, vowel marks and Korean particles, which some people omit, do not count. Splits go by
    the hash of `near_duplicate_key`; this key finds what they share.
    """
    if not text.isascii():
        text = " ".join(map(without_particles, words(without_optional_marks(text))))
    key: str = near_duplicate_key.__wrapped__(text)
    return key


def all_keys(text: str) -> frozenset[str]:
    """Return the keys of a text; two texts that share one are nearly the same.

    Both keys are needed: the stemmer gives salariés and salariées one stem, but salaries and
    salariees two.
    """
    return frozenset((near_duplicate_key(text), loose_key(text)))


def content_stems(text: str) -> list[str]:
    """Return the stems of the content words of a text, in its order.

    Words in a script without spaces, and Korean words, give n-grams of letters instead, as is usual
    in search (McNamee & Mayfield 2004).
    """
    content = content_words(text)
    if all(map(str.isascii, content)):
        return [*map(stem, content)]
    return [part for word in content for part in search_parts(word)]


def content_words(text: str) -> list[str]:
    """Return the words of a text in lower case, without stopwords."""
    return [word for word in normal_words(text) if word not in STOPWORDS]


def key_parts(word: str) -> list[str]:
    """Return the parts that represent a word in a near-duplicate key."""
    if word.isascii() or not UNSPACED.match(word):
        return [stem(word)]
    parts = []
    for run in GRAMS.findall(word):
        if ALPHABET.search(run):
            parts += letter_grams(run, (2,))
        else:
            parts += [part for part in KATAKANA.findall(run) if part not in PARTICLES]
    return parts


def search_parts(word: str) -> list[str]:
    """Return the terms that represent a word in a search index."""
    runs = [] if word.isascii() else GRAMS.findall(word)
    if not any(runs) or "".join(runs) != word:
        return [stem(word)]
    return [
        gram
        for run in runs
        for gram in letter_grams(run, (2, 3) if ALPHABET.search(run) else (1, 2))
    ]


def letter_grams(run: str, sizes: Sequence[int]) -> list[str]:
    """Return all n-grams of a run of letters, each with its marks; the run itself if it is short.

    sizes: the numbers of letters in an n-gram.
    """
    letters = CLUSTER.findall(run)
    grams = [
        "".join(letters[start : start + size])
        for size in sizes
        for start in range(len(letters) - size + 1)
    ]
    return grams or [run]


@lru_cache(maxsize=1 << 16)  # without a limit, the words of a large log would fill the memory
def stem(word: str) -> str:
    """Return the stem of an English word. Source: Snowball's Porter 2 stemmer."""
    stemmed: str = STEMMER.stemWord(word)
    return stemmed


def hash_64(key: str) -> int:
    """Return the first 8 bytes of the SHA-256 of a key as an integer; collisions are unlikely."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")


def position(number: int) -> float:
    """Return the number in [0, 1) that belongs to a `hash_64`; see `hash_fraction`."""
    return (number >> 8) / 2**56


def hash_fraction(key: str) -> float:
    """Return a number in [0, 1) that depends only on the key."""
    return position(hash_64(key))
