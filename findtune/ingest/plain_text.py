"""Plain text in one line: control characters and HTML are removed."""

import re
from html import unescape

# Inline tags vanish without a trace. Block tags become a space.
INLINE_TAGS = "a|abbr|b|bdi|bdo|big|cite|code|del|em|font|i|ins|kbd|mark|s|small|span|strike|strong"
INLINE_TAGS += "|sub|sup|tt|u|wbr"
BLOCK_TAGS = "article|aside|blockquote|body|br|center|dd|div|dl|dt|figcaption|figure|footer|h[1-6]"
BLOCK_TAGS += "|head|hr|html|iframe|img|li|nav|noscript|ol|p|pre|script|style|svg|table|tbody|td"
BLOCK_TAGS += "|tfoot|th|thead|tr|ul"
# No pattern looks beyond the next place where it could start, so the time stays linear.
TAG_END = r"""(?:\s(?:[^<>"']|"[^"<]*"|'[^'<]*')*)?/?>"""
HIDDEN = r"<!--(?:(?!<!--).)*?-->|<(script|style)\b(?:(?!<\1\b).)*?</\1\s*>|<![a-z][^<>]*>"
INLINE = re.compile(rf"</?(?:{INLINE_TAGS}){TAG_END}", re.IGNORECASE)
BLOCK = re.compile(rf"{HIDDEN}|</?(?:{BLOCK_TAGS}){TAG_END}", re.IGNORECASE | re.DOTALL)
ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Control characters become spaces. Lone surrogates can't be written as UTF-8.
REPLACEMENTS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " ")
REPLACEMENTS |= dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


def to_one_line(text: str) -> str:
    """Return a text in one line, without control characters and lone surrogates."""
    if text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join(text.translate(REPLACEMENTS).split())


def strip_html(text: str) -> str:
    """Return a text without HTML; names in angle brackets that are no tags stay, such as <int>."""
    if "<" in text:
        text = INLINE.sub("", BLOCK.sub(" ", text))
    if "&" not in text:
        return text
    return ENTITY.sub(lambda entity: unescape(entity[0]), text)
