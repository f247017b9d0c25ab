"""Cleans every text: to one line in NFC, without HTML, control or format characters.

Cells, questions, searches, titles, snippets, answers and judgments all pass through here before
anything splits or compares them.
"""

import json
import re
import unicodedata
from html import unescape
from html.entities import html5

# Inline tags are removed. Block tags become a space.
INLINE_TAGS = "a|abbr|b|bdi|bdo|big|cite|code|del|em|font|i|ins|kbd|mark|s|small|span|strike|strong"
INLINE_TAGS += "|sub|sup|tt|u|wbr"
MATH_TAGS = "math|mfrac|mi|mn|mo|mrow|msqrt|msub|msup|mtext|semantics"
BLOCK_TAGS = "article|aside|blockquote|body|br|center|dd|div|dl|dt|figcaption|figure|footer|h[1-6]"
BLOCK_TAGS += "|head|hr|html|iframe|img|li|nav|noscript|ol|p|pre|script|style|svg|table|tbody|td"
BLOCK_TAGS += "|tfoot|th|thead|tr|ul"
# No pattern looks beyond the next place where it could start, so the time stays linear.
REST = r"""(?:[^<>"']|"[^"<]*"|'[^'<]*')*"""
TAG_END = rf"(?:\s{REST})?/?>"
# Names of inline tags are words, too. Their attributes begin with name=value, or with one that
# needs no value; <small firms> and a<b and c>d have no attributes.
BARE = r"(?:download|hidden|inert|itemscope|data-[\w-]+)"
INLINE_END = rf"(?:\s+(?:[^\s<>\"'=/]+\s*=|{BARE}(?=[\s/>])){REST}|\s*)/?>"
HIDDEN = r"<!--(?:(?!<!--).)*?-->|<(script|style)\b(?:(?!<\1\b).)*?</\1\s*>|<![a-z][^<>]*>"
INLINE = re.compile(rf"</?(?:{INLINE_TAGS}){INLINE_END}", re.IGNORECASE)
# Where no tag is closed, these are text: those of a type or a call, as in Vector<i>, those at the
# end, and those in quotation marks.
MENTIONED = re.compile(
    rf"(?<=\w)<(?!su[bp]|wbr)(?:{INLINE_TAGS})>"
    rf"|(?<=[`\"'“])<(?:{INLINE_TAGS})>(?=[`\"'”])"
    rf"|(?<=\s)<(?:{INLINE_TAGS})>(?=[.?!]?\s*$)",
    re.IGNORECASE,
)
BLOCK = re.compile(rf"{HIDDEN}|</?(?:{BLOCK_TAGS}){TAG_END}", re.IGNORECASE | re.DOTALL)
MATH = re.compile(rf"</?(?:{MATH_TAGS}){TAG_END}")
# Tags of XML that name their vocabulary, such as <jats:p> of abstracts and <w:t> of Word.
XML = re.compile(rf"</?[a-z]\w*:[a-zA-Z][\w.-]*{TAG_END}")
ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
HALVES = re.compile(
    r"&#(5[5-7]\d{3}|[xX][dD][89abAB][0-9a-fA-F]{2});&#(5[5-7]\d{3}|[xX][dD][c-fC-F][0-9a-fA-F]{2});"
)
MAX_ENCODINGS = 3  # of an entity in an entity, as in &amp;amp;
# The entities that browsers also read without a semicolon; &copy=1 in an address is not one.
BARE_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|nbsp)(?![\w;=])")
CDATA = "<![CDATA["
# Links and bold text of Markdown. f[i](/x) is a call, and no link.
LINK = re.compile(
    r"(?:!?\[([^\[\]]*)\]\((?:https?:|mailto:|www\.)|(?<![A-Za-z0-9_)\]])!?\[([^\[\]]*)\]\([/#])"
    r"[^\s()]*(?:\s\"[^\"]*\")?\)"
)
# Exponents such as 2**3 have letters or digits around the marks, and __init__ has no blank inside.
BOLD = re.compile(r"(?<![\w*])(\*\*|__(?=[^*_\s]+\s))(?=\S)([^*_]+)(?<=\S)\1(?![\w*])")
# Letters that are still written as escapes of JSON, as in caf\\u00e9.
JSON_LETTERS = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")
CLOSED_TAG = re.compile(r"</[a-z]|<[bh]r\b|/>", re.IGNORECASE)
# Control characters become spaces. Lone surrogates can't be written as UTF-8.
REPLACEMENTS: dict[int, str] = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " ")
REPLACEMENTS |= dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
# Format characters are invisible: soft hyphens, zero-width spaces, byte order marks, the marks of
# writing direction, tags.
FORMATS = [0xAD, 0x61C, 0x180E, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F)]
FORMATS += [*range(0x2060, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080)]
REPLACEMENTS |= dict.fromkeys(FORMATS, "")
# Joiners are part of words in Persian and Hindi, and of emoji; beside ASCII they do nothing.
JOINERS = re.compile(r"(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])")
PICTOGRAPHS = ("So", "Sk")  # general categories of Unicode: emoji and their skin tones


def clean_line(text: str) -> str:
    """Return a text in one line, without HTML; "" for one without a letter, digit or emoji."""
    line = to_one_line(strip_html(text))
    return line if has_content(line) else ""


def is_clean_line(text: str) -> bool:
    """Return whether `clean_line` would surely change nothing, as for most texts of a log.

    A quick test: it accepts only ASCII texts that begin with a letter or digit.
    """
    return (
        text.isascii()
        and text.isprintable()
        and text[:1].isalnum()
        and text[-1] != " "
        and "  " not in text
        and "<" not in text
        and "&" not in text
        # What `strip_marks` removes; CDATA has a "<". One character is found faster than two.
        and ("]" not in text or "](" not in text)
        and ("*" not in text or "**" not in text)
        and ("_" not in text or "__" not in text)
        and ("\\" not in text or "\\u" not in text)
    )


def to_one_line(text: str) -> str:
    """Return a text in one line and NFC, without control and format characters and surrogates."""
    if text.isprintable() and "  " not in text:
        return (text if text.isascii() else unicodedata.normalize("NFC", text)).strip()
    text = JOINERS.sub("", text.translate(REPLACEMENTS))
    return " ".join(unicodedata.normalize("NFC", text).split())


def has_content(text: str) -> bool:
    """Return whether a text has a letter, a digit or an emoji."""
    return any(map(str.isalnum, text)) or any(
        unicodedata.category(character) in PICTOGRAPHS for character in text
    )


def strip_html(text: str, block: str = " ") -> str:
    """Return a text without HTML; names in angle brackets that are no tags stay, such as <int>.

    Entities are decoded, even if they were encoded several times. Then encoded tags are removed
    too, but only if one of them is closed: a text may mention the tag <b>. block: what replaces a
    tag that starts a line of its own.
    """
    text = strip_tags(strip_marks(text), block)
    if "&" not in text:
        return text
    decoded = decode_entities(text)
    if decoded != text and CLOSED_TAG.search(decoded):
        return strip_tags(decoded, block)
    return decoded


def strip_marks(text: str) -> str:
    """Return a text without links and bold marks of Markdown, CDATA, and escapes of JSON."""
    if "](" in text:
        text = LINK.sub(r"\1\2", text)
    if "**" in text or "__" in text:
        text = BOLD.sub(r"\2", text)
    if CDATA in text:
        text = text.replace(CDATA, "").replace("]]>", "")
    if "\\u" in text:
        text = JSON_LETTERS.sub(lambda letters: json.loads(f'"{letters[0]}"'), text)
    return text


def decode_entities(text: str) -> str:
    """Return a text without the entities of HTML, even if they were encoded several times."""
    if "&" in text:
        text = BARE_ENTITY.sub(r"\g<0>;", text)
    for _ in range(MAX_ENCODINGS if "&" in text else 0):
        text = ENTITY.sub(decode_entity, HALVES.sub(join_halves, text))
    return text


def join_halves(pair: re.Match[str]) -> str:
    """Return the character of two entities that name its halves in UTF-16, as in old JavaScript."""
    high, low = (int(h[1:], 16) if h[0] in "xX" else int(h) for h in pair.groups())
    if not (0xD800 <= high < 0xDC00 <= low < 0xE000):
        return pair[0]
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def decode_entity(entity: re.Match[str]) -> str:
    """Return the characters of an entity; a name that HTML does not know stays, as in R&D&regions;.

    HTML would take its first letters for an older entity.
    """
    name = entity[0][1:]
    return unescape(entity[0]) if name[0] == "#" or name in html5 else entity[0]


def strip_tags(text: str, block: str) -> str:
    """Return a text without the tags of HTML; a tag of a block becomes `block`."""
    if "<" not in text:
        return text
    if "</" in text:  # without an end tag they may be text, as in x<mi
        return INLINE.sub("", BLOCK.sub(block, MATH.sub("", XML.sub(" ", text))))
    text = BLOCK.sub(block, text)
    mentioned = {match.start() for match in MENTIONED.finditer(text)}
    return INLINE.sub(lambda tag: tag[0] if tag.start() in mentioned else "", text)
