"""Entities: the numbers, years and names of a question, which a rewrite must keep.

Users often type names in lower case, so capitals in the question are not enough. Documents are
written with more care: a word that nearly always has a capital within their sentences is a name.

That is no evidence where capitals say something else: in headlines, and in German, where every
noun has one. In German a name is what follows "in" or "aus" directly and never an article. In a
question that may be an English title, a name is what follows a preposition of place: Exports of Tea
from Kenya. Scripts without capitals show no names; there only numbers are entities.
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
MIN_HEADLINE_CAPITALS = 3  # beside the first word, if all words have one but the minor words
# fmt: off
# Words that titles write in lower case, in English and in the Romance languages.
MINOR_WORDS = frozenset([
    "a", "an", "and", "as", "at", "but", "by", "for", "from", "in", "nor", "of", "on", "or",
    "per", "the", "to", "via", "vs", "with", "au", "aux", "da", "das", "de", "del", "della",
    "des", "di", "do", "dos", "du", "e", "el", "em", "en", "et", "la", "las", "le", "les",
    "los", "na", "no", "o", "para", "por", "pour", "sur", "un", "una", "y",
])
# Words of German; other languages share some of them, so those of others outweigh them.
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
# Words of languages that write only names with capitals: Danish, Norwegian and Swedish; Dutch and
# Afrikaans; the Romance languages.
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
# What may stand before names in an English title, and between them.
PLACE_WORDS = frozenset([
    "from", "in", "into", "to", "between", "across", "within", "outside", "via", "near", "around",
    "throughout", "vs", "versus",
])
WITHIN_NAMES = frozenset(["and", "or", "the", "of", "de", "del", "da", "do", "la", "el", "al", "y"])
# First words of questions and orders, which no title begins with.
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
MAX_INFLECTION = 2  # letters at the end of a name by which its cases differ, as in Russian
DEMONYM_ENDINGS = frozenset(["n", "an", "ian", "i", "ish", "ese", "er", "en"])  # Kenya, Kenyan


def find_names(texts: Iterable[str]) -> frozenset[str]:
    """Return the words that texts use as names, in lower case."""
    return names_among([count_capitals(texts)])


class Capitals(NamedTuple):
    """How often texts have each word within a sentence, how often with a capital, and German."""

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
    """Return the words that are names by what was counted in parts of the texts."""
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
    """Return whether a sentence is a headline, or all capitals, where capitals mark no names.

    Titles may write small words in lower case: Rate of Unemployment in the Republic of Kenya.
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
    if GERMAN.isdisjoint(folded):  # as of most sentences
        return False
    return sum(word in GERMAN for word in folded) > sum(word in NOT_GERMAN for word in folded)


def has_no_titles(sentence: Sequence[str]) -> bool:
    """Return whether a sentence is of a language that gives capitals to names alone.

    English titles have them for most words, and so may those of a Latin script that is not known.
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

    What is written with capitals throughout marks none.
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
    """Return the names of what may be a title: Exports of Tea from Kenya to the United Kingdom.

    They follow a preposition of place, or the first word of a question, if each stands alone: Is
    Kenya or Uganda in the EAC?
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
    """Return the words of a title after which names stand.

    What follows "to" is a place beside "from", or without another such word: Access to Clean Water
    in Kenya. What follows "of" is one only without any such word, and after one word: Population of
    South Sudan, but Median Income of Households.
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
    """Return whether a rewrite has every entity, possibly in another form of the word.

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
    """Return the stem of a word without accents, which people leave out: México is Mexico."""
    folded = fold_case(word)
    return stem(folded if folded.isascii() else without_accents(folded))


def are_forms_of_one_name(left: str, right: str, names: Set[str]) -> bool:
    """Return whether one stem is a place and the other its people or language (Kenya, Kenyan).

    Nigerian belongs to Nigeria, so not to Niger, when both are known names. Names in other scripts
    than Latin may differ in the ending of their case, for which there is no stemmer here.
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
    """Return whether two words of a script other than Latin differ in their last letters alone."""
    shared = len(os.path.commonprefix([left, right]))
    longest = max(len(left), len(right))
    spaced = not LATIN.search(left) and not UNSPACED.search(left)
    return spaced and shared >= MIN_STEM_LETTERS and longest - shared <= MAX_INFLECTION


def is_derived(long: str, short: str) -> bool:
    """Return whether a stem is a shorter one with the ending of a demonym."""
    ending = long[len(short) :]
    return len(short) >= MIN_STEM_LETTERS and long.startswith(short) and ending in DEMONYM_ENDINGS
