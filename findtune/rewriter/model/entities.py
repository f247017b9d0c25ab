"""Entities: the numbers, years and names of a question, which a rewrite must keep.

Users often type names in lower case, so capitals in the question are not enough. Documents are
written with more care: a word that nearly always has a capital within their sentences is a name.

Capitals are no evidence where they mean something else: in headlines, and in German, where every
noun has one. In German a name is a word that follows "in" or "aus" directly and never follows an
article. In a question that may be an English title, a name is a word that follows a preposition of
place: Exports of Tea from Kenya. Scripts without capitals show no names, so only numbers are
entities there.
"""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import regex

from findtune.core.spelling import without_accents
from findtune.core.text import UNSPACED, fold_case, stem, words

SENTENCE_END = regex.compile(r"[!?;\n]+|[.:]+(?!\d)|(?<!\d)[.:]+")
LATIN = regex.compile(r"\p{Latin}")
MIN_OCCURRENCES = 2  # of a name with a capital, not counting the first words of sentences
MIN_CAPITAL_SHARE = 0.9  # of a name's occurrences
MAX_CAPITAL_SHARE = 0.5  # of a sentence's words; above it, capitals don't mark names
MIN_STEM_LETTERS = 4  # of a name that may have another form
MIN_HEADLINE_CAPITALS = 3  # after the first word, if only minor words have none
# fmt: off
# Words that titles write in lower case, in English and in the Romance languages.
MINOR_WORDS = frozenset([
    "a", "an", "and", "as", "at", "but", "by", "for", "from", "in", "nor", "of", "on", "or",
    "per", "the", "to", "via", "vs", "with", "au", "aux", "da", "das", "de", "del", "della",
    "des", "di", "do", "dos", "du", "e", "el", "em", "en", "et", "la", "las", "le", "les",
    "los", "na", "no", "o", "para", "por", "pour", "sur", "un", "una", "y",
])
# German words; other languages share some of them, so a sentence must have more of these than of
# other languages' words.
GERMAN = frozenset([
    "der", "und", "ist", "nicht", "ein", "eine", "einer", "eines", "einem", "einen", "für",
    "auf", "zum", "zur", "vom", "beim", "wie", "viele", "gibt", "nach", "über", "zwischen",
    "werden", "wird", "sind", "oder", "auch", "welche", "welcher", "welches", "wieviel",
    "durch", "haben", "mit", "bei", "aus", "von", "seit", "ohne",
])
ENGLISH = frozenset([
    "the", "of", "and", "is", "are", "were", "what", "how", "many", "much", "which",
    "to", "with", "by", "does",
])
# Words of languages that capitalize only names: Danish, Norwegian and Swedish; Dutch and Afrikaans;
# the Romance languages.
OTHERS = frozenset([
    "og", "och", "i", "på", "af", "av", "er", "var", "det", "som", "til", "till", "fra", "från",
    "hvor", "hvad", "hva", "hvilke", "hvilken", "hvem", "hvordan", "mange", "många", "bor", "ikke",
    "inte", "har", "att", "å", "om", "eller", "mellem", "mellom", "mellan", "siden", "efter",
    "etter", "blandt", "blant", "hur", "vad", "vilka", "findes", "finnes", "flest", "fleste",
    "de", "het", "een", "van", "voor", "naar", "uit", "hoeveel", "wonen", "woont", "zijn", "niet",
    "aan", "ook", "bij", "tussen", "welke", "wat", "met", "op", "waar", "dat", "vir", "nie",
    "hoe", "meeste",
    "del", "la", "las", "los", "el", "en", "y", "e", "et", "du", "le", "les", "au", "aux", "da",
    "do", "dos", "em", "na", "para", "por", "pour", "sur", "di", "della", "al", "un", "una",
    "que", "est", "sont", "dans", "vers", "desde", "hasta", "entre", "con", "per",
])
NOT_GERMAN = ENGLISH | OTHERS
# Words that may precede names in an English title, and words that may stand between them.
PLACE_WORDS = frozenset([
    "from", "in", "into", "to", "between", "across", "within", "outside", "via", "near", "around",
    "throughout", "vs", "versus",
])
WITHIN_NAMES = frozenset(["and", "or", "the", "of", "de", "del", "da", "do", "la", "el", "al", "y"])
# First words of commands and questions, with which no title begins.
COMPARE = "compare"
ASKING = frozenset([
    "is", "are", "was", "were", "do", "does", "did", "has", "have", "can", "will",
])
ARTICLES = frozenset([
    "der", "die", "das", "den", "dem", "des", "ein", "eine", "einen", "einem", "einer",
    "eines", "im", "am", "ins", "zum", "zur", "vom", "beim", "kein", "keine", "keinen", "alle",
    "vielen", "viele", "mehr", "weniger", "pro", "je", "dieser", "diese", "dieses", "jeder",
    "jede",
])
# fmt: on
PLACE_PREPOSITIONS = frozenset(["in", "aus"])
MIN_PLACE_SHARE = 0.3  # of a German name's occurrences
MAX_INFLECTION = 2  # letters at the end of a name that differ between cases, as in Russian
DEMONYM_ENDINGS = frozenset(["n", "an", "ian", "i", "ish", "ese", "er", "en"])  # Kenya, Kenyan


def find_names(texts: Iterable[str]) -> frozenset[str]:
    """Return the words that texts use as names, in lower case."""
    return names_among([count_capitals(texts)])


class Capitals(NamedTuple):
    """How often words occur within sentences, how often with a capital; and German sentences."""

    counts: Counter[str]
    capital_counts: Counter[str]
    german: list[list[str]]


def count_capitals(texts: Iterable[str]) -> Capitals:
    """Return how often texts write each word with a capital."""
    counts: Counter[str] = Counter()
    capital_counts: Counter[str] = Counter()
    german: list[list[str]] = []
    for text in texts:
        for sentence in split_sentences(text):
            if is_mostly_capitalized(sentence):
                continue
            if is_german(sentence):
                german.append(sentence)
                continue
            written = " ".join(sentence)
            folded = fold_case(written).split(" ")[1:]
            counts.update(folded)
            if not written.islower():
                pairs = zip(folded, sentence[1:], strict=True)
                capital_counts.update(key for key, word in pairs if is_capitalized(word))
    return Capitals(counts, capital_counts, german)


def names_among(parts: Iterable[Capitals]) -> frozenset[str]:
    """Return the words that are names according to the counts of all parts."""
    counts: Counter[str] = Counter()
    capital_counts: Counter[str] = Counter()
    german: list[list[str]] = []
    for part in parts:
        counts.update(part.counts)
        capital_counts.update(part.capital_counts)
        german += part.german
    return find_german_names(german) | frozenset(
        word
        for word, number in capital_counts.items()
        if number >= MIN_OCCURRENCES
        and number >= MIN_CAPITAL_SHARE * counts[word]
        and len(word) > 1
    )


def find_german_names(sentences: Iterable[Sequence[str]]) -> frozenset[str]:
    """Return the words that German sentences use as names of places, in lower case."""
    counts: Counter[str] = Counter()
    after_preposition: Counter[str] = Counter()
    nouns: set[str] = set()
    for sentence in sentences:
        for before, word in pairwise(sentence):
            key = fold_case(word)
            counts[key] += 1
            after_preposition[key] += is_capitalized(word) and before in PLACE_PREPOSITIONS
            if not is_capitalized(word) or fold_case(before) in ARTICLES:
                nouns.add(key)
    return frozenset(
        word
        for word, number in after_preposition.items()
        if number >= MIN_OCCURRENCES
        and number >= MIN_PLACE_SHARE * counts[word]
        and word not in nouns
        and len(word) > 1
    )


def split_sentences(text: str) -> list[list[str]]:
    """Return the words of each sentence."""
    sentences = map(words, SENTENCE_END.split(unicodedata.normalize("NFKC", text)))
    return [sentence for sentence in sentences if sentence]


def is_mostly_capitalized(sentence: Sequence[str]) -> bool:
    """Return whether a sentence is a headline or all capitals, so that capitals mark no names.

    Titles may have minor words in lower case: Rate of Unemployment in the Republic of Kenya.
    """
    if not is_capitalized(sentence[0]):
        return False
    rest = sentence[1:]
    capitals = sum(map(is_capitalized, rest))
    lower = (word for word in rest if word[0].islower())
    title = capitals >= MIN_HEADLINE_CAPITALS and all(word in MINOR_WORDS for word in lower)
    return title or capitals > MAX_CAPITAL_SHARE * max(1, len(rest))


def is_german(sentence: Sequence[str]) -> bool:
    """Return whether a sentence is German, in which every noun has a capital."""
    folded = fold_case(" ".join(sentence)).split(" ")
    if GERMAN.isdisjoint(folded):  # true of most sentences
        return False
    return sum(word in GERMAN for word in folded) > sum(word in NOT_GERMAN for word in folded)


def has_no_titles(sentence: Sequence[str]) -> bool:
    """Return whether a sentence is in a language that capitalizes only names, even in titles.

    English titles capitalize most words, and so may titles in unknown languages of Latin script.
    """
    if not any(map(LATIN.search, sentence)):
        return True
    return count_words(sentence, OTHERS) > count_words(sentence, ENGLISH | PLACE_WORDS)


def count_words(sentence: Sequence[str], listed: Set[str]) -> int:
    """Return how many words of a sentence are in a list."""
    return sum(fold_case(word) in listed for word in sentence)


def is_capitalized(word: str) -> bool:
    """Return whether a word begins with a capital."""
    return word[0].isupper()


def extract_entities(question: str, names: Set[str]) -> set[str]:
    """Return the numbers, years and names of a question, in lower case.

    A name is one of `names`, or a word that the question itself writes with a capital, where
    capitals mark names.
    """
    entities: set[str] = set()
    for sentence in split_sentences(question):
        lower = {fold_case(word) for word in sentence}
        entities |= {word for word in lower if any(map(str.isdigit, word))} | lower & names
        entities |= {fold_case(word) for word in marked_names(sentence) if word[1:]}
    return entities


def marked_names(sentence: Sequence[str]) -> list[str]:
    """Return the words of a question that its capitals mark as names, but never the first word.

    A question in which every word has a capital marks none.
    """
    rest = sentence[1:]
    if is_german(sentence):
        return []
    if is_mostly_capitalized(sentence):
        if not any(word[0].islower() for word in rest):
            return []
        if not has_no_titles(sentence):
            return names_of_title(sentence)
    return [word for word in rest if is_capitalized(word)]


def names_of_title(sentence: Sequence[str]) -> list[str]:
    """Return the names in a possible title: Exports of Tea from Kenya to the United Kingdom.

    Names follow a preposition of place, or the first word of a question if the capital after it
    stands alone: Is Kenya or Uganda in the EAC?
    """
    places = place_words(sentence)
    names = []
    is_place = begins_with_names(sentence)
    for word in sentence[1:]:
        if is_capitalized(word):
            names += [word] if is_place else []
        elif word[0].islower() and (word in places or word not in WITHIN_NAMES):
            is_place = word in places
    return names


def place_words(sentence: Sequence[str]) -> Set[str]:
    """Return the words of a title that precede names.

    "to" precedes a place if the title has "from" or no other such word, unlike in Access to Clean
    Water in Kenya. "of" precedes a place only if the title has no such word and "of" is its second
    word: Population of South Sudan, but not Median Income of Households.
    """
    here = PLACE_WORDS & {*sentence[1:]}
    if "from" not in here and here > {"to"}:
        return here - {"to"}
    is_of_one_word = sentence[1] == "of" and fold_case(sentence[0]) not in ENGLISH
    return here or ({"of"} if is_of_one_word else set())


def begins_with_names(sentence: Sequence[str]) -> bool:
    """Return whether the capitals after the first word of a question are names."""
    first, *rest = sentence
    alone = len(rest) > 1 and not is_capitalized(rest[1])
    return fold_case(first) == COMPARE or (fold_case(first) in ASKING and alone)


def keeps_entities(rewrite: str, entities: Set[str], names: Set[str]) -> bool:
    """Return whether a rewrite has every entity, possibly as another form of the word.

    names: all known names; they decide which name a form belongs to.
    """
    return not lost_entities(rewrite, entities, names)


def lost_entities(rewrite: str, entities: Set[str], names: Set[str]) -> list[str]:
    """Return the entities that a rewrite lacks in any form, sorted; see `keeps_entities`."""
    kept = {name_stem(word) for word in words(rewrite)}
    stems = {entity: name_stem(entity) for entity in entities}
    return sorted(
        entity
        for entity, own in stems.items()
        if own not in kept and not any(are_forms_of_one_name(own, other, names) for other in kept)
    )


@cache
def name_stem(word: str) -> str:
    """Return the stem of a word without accents, since people omit them: México is Mexico."""
    folded = fold_case(word)
    return stem(folded if folded.isascii() else without_accents(folded))


def are_forms_of_one_name(left: str, right: str, names: Set[str]) -> bool:
    """Return whether one stem is a place and the other its people or language (Kenya, Kenyan).

    If both are known names, Nigerian belongs to Nigeria and not to Niger. Names in scripts other
    than Latin may differ in their case endings, since there is no stemmer for them here.
    """
    if not left.isascii() and are_inflected(left, right):
        return True
    if left[:MIN_STEM_LETTERS] != right[:MIN_STEM_LETTERS]:
        return False
    short, long = sorted((left, right), key=len)
    return is_derived(long, short) and not any(
        len(short) < len(name) < len(long) and is_derived(long, name)
        for name in map(name_stem, names)
    )


def are_inflected(left: str, right: str) -> bool:
    """Return whether two words in a script other than Latin differ only in their last letters."""
    shared = len(os.path.commonprefix([left, right]))
    longest = max(len(left), len(right))
    spaced = not LATIN.search(left) and not UNSPACED.search(left)
    return spaced and shared >= MIN_STEM_LETTERS and longest - shared <= MAX_INFLECTION


def is_derived(long: str, short: str) -> bool:
    """Return whether a stem is a shorter one plus the ending of a demonym."""
    ending = long[len(short) :]
    return len(short) >= MIN_STEM_LETTERS and long.startswith(short) and ending in DEMONYM_ENDINGS
