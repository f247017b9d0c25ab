"""Spellings of one word: accents, vowel marks and particles that some people write and others omit.

Questions and names are compared without them.
"""

import unicodedata

import regex

# Combining accents of Latin and Greek letters, and of the Russian ё. The mark of й is kept: it
# makes a different letter, and nobody omits it.
ACCENTS = regex.compile(r"([\p{Latin}\p{Greek}Ее])[\u0300-\u036f]+")
# Letters that do not decompose, and variants of Arabic letters, such as those of Persian keyboards.
SAME_LETTERS = str.maketrans(
    {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE"}
    | {"ى": "ي", "ی": "ي", "ک": "ك"}
)
# Marks typical of Vietnamese, whose words may differ in nothing but marks.
VIETNAMESE = regex.compile(r"[\u031b\u0309\u0323]")
# Arabic vowel and hamza marks, Hebrew points, and the line that lengthens Arabic letters.
OPTIONAL_MARKS = regex.compile(r"[\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]+")
# Zero-width characters within words; also the zero-width spaces between words of Thai and others.
INVISIBLE = regex.compile(
    r"[\u00ad\u200c\u200d\u2060\ufeff]+|(?<=[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])\u200b+"
)
HANGUL = regex.compile(r"\p{Hangul}")
# fmt: off
# What follows a Korean noun without a space: case particles, and "is it" at the end. 만 is left
# out: it means "only", but also "ten thousand".
KOREAN_PARTICLES = (
    "은", "는", "이", "가", "을", "를", "의", "에", "로", "와", "과", "도", "에서", "에게", "으로",
    "까지", "부터", "보다", "처럼", "마다", "에는", "이나", "입니까", "입니다", "인가요", "인가",
    "이에요", "예요", "일까요", "일까",
)
# fmt: on
WITH_PARTICLES = regex.compile(rf"(.{{2,}}?)(?:{'|'.join(KOREAN_PARTICLES)})+")
KOREAN_YEAR = regex.compile(r"((?:1[5-9]|20)\d\d)년.?")  # 2020년 is the year 2020


def without_accents(text: str) -> str:
    """Return a text without the accents of Latin and Greek letters; México is Mexico."""
    plain = ACCENTS.sub(r"\1", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", plain).translate(SAME_LETTERS)


def without_optional_marks(text: str) -> str:
    """Return a text without optional marks; a Vietnamese one keeps its accents."""
    decomposed = unicodedata.normalize("NFD", INVISIBLE.sub("", text))
    plain = OPTIONAL_MARKS.sub("", decomposed)
    if VIETNAMESE.search(decomposed):
        return unicodedata.normalize("NFC", plain)
    return without_accents(plain)


def without_particles(word: str) -> str:
    """Return a Korean word without its particles, and other words as they are.

    At least two letters stay, since most nouns have two or more: 국가, a state, is not 국 with 가.
    An ending that only looks like a particle goes too, but in every text alike.
    """
    if not HANGUL.search(word):
        return word
    if year := KOREAN_YEAR.fullmatch(word):
        return str(year[1])
    match = WITH_PARTICLES.fullmatch(word)
    return str(match[1]) if match else word
