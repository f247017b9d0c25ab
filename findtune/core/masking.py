"""Masking what identifies people or opens doors, before a text of theirs is shown.

Patterns miss what they do not know, such as names and addresses, and they may mask a harmless long
number. A text that must not be seen is not shown at all: `report.examples: 0`.
"""

import regex

EMAIL = r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+"
# The known beginnings of keys: OpenAI, Stripe, AWS, GitHub, GitLab, Slack, Google, Hugging Face.
# Then JSON web tokens (RFC 7519).
KNOWN_KEY = (
    r"\b(?:sk|pk|rk)[-_][\w-]{16,}|\bA[KS]IA[0-9A-Z]{16}\b|\bgh[pousr]_\w{20,}"
    r"|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{30,}"
    r"|\bhf_\w{20,}|\beyJ[\w-]{8,}\.[\w-]+\.?[\w-]*"
)
# A value that is called a secret, and a long token with digits and letters of both cases, or hex.
NAMED_SECRET = (
    r"(?i:\b(?:password|passwd|pwd|secret|token|api[-_ ]?key|access[-_ ]?key|bearer)\b"
    r"\s*(?:[:=]|\bis\b)\s*|\bbearer\s+)\K[^\s,;\"']{4,}"
)
LONG_TOKEN = (
    r"\b(?=[\w+]*\d)(?=[\w+]*[a-z])(?=[\w+]*[A-Z])[A-Za-z0-9_+]{20,}={0,2}|\b[0-9a-fA-F]{32,}\b"
)
# Nine to nineteen digits, as telephone, card and account numbers are written (E.164, ISO 7812);
# two years and a number with thousands commas have another form.
PHONE = r"(?<![\w.])(?:\+|00)?\(?\d(?:[ ()./-]{0,3}\d){8,18}(?!\w)"

PATTERNS = (
    (regex.compile(EMAIL), "[e-mail]"),
    (regex.compile(KNOWN_KEY), "[key]"),
    (regex.compile(NAMED_SECRET), "[key]"),
    (regex.compile(LONG_TOKEN), "[key]"),
    (regex.compile(PHONE), "[number]"),
)


# What a report of the data calls them; the replacement -> its name.
NAMES = {"[e-mail]": "an e-mail address", "[key]": "a key", "[number]": "a telephone number"}


def private_parts(text: str) -> set[str]:
    """Return the names of what `mask` would replace in a text."""
    if text.isalpha():
        return set()
    return {NAMES[replacement] for pattern, replacement in PATTERNS if pattern.search(text)}


def mask(text: str) -> str:
    """Return a text without e-mail addresses, telephone and card numbers, and keys."""
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
    return text
