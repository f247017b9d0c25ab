"""The sources that a search showed: what one record of feedback says of them, made clean.

A source is a URL with a title and a snippet, each as plain text and no longer than a limit. A bad
source is set aside and told of; the record that names it goes on without it.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Set
from html import unescape

from pydantic import Field

from findtune.params import Section
from findtune.streams import Record
from findtune.tables import Note, shown

# Tags inside a word or a line go without a trace, those around a block leave a space.
INLINE = "a|abbr|b|bdi|bdo|big|cite|code|del|em|font|i|ins|kbd|mark|s|small|span|strike|strong|sub"
INLINE += "|sup|tt|u|wbr"
BLOCK = "article|aside|blockquote|body|br|center|dd|div|dl|dt|figcaption|figure|footer|h[1-6]|head"
BLOCK += "|hr|html|iframe|img|li|nav|noscript|ol|p|pre|script|style|svg|table|tbody|td|tfoot|th"
BLOCK += "|thead|tr|ul"
# None of these looks past the next place where it could begin, so that no text takes long.
REST = r"""(?:\s(?:[^<>"']|"[^"<]*"|'[^'<]*')*)?/?>"""
UNSAID = r"<!--(?:(?!<!--).)*?-->|<(script|style)\b(?:(?!<\1\b).)*?</\1\s*>|<![a-z][^<>]*>"
WITHIN = re.compile(rf"</?(?:{INLINE}){REST}", re.IGNORECASE)
AROUND = re.compile(rf"{UNSAID}|</?(?:{BLOCK}){REST}", re.IGNORECASE | re.DOTALL)
ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
MARKUP = 10  # times the longest text: how much of a page's markup is looked through
# Control characters, and halves of characters, which no file can hold.
UNSEEN = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " ")
UNSEEN |= dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
WEB = re.compile(r"https?://[^\s/?#]\S*", re.IGNORECASE)

Source = dict[str, str]  # url, title, snippet


class Limits(Section):
    """What feedback may hold: characters of a text, sources of a list, share of rejects."""

    longest_text: int = Field(gt=0)
    most_sources: int = Field(gt=1)
    max_rejected: float = Field(ge=0, le=1)


class WrongError(Exception):
    """Raised for a record or a source that is left out: field, value, reason, remedy."""


class RecordNote(Note):
    """A note on a record: `line` is its number, `column` the field.

    Told without the value, since that is what users typed, and a screen is not private.
    """

    __slots__ = ()

    def __str__(self) -> str:
        place = f"{self.file}, record {self.line}" + (f", {self.column}" if self.column else "")
        return f"{place}: {self.reason}; {self.remedy}."


class Sheet:
    """What is counted and told of one record while it is made clean."""

    def __init__(self, record: Record, limits: Limits) -> None:
        self.record, self.limits = record, limits
        self.notes: list[Note] = []
        self.counts: Counter[str] = Counter()
        self.marked: list[str] = []  # fields that held HTML
        self.cut: list[str] = []  # fields that were too long
        self.lost: set[str] = set()  # URLs whose source was set aside

    @property
    def place(self) -> str:
        return f"{self.record.file}:{self.record.number}"

    def tell(self, action: str, field: str, value: object, reason: str, remedy: str) -> None:
        """Note what was wrong: "rejected" the record, "dropped" a part of it, or "kept" all."""
        file, number, _ = self.record
        self.notes.append(RecordNote(action, file, number, field, said(value), reason, remedy))

    def count(self, found: Collection[Source], **more: int) -> None:
        """Count the sources of the record, and more."""
        bare = sum(not it["snippet"] for it in found)
        self.counts.update({"sources": len(found), "sources without snippet": bare, **more})

    def tell_of_texts(self) -> None:
        """Note once for all its texts what was cleaned and what was cut."""
        if self.marked:
            reason = f"{len(self.marked)} of its texts held HTML, of which only the words are left"
            self.tell("kept", self.marked[0], "", reason, "log plain text")
        if self.cut:
            limit = f"feedback.longest_text = {self.limits.longest_text}"
            reason = f"{len(self.cut)} of its texts were cut to {limit} characters"
            self.tell("kept", self.cut[0], "", reason, "log the passage, not the page")


def said(value: object) -> str:
    """Return a value as the notes may repeat it: short, and never more than one level of it."""
    if isinstance(value, str):
        return shown(legible(value[:200]))
    return sort_of(value) if value is None or isinstance(value, (list, dict)) else str(value)[:60]


def sort_of(value: object) -> str:
    """Return what JSON calls a value."""
    if value is None:
        return "nothing"
    names = {bool: "a truth value", str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")


def legible(text: str) -> str:
    """Return a text in one line, without control characters and halves of characters."""
    if text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join(text.translate(UNSEEN).split())


def unmarked(text: str) -> str:
    """Return the words of a text that may hold HTML; names in brackets are no tags, as <int>."""
    text = WITHIN.sub("", AROUND.sub(" ", text)) if "<" in text else text
    return ENTITY.sub(lambda entity: unescape(entity[0]), text)


def plain(value: object, field: str, sheet: Sheet) -> str:
    """Return a title or a snippet as people see it; a missing one is empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise wrong(field, value, "text", "write a string, or leave the field out")
    longest = sheet.limits.longest_text
    bare = text = value[: longest * MARKUP]
    if "<" in text or "&" in text:
        bare = unmarked(text)
        if bare != text:
            sheet.marked.append(field)
    bare = legible(bare)
    if len(bare) > longest or len(value) > len(text):
        sheet.cut.append(field)
    return bare[:longest].rstrip()


def wrong(field: str, value: object, wanted: str, remedy: str) -> WrongError:
    """Return the error for a value of the wrong type."""
    return WrongError(field, value, f"{sort_of(value)} where {wanted} must stand", remedy)


def link(value: object, field: str, longest: int) -> str:
    """Return a URL; raise WrongError if it is none."""
    if not isinstance(value, str):
        raise wrong(field, value, "a URL", "write it as a string")
    url = value.strip()
    if not WEB.fullmatch(url) or legible(url) != url:
        reason = "not an http or https URL" if url else "an empty URL"
        raise WrongError(field, value, reason, "write it whole, like https://example.org/page")
    if len(url) > longest:
        reason = f"a URL of {len(url):,} characters, more than feedback.longest_text"
        raise WrongError(field, value, reason, "log the page's short address")
    return url


def source(item: object, field: str, sheet: Sheet) -> Source:
    """Return one source; it may be no more than its URL."""
    if isinstance(item, str):
        item = {"url": item}
    if not isinstance(item, dict):
        raise wrong(field, item, "a source", "write an object with url, title and snippet")
    of = f"{field}." if field else ""
    return {
        "url": link(item.get("url"), f"{of}url", sheet.limits.longest_text),
        "title": plain(item.get("title"), f"{of}title", sheet),
        "snippet": plain(item.get("snippet"), f"{of}snippet", sheet),
    }


def address(item: object) -> str:
    """Return the URL of a source as it was written, or nothing."""
    url = item.get("url") if isinstance(item, dict) else item
    return url.strip() if isinstance(url, str) else ""


def sources(items: object, field: str, sheet: Sheet) -> dict[str, Source]:
    """Return the sources of a list by URL, in the order shown, each once."""
    if not isinstance(items, list):
        raise wrong(field, items, "a list of sources", "write [] if nothing was shown")
    found: dict[str, Source] = {}
    for place, item in enumerate(items):
        try:
            it = source(item, f"{field}[{place}]", sheet)
        except WrongError as error:
            sheet.tell("dropped", *error.args)
            sheet.lost.add(address(item))
            continue
        add(it, found, sheet)
    sheet.lost -= found.keys()
    return found


def add(it: Source, found: dict[str, Source], sheet: Sheet) -> None:
    """Add a source; where its URL stands already, it only fills in what the first one lacks."""
    first = found.setdefault(it["url"], it)
    if first is not it:
        sheet.counts["sources again"] += 1
        for key, text in it.items():
            first[key] = first[key] or text


def links(items: object, field: str, sheet: Sheet) -> list[str]:
    """Return the URLs of a list, in its order, each once."""
    if not isinstance(items, list):
        raise wrong(field, items, "a list of URLs", "write [] if there is none")
    found = []
    for place, item in enumerate(items):
        url = item.get("url") if isinstance(item, dict) else item
        if isinstance(url, str):
            found.append(url.strip())
        else:
            error = wrong(f"{field}[{place}]", item, "a URL", "write the URL of the source")
            sheet.tell("dropped", *error.args)
    return list(dict.fromkeys(found))


def known(urls: Iterable[str], among: Set[str], field: str, sheet: Sheet) -> list[str]:
    """Return the URLs that stand among others, and tell of those that do not."""
    urls, found = list(urls), []
    for url in urls:
        if url in among:
            found.append(url)
        elif url in sheet.lost:
            reason, remedy = "its source was set aside", "mend the source, see the note above"
            sheet.tell("dropped", field, url, reason, remedy)
        else:
            reason, remedy = "a URL that was never shown", "log every source that was shown"
            sheet.tell("dropped", field, url, reason, remedy)
    return found


def within(found: dict[str, Source], keep: Set[str], field: str, sheet: Sheet) -> dict[str, Source]:
    """Return the first sources of a long list, and of the rest only those to keep."""
    most = sheet.limits.most_sources
    if len(found) <= most:
        return found
    short = {url: it for at, (url, it) in enumerate(found.items()) if at < most or url in keep}
    if len(short) < len(found):
        reason = f"{len(found)} sources, of which {len(short)} are left"
        sheet.tell("dropped", field, "", reason, "raise feedback.most_sources in params.yaml")
    return short
