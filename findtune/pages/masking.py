"""Masking personal data and secrets in users' texts before they are shown.

The patterns miss other personal data, such as names and addresses, and may mask a harmless long
number. To show no texts at all, set `report.examples: 0`.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter

import regex

# It matches only from the start of a run of characters and does not backtrack: linear time.
EMAIL = r"(?<![\w.+'-])[\w.+'-]++[@＠][\w-]++(?:[.．][\w-]++)+"
# Known prefixes of keys: OpenAI, Stripe, AWS, GitHub, GitLab, Slack, Google, Hugging Face.
KNOWN_KEY = (
    r"\b(?:sk|pk|rk)[-_][\w-]{16,}|\bA[KS]IA[0-9A-Z]{16}\b|\bgh[pousr]_\w{20,}"
    r"|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{30,}"
    r"|\bhf_\w{20,}"
)
# JSON web tokens (RFC 7519): in a run of characters that a dot follows. Linear time: only the start
# of a run is tried, and looks whether there is that dot.
WEB_TOKEN = r"(?<![\w-])(?=[\w-]++\.[\w-])[\w-]*?\K\beyJ[\w-]{8,}+\.[\w-]++\.?[\w-]*+"
# A value named as a secret; a long token with digits and letters of both cases; long hex.
PASSWORD = (
    r"\b(?:passwor[dt]|passwd|pwd|kennwort|mot de passe|contrase[nñ]a|senha|пароль)\b"
    r"|密[码碼]|パスワード|비밀번호"
)
NAMED_SECRET = (
    rf"(?i:(?:{PASSWORD}|\b(?:secret|token|api[-_ ]?key|access[-_ ]?key|bearer)\b)"
    r"\s*(?:[是は는가]?\s*[:=：＝]|[是は는]|\b(?:is|ist|est|es)\b)\s*|\bbearer\s+)\K[^\s,;\"'、，；]{4,}"
)
LONG_TOKEN = r"(?<![\w+])[A-Za-z0-9_+]{20,}+={0,2}"
LONG_HEX = r"\b[0-9a-fA-F]{32,}\b"
# Nine to nineteen digits, as telephone, card and account numbers are written (E.164, ISO 7812);
# two years, or a number with commas between thousands, do not match.
PHONE = r"(?<![\w.])(?:\+|00)?\(?\d(?:[ ()./-]{0,3}\d){8,18}(?!\w)"

PATTERNS = (
    (regex.compile(EMAIL), "[e-mail]"),
    (regex.compile(WEB_TOKEN), "[key]"),
    (regex.compile(KNOWN_KEY), "[key]"),
    (regex.compile(NAMED_SECRET), "[key]"),
    (regex.compile(LONG_HEX), "[key]"),
)
TOKEN = regex.compile(LONG_TOKEN)
NUMBER = regex.compile(PHONE)

# Every private part has one of these; most texts have none, which is quick to check.
SUSPECT_PARTS = (
    "@",
    "passw",
    "pwd",
    "kennwort",
    "de passe",
    "contrasena",
    "senha",
    "secret",
    "token",
    "key",
    "bearer",
    "eyj",
)
SUSPECT = re.compile(r"[\w+-]{15}|\d(?:[ ()./-]{0,3}\d){8}", re.ASCII)

# Replacement -> what a report on the data calls it.
NAMES = {"[e-mail]": "an e-mail address", "[key]": "a key", "[number]": "a telephone number"}

# A run of digits and separators of any length, and the words that introduce a code.
DIGIT_RUN = regex.compile(r"(?<![\w.+(])(?<!\d[./-])\(?[\d](?:[ ()./-]{0,3}\d){8,}\)?(?!\w)")
CODE = regex.compile(r"(?i)\b(?:table|tract|fips|geoid|isbn)(?: no\.?| number)?:? $")
# A form of telephone numbers that codes never have; the first digits of cards (ISO 7812).
CALLABLE = regex.compile(r"\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}")
CARD = regex.compile(r"4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|35|6(?:011|4[4-9]|5)")
CARD_GROUPS = regex.compile(
    r"\d{13,19}|\d{4}(?:([ -])\d{4}){2,3}(?:\1\d{1,3})?|\d{4}([ -])\d{6}\2\d{5}"
)
# Runs that are not telephone numbers: years and dates, ranges, decimals, round numbers.
YEAR = r"(?:1[5-9]|20)\d\d"
MONTH, DAY = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
DATE = (
    rf"{YEAR}[-/.]{MONTH}[-/.]{DAY}|{DAY}[-/.]{DAY}[-/.]{YEAR}|{YEAR}(?:0\d|1[0-2])(?:[0-2]\d|3[01])"
    rf"|{YEAR}[-/]{MONTH}"
)
SEASON = rf"{YEAR}[-/]\d\d"  # 2019/20
TIMES = regex.compile(rf"(?:{DATE}|{SEASON}|{YEAR})(?:[-/.](?:{DATE}|{SEASON}|{YEAR}))*")
DECIMAL = regex.compile(r"\d{1,3}\.\d{1,2}")
RANGE = regex.compile(r"(\d{1,7})-(\d{1,7})")
ROUND = regex.compile(r"[1-9]\d*0{6}")
GROUPED = r"[1-9]\d{0,2}(?:(?:\.\d{3})+|(?: \d{3})+)"
GROUPED_NUMBERS = regex.compile(rf"{GROUPED}(?: ?- ?{GROUPED})+|[1-9]\d{{0,2}}(?:([. ])\d{{3}})+")
# A date with a clock time, also one that no calendar has, as logs write it; no number has colons.
YEAR, UP_TO_39, UP_TO_19 = r"(?:(?:19|20)\d\d|0{4})", r"[0-3]\d", r"[01]\d"
TIMESTAMP = regex.compile(
    rf"(?:{YEAR}([-/.]){UP_TO_19}\1{UP_TO_39}|{UP_TO_39}([-/.]){UP_TO_39}\2{YEAR})"
    r"[ T](\d\d)(?::\d\d){1,2}(?![\d:])"
)
MAX_TIMESTAMP_CHARS = 30
# The number of a book (ISO 2108), whose groups no telephone number has.
ISBN = regex.compile(r"97[89](?:\d{10}|([ -])\d{1,5}\1\d{1,7}\1\d{1,7}\1\d)")
ISBN_DIGITS = 13
MAX_CODE_CHARS = 16  # of the words before a code
MIN_LISTED = 4  # short numbers in ascending order make a list
MAX_DIGITS = 3  # of a number in such a list

# The parts of a name such as Count_Person_5To17Years: words, acronyms and numbers.
HUMP = regex.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[A-Z]")
SMALL_WORDS = frozenset(["a", "as", "at", "by", "dc", "in", "is", "no", "of", "on", "or", "to"])
UNREADABLE = regex.compile(r"[^aeiouAEIOU]+|.*[b-df-hj-np-tv-xzB-DF-HJ-NP-TV-XZ]{5}.*")
MAX_ACRONYM = 6  # letters
MAX_UNREADABLE = 2  # letters of a name outside words and acronyms
MIN_READABLE = 0.6  # share of a name's letters that are in words


def private_parts(text: str) -> set[str]:
    """Return the names of what `mask` would replace in a text."""
    if text.isalpha():
        return set()
    masked = mask(text)
    return {name for part, name in NAMES.items() if masked.count(part) > text.count(part)}


def mask(text: str) -> str:
    """Return a text without e-mail addresses, telephone and card numbers, and keys.

    Years, ranges and other plain numbers stay, and so do names of variables.
    """
    if not may_be_private(text):
        return text
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
    text = TOKEN.sub(lambda match: "[key]" if is_key(match[0]) else match[0], text)
    spans = plain_spans(text)
    return str(NUMBER.sub(lambda match: match[0] if within(match, spans) else "[number]", text))


def may_be_private(text: str) -> bool:
    """Return whether a pattern may match; False means that none does."""
    if not text.isascii():
        return True
    lower = text.lower()
    return any(part in lower for part in SUSPECT_PARTS) or bool(SUSPECT.search(text))


def within(match: regex.Match[str], spans: Sequence[tuple[int, int]]) -> bool:
    """Return whether a match lies in a span; spans: (start, end), in order."""
    index = bisect_right(spans, match.start(), key=itemgetter(0))
    return index > 0 and match.end() <= spans[index - 1][1]


def plain_spans(text: str) -> list[tuple[int, int]]:
    """Return the (start, end) of each run of plain numbers."""
    return [
        run.span() for run in DIGIT_RUN.finditer(text) if is_plain_run(text, run.start(), run[0])
    ]


def is_plain_run(text: str, start: int, run: str) -> bool:
    """Return whether a run of digits in a text identifies nobody; start: its position."""
    if is_card(run):
        return False
    if is_isbn(run) or is_timestamp(text, start, run):
        return True
    if CODE.search(text, max(0, start - MAX_CODE_CHARS), start):
        return not CALLABLE.fullmatch(run)
    return is_plain(run.strip("()"))


def is_card(run: str) -> bool:
    """Return whether digits are a card number, by first digits and Luhn checksum (ISO 7812)."""
    if not CARD_GROUPS.fullmatch(run) or is_rising(run.split()) or ROUND.fullmatch(run):
        return False
    digits = [int(digit) for digit in run if digit.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return bool(CARD.match(run)) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_isbn(run: str) -> bool:
    """Return whether digits are the number of a book, by their groups and checksum (ISO 2108)."""
    digits = [int(digit) for digit in run if digit.isdigit()]
    if len(digits) != ISBN_DIGITS or not ISBN.fullmatch(run):
        return False
    return (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0


def is_timestamp(text: str, start: int, run: str) -> bool:
    """Return whether a run of digits is the date and the hour of a time in a text."""
    # Without an end, the search for a colon would read the whole text.
    time = TIMESTAMP.match(text, start, start + MAX_TIMESTAMP_CHARS)
    return time is not None and time.end(3) == start + len(run)


def is_rising(numbers: Sequence[str]) -> bool:
    """Return whether several numbers rise, as the bounds of income classes do."""
    values = [*map(int, filter(str.isdecimal, numbers))]
    return len(values) > 1 and values == sorted(set(values))


def is_plain(run: str) -> bool:
    """Return whether a run is of years, dates, ranges, decimals, round numbers or the like."""
    if GROUPED_NUMBERS.fullmatch(run):
        first, *_, last = regex.split(r"[ .-]+", run)
        return len(first) < MAX_DIGITS or last == "000" or "-" in run
    tokens = [token for token in run.split() if any(map(str.isdigit, token))]
    if is_ascending(regex.split(r"\D+", run)):
        return True
    others = [token for token in tokens if not is_quantity(token)]
    return not others or (len(others) == 1 and len(others[0]) < MAX_DIGITS and len(tokens) > 1)


def is_quantity(token: str) -> bool:
    """Return whether a token is a year, a date, a range, a decimal or a round number."""
    if ends := RANGE.fullmatch(token):
        low, high = ends.groups()
        if int(low) < int(high) and len(high) - len(low) <= 1 and str(int(low)) == low:
            return True
    return any(pattern.fullmatch(token) for pattern in (TIMES, DECIMAL, ROUND))


def is_ascending(numbers: Sequence[str]) -> bool:
    """Return whether numbers are short and in ascending order, such as a list of ages."""
    if len(numbers) < MIN_LISTED or max(map(len, numbers)) > MAX_DIGITS:
        return False
    values = [*map(int, numbers)]
    return values == sorted(values) and [*map(str, values)] == [*numbers]


def is_key(token: str) -> bool:
    """Return whether a long token has digits and letters of both cases, and is not a name."""
    kinds = (str.isdigit, str.islower, str.isupper)
    return all(any(map(kind, token)) for kind in kinds) and not is_name(token)


def is_name(token: str) -> bool:
    """Return whether a token consists of words, as names of variables do and keys do not."""
    humps = HUMP.findall(token)
    readable = sum(len(hump) for hump in humps if is_word(hump))
    acronyms = sum(len(hump) for hump in humps if hump.isupper() and 1 < len(hump) <= MAX_ACRONYM)
    letters = sum(map(len, humps))
    is_known = readable >= MIN_READABLE * letters
    return is_known and letters - readable - acronyms <= MAX_UNREADABLE


def is_word(hump: str) -> bool:
    """Return whether a part of a name is readable: it has vowels, and few consonants in a row."""
    if hump.lower() in SMALL_WORDS:
        return True
    return len(hump) > MAX_UNREADABLE and not hump.isupper() and not UNREADABLE.fullmatch(hump)
