"""The languages of short texts: scripts by their letters, languages of Latin script by small words.

A question of three nouns has no small words, and then its language is not guessed. A word that
several of these languages share counts for none.
"""

from collections import Counter
from collections.abc import Iterable

import regex

SCRIPTS = (
    *("Cyrillic", "Greek", "Arabic", "Hebrew", "Devanagari", "Bengali", "Tamil", "Thai"),
    *("Hangul", "Hiragana", "Katakana", "Han", "Georgian", "Armenian", "Ethiopic", "Latin"),
)
JAPANESE = ("Hiragana", "Katakana")  # stand beside Han
LETTERS = {script: regex.compile(rf"\p{{{script}}}") for script in SCRIPTS}
WORD = regex.compile(r"[\p{L}\p{M}']+")
UNCLEAR = "unclear"
SMALL_WORDS = {
    "English": "the of and how many much what which is are does did with from by where who why "
    "when there their has have been this that it was were people per in a an to for on",
    "German": "der die das und wie viele ist sind mit von wo wer warum wann nicht ein eine einen "
    "für auf im zum zur wird werden gibt haben auch pro welche in",
    "French": "le la les des et combien est sont avec où qui pourquoi quand dans pour une du au "
    "aux quel quelle quels quelles sur par ont il elle de a on",
    "Spanish": "el la los las y cuántos cuántas cuantos es son con dónde quién por qué cuándo una "
    "del al cuál cuáles para en hay tiene de a",
    "Portuguese": "o a os as e quantos quantas são com onde quem porque quando uma do da dos das "
    "no na nos nas qual quais para há tem não de por em",
    "Italian": "il la lo gli e quanti quante sono con dove chi perché quando una del della dei "
    "delle nel nella quale quali per ci ha che in a di",
    "Dutch": "de het een en hoeveel zijn met van waar wie waarom wanneer niet voor op in welke "
    "heeft er is",
    "Polish": "ile jest są gdzie kto dlaczego kiedy nie na jak jaka jaki jakie dla od oraz",
}
LANGUAGES_OF_WORD: dict[str, list[str]] = {}
for _language, _words in SMALL_WORDS.items():
    for _word in set(_words.split()):
        LANGUAGES_OF_WORD.setdefault(_word, []).append(_language)


def count_languages(texts: Iterable[str]) -> Counter[str]:
    """Return how many texts are in each language or script."""
    return Counter(map(language_of, texts))


def language_of(text: str) -> str:
    """Return the language of a text in Latin script, the script of another, or "unclear"."""
    script = script_of(text)
    if script != "Latin":
        return script
    owners = [LANGUAGES_OF_WORD.get(word, []) for word in WORD.findall(text.casefold())]
    votes = Counter(names[0] for names in owners if len(names) == 1)
    ranked = votes.most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return UNCLEAR
    return ranked[0][0]


def script_of(text: str) -> str:
    """Return the script of most letters of a text; "unclear" for one without a known letter."""
    letters = Counter({script: len(LETTERS[script].findall(text)) for script in SCRIPTS})
    if any(letters[script] for script in JAPANESE):
        return "Japanese"
    script, count = letters.most_common(1)[0]
    return script if count else UNCLEAR
