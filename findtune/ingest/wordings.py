"""When two texts say the same: in their words, and in the signs that change what words mean.

Without signs, C++ and C#, O+ and O-, or 5 °C and -5 °C would be one text. Currencies do not count:
people ask for "care insurance uk" and "care insurance uk £", and mean the same.
"""

import unicodedata

import regex

from findtune.core.text import content_stems, fold_case, near_duplicate_key, normalize

SIGN = regex.compile(
    r"""
      \w[+#]+(?![\w+#])                          # C++, C#, O+, 65+; not a+b
    | (?<![^\s(\[])(?<!\d\s)-\d+(?:[.,]\d+)*    # -5; not 10-20, nor 10 -20
    | (?<!\w)(?:a{1,3}|b{1,3}|c{1,3}|d|o|ab|rh)-(?![\w-])  # O-, BBB-; not B-cell
    | (?<![\w.])\.(?=[^\W\d_])\w+                # .NET
    | [%‰≥≤]
    """,
    regex.VERBOSE,
)
POWER = regex.compile(r"(?<=\d)[⁰¹²³⁴-⁹⁻]+")  # 10²; km² may be written as km2
FROM, TO = (regex.compile(rf"\b{word}\b", regex.IGNORECASE) for word in ("from", "to"))
MINUS = str.maketrans("\u2212", "-")
LIMITS = str.maketrans({"≥": ">=", "≤": "<="})


def wording(text: str) -> str:
    """Return what texts with the same words and signs share, in whatever case and spacing."""
    text = text.translate(LIMITS)
    return f"{normalize(text)} {signs(text)}".strip()


def query_key(query: str) -> str:
    """Return a key that spellings of a query share; without a letter it is the query itself."""
    return wording(query) or query


def copy_key(text: str) -> tuple[str, ...]:
    """Return a key that only near duplicates share which mean the same.

    It is never equal where `near_duplicate_key` differs. From Kenya to China is not from China to
    Kenya, so the order of words counts there.
    """
    key: str = near_duplicate_key.__wrapped__(text)  # texts of a log would only fill its cache
    start = FROM.search(text)
    is_directed = start is not None and TO.search(text, start.end()) is not None
    order = dict.fromkeys(content_stems(text)) if is_directed else ()
    return (key, signs(text), *order)


def signs(text: str) -> str:
    """Return the signs in a text that change a meaning, each with the letter or number it is at."""
    if text.isalnum():
        return ""
    plain = fold_case(unicodedata.normalize("NFKC", text)).translate(MINUS)
    return " ".join([*POWER.findall(text), *SIGN.findall(plain)])
