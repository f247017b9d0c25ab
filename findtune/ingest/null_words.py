"""Words that programs write for a missing text, such as nan, so that no model learns them.

Sources: the missing values that pandas writes and reads, the error values of spreadsheets in many
languages, NULL of databases, None of Python, undefined of JavaScript, and the searches that Google
Analytics hides.
"""

import re

# Compared with case: in another case a word may be text, such as Na.
# fmt: off
WORDS = frozenset([
    "nan", "NaN", "NAN", "-nan", "-NaN", "+nan", "NaT", "none", "None", "NONE", "null", "Null",
    "NULL", "nil", "Nil", "undefined", "NA", "N/A", "n/a", "N.A.", "n.a.", "#N/A", "#NA", "#n/a",
    "#N/A N/A", "#NV", "#N/D", "#REF", "#VALUE", "#NAME", "#NUM", "#NULL", "#DIV/0", "<NA>", "<na>",
    "<null>", "<NULL>", "<none>", "<None>", "<nan>", "<NaN>", "(null)", "(NULL)", "(none)",
    "(None)", "(nan)", "[null]", "[NULL]", "[None]", "[nan]", "[NaN]",
    "<N/A>", "N / A", "\\N", "\\\\N", "1.#IND", "-1.#IND", "1.#QNAN",
    "-1.#QNAN", "1.#INF", "-1.#INF", "<no value>", "[object Object]", "pd.NA", "pd.NaT", "np.nan",
    "-nan(ind)", "#Н/Д",
    "n. a.", "N. A.", "k.A.", "k. A.", "NIL", "TBD", "tbd", "(missing)", "(blank)", "(empty)",
    "(not set)", "(not provided)",
    "N/D", "n/d", "н/д", "Н/Д", "n.v.t.", "(N/A)", "(n/a)", "not available",
    "Not available", "Not Available", "keine Angabe", "sin datos", "нет данных", "該当なし", "暂无",
    "不明",
])
# fmt: on
MAX_CHARS = 40  # of such a word, with the blanks around it
# In capitals of Latin and Cyrillic letters; other scripts have none, and #新冠? is a text.
# #REF! #NAME? #DIV/0! #BEZUG! #¿NOMBRE? #ССЫЛКА! #GETTING_DATA, #N/A of Bloomberg, and Err:502 of
# LibreOffice
SPREADSHEET_ERROR = re.compile(
    r"#[¡¿]?[A-ZÀ-ɏЀ-Я][A-ZÀ-ɏЀ-Я\d_/ ]*[!?]|#GETTING_DATA|#N/A [A-Z][\w /.]*|Err:\d{3}"
)


def is_null_word(text: str) -> bool:
    """Return whether a whole text stands for nothing, such as nan, NULL, #N/A or #REF!."""
    if len(text) > MAX_CHARS:
        return False
    word = text.strip("\"' \t\r\n")
    if word in WORDS:
        return True
    if not word.startswith(("#", "Err:")) or not SPREADSHEET_ERROR.fullmatch(word):
        return False
    return word == word.upper() or word.startswith(("#N/A", "Err:"))
