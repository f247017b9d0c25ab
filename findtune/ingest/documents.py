"""Cleans the documents in a record of feedback, and the lists of URLs that refer to them.

A document is an address with a title and a snippet, both plain text of limited length. The address
is a URL or any other id: nothing is fetched. Two spellings of one address are one document, and the
first one is kept. A bad document is dropped and reported; the rest of its record stays. Users'
files call documents sources.
"""

import re
from collections.abc import Iterable, Mapping, Set
from typing import Any, TypeGuard

from findtune.ingest.document_fields import (
    find_field,
    number_as_id,
    other_names,
    unknown_passage,
)
from findtune.ingest.missing_fields import missing_url
from findtune.ingest.null_words import is_null_word
from findtune.ingest.plain_text import has_content, is_clean_line, strip_html, to_one_line
from findtune.ingest.report import RecordError, RecordReport, wrong_type
from findtune.ingest.search_forms import unknown_list
from findtune.ingest.written_lists import names_nothing, read_list

UNKNOWN = "unknown key "  # begins the tallies of keys that are not read
MARKUP_FACTOR = 10  # a text is searched for HTML up to this many times the longest text
WEB_SCHEME = re.compile(r"https?:", re.IGNORECASE)
# File shares have blanks in the names of folders and files, and some sites in their queries. An
# address with other words behind it, or with a second one, is not one address.
WEB_URL = re.compile(
    r"https?://[^\s/?#](?:\S*|(?!.*[\s;|,]https?://)[^\s/?#]*"
    r"(?:/(?:[^?#]*/)?[^?#\s/]*|/[^?#]*\.\w{1,5}|/\S*|(?=[?#]))(?:[?#].*)?)",
    re.IGNORECASE,
)
USUAL_URL = re.compile(r"https?://[a-z0-9][!-~]*")  # needs no other test
# Control characters, line separators and surrogates, which no address holds.
UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")

WRITE_DOCUMENTS = "write a list of objects with url, title and snippet"
# What people write where nothing was picked: no click, not selected, nothing.
NO_PICK = re.compile(
    r"(?:no|not|none|nothing)(?:[\s_-]*(?:one|any|thing|yet|url|link|source|result|document|answer"
    r"|click|select|pick|chos|choice|open|visit|relevant|match)(?:s|es|ed|en|ion|ions|ing)?)*",
    re.IGNORECASE,
)

Document = dict[str, str]  # url, title, snippet
DocumentsByUrl = dict[str, Document]


def clean_documents(items: object, field: str, report: RecordReport) -> DocumentsByUrl:
    """Return the documents of a list by URL, in its order; bad ones are dropped."""
    items = read_list(items) if isinstance(items, str) and items.strip() else items
    if isinstance(items, str) and items.strip():
        items = [items]
    items = [] if items == {} else items
    if not isinstance(items, list):
        raise no_documents(items, field)
    report.shown_items += items
    report.addresses_by_id = None
    documents: DocumentsByUrl = {}
    for index, item in enumerate(items):
        document = usual_document(item, report.limits.max_text_chars)
        try:
            document = document or clean_document(item, f"{field}[{index}]", report)
        except RecordError as error:
            report.drop(error)
            report.dropped_urls[report.spell(url_as_written(item))] = error
        else:
            add_document(document, documents, report)
    for url in report.dropped_urls.keys() & documents.keys():
        del report.dropped_urls[url]
    return documents


def no_documents(value: object, field: str) -> RecordError:
    """Return the error for a value that is no list of documents; it names a list that it holds."""
    error = wrong_type(field, value, expected="a list of documents", remedy=WRITE_DOCUMENTS)
    if isinstance(value, dict) and (key := unknown_list(value)):
        error.reason = f"{error.reason}, with a list under the key {ascii(key)}"
        error.remedy = "write that list instead of the object"
    return error


def usual_document(item: object, max_chars: int) -> Document | None:
    """Return a document if it needs no cleaning, as is usual; else None."""
    if not isinstance(item, dict):
        return None
    url, title, snippet = item.get("url"), item.get("title"), item.get("snippet")
    if not (is_usual_text(snippet, max_chars) and is_usual_text(title, max_chars)):
        return None
    return (
        {"url": url, "title": title, "snippet": snippet} if is_usual_url(url, max_chars) else None
    )


def clean_document(item: object, field: str, report: RecordReport) -> Document:
    """Return one document; its URL alone is enough. Raises RecordError."""
    if isinstance(item, str):
        item = {"url": item}
    if not isinstance(item, dict):
        remedy = "write an object with url, title and snippet"
        raise wrong_type(field, item, expected="a document", remedy=remedy)
    prefix = f"{field}." if field else ""
    url, title = find_field(item, "url")[1], find_field(item, "title")[1]
    if url is None:
        raise missing_url(item, f"{prefix}url")
    name, snippet = find_field(item, "snippet")
    if name != "snippet" or not snippet:
        count_names(item, name, snippet, report)
    return {
        "url": clean_url(url, f"{prefix}url", report.limits.max_text_chars),
        "title": clean_text(title, f"{prefix}title", report),
        "snippet": clean_text(snippet, f"{prefix}{name}", report),
    }


def count_names(item: Mapping[str, Any], name: str, snippet: object, report: RecordReport) -> None:
    """Count a snippet under another name, or an unknown key that may hold the missing snippet."""
    if name not in ("snippet", "text"):
        report.counts[f"snippets_under_{name}"] += 1
    elif not snippet and (key := unknown_passage(item)):
        report.tallies[f"{UNKNOWN}{key}"] += 1


def clean_url(value: object, field: str, max_chars: int) -> str:
    """Return an address without blanks around it; raise RecordError if it is invalid."""
    if not isinstance(value, str):
        raise wrong_type(field, value, expected="a URL", remedy="write it as a string")
    if is_usual_url(value, max_chars):
        return value
    url = value.strip()
    is_web = WEB_SCHEME.match(url)
    is_bad = not url or is_null_word(url) or UNWRITABLE.search(url)
    if is_bad or (is_web and not WEB_URL.fullmatch(url)):
        kind = "an http or https URL" if is_web else "a URL or an id in one line"
        reason = f"not {kind}" if url else "an empty URL"
        remedy = "write the whole URL, like https://example.org/page, or the document's id"
        raise RecordError(field, value, reason=reason, remedy=remedy)
    if len(url) > max_chars:
        reason = f"a URL of {len(url):,} characters, more than feedback.max_text_chars"
        raise RecordError(field, value, reason=reason, remedy="log the page's short address")
    return url


def is_usual_url(value: object, max_chars: int) -> TypeGuard[str]:
    """Return whether `clean_url` surely leaves a value as it is."""
    return isinstance(value, str) and len(value) <= max_chars and bool(USUAL_URL.fullmatch(value))


def clean_text(value: object, field: str, report: RecordReport) -> str:
    """Return a title or a snippet as plain text of limited length; a missing one is empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        remedy = "write a string, or leave the field out"
        raise wrong_type(field, value, expected="text", remedy=remedy)
    max_chars = report.limits.max_text_chars
    if is_usual_text(value, max_chars):
        return value
    head = value[: max_chars * MARKUP_FACTOR]
    text = strip_html(head)
    if text != head:
        report.html_fields.append(field)
    text = to_one_line(text)
    if is_null_word(text):
        report.null_fields.append(field)
        return ""
    if len(text) > max_chars or len(value) > len(head):
        report.cut_fields.append(field)
    if not has_content(text):
        return ""
    return text[:max_chars].rstrip()


def is_usual_text(value: object, max_chars: int) -> TypeGuard[str]:
    """Return whether `clean_text` surely leaves a value as it is; an empty text is not usual."""
    return (
        isinstance(value, str)
        and len(value) <= max_chars
        and is_clean_line(value)
        and not is_null_word(value)
    )


def url_as_written(item: object) -> str:
    """Return the URL of a document before it is cleaned, or an empty string."""
    url = find_field(item, "url")[1] if isinstance(item, dict) else item
    return url.strip() if isinstance(url, str) else ""


def urls_as_written(items: object) -> set[str]:
    """Return the URLs of a list as they are written; a single URL counts as a list of one."""
    items = read_list(items)
    urls = map(url_as_written, items if isinstance(items, list) else [items])
    return {*filter(None, urls)}


def add_document(document: Document, documents: DocumentsByUrl, report: RecordReport) -> None:
    """Add a document; a duplicate only fills the fields that the first one lacks.

    An address keeps the spelling in which the record has it first.
    """
    url = report.spell(document["url"])
    if url != document["url"]:
        report.counts["other_spellings_of_a_url"] += 1
        document["url"] = url
    first = documents.setdefault(url, document)
    if first is not document:
        report.counts["duplicate_documents"] += 1
        for name, text in document.items():
            first[name] = first[name] or text


def clean_urls(items: object, field: str, report: RecordReport) -> list[str]:
    """Return the URLs of a list as the record first spells them, in its order, each once.

    A single URL counts as a list of one, even if it contains another URL. A document that has a
    URL may also be named by its id.
    """
    is_one = isinstance(items, str) and report.knows(items.strip())
    items = [] if names_nothing(items) else [items] if is_one else read_list(items)
    if (isinstance(items, (str, dict)) and items) or is_known_number(items, report):
        items = [items]
    if not isinstance(items, list):
        remedy = f"write the list of URLs that were {verb_of(field)}"
        raise wrong_type(field, items, expected="a list of URLs", remedy=remedy)
    urls = []
    for index, item in enumerate(items):
        url = find_field(item, "url")[1] if isinstance(item, dict) else item
        url = number_as_id(url) if is_known_number(url, report) else url
        if isinstance(url, str):
            urls.append(report.spell(shown_address(url.strip(), report)))
        else:
            remedy = "write the URL of the document"
            report.drop(wrong_type(f"{field}[{index}]", item, expected="a URL", remedy=remedy))
    return list(dict.fromkeys(urls))


def is_known_number(value: object, report: RecordReport) -> bool:
    """Return whether a value is a number that is the id of a document."""
    number = number_as_id(value)
    return bool(number) and report.knows(shown_address(number, report))


def shown_address(name: str, report: RecordReport) -> str:
    """Return the URL of the document that has this name as an id; else the name itself."""
    if report.knows(name):
        return name
    if report.addresses_by_id is None:
        report.addresses_by_id = addresses_by_id(report.shown_items)
    return report.addresses_by_id.get(name, name)


def addresses_by_id(items: Iterable[object]) -> dict[str, str]:
    """Return the URLs of documents by their other ids; an id of two documents is left out."""
    addresses: dict[str, set[str]] = {}
    for item in items:
        url = url_as_written(item)
        for other in other_ids(item, url) if isinstance(item, dict) else ():
            addresses.setdefault(other, set()).add(url)
    return {name: next(iter(urls)) for name, urls in addresses.items() if len(urls) == 1}


def other_ids(item: Mapping[str, Any], url: str) -> list[str]:
    """Return the ids that a document has beside its URL; none for one without a URL."""
    return [f"{other}".strip() for _, other in other_names(item, "url")] if url else []


def drop_unknown_urls(
    urls: Iterable[str], shown: Set[str], *, field: str, report: RecordReport
) -> list[str]:
    """Return the URLs that were shown, and report the others."""
    urls = [*urls]
    unknown = [url for url in urls if url not in shown]
    titles = shown_titles(report) if any("://" not in url for url in unknown) else set()
    for url in unknown:
        reason, remedy = "a URL that was never shown", "log every document that was shown"
        if not has_content(url) or NO_PICK.fullmatch(url):
            reason = "a word that means none, not a URL"
            remedy = f"write [] if nothing was {verb_of(field)}"
        elif error := report.dropped_urls.get(url):
            reason, remedy = f"its document was dropped: {error.reason}", error.remedy
        elif url.casefold() in titles:
            reason = "the title of a source that was shown, not its URL"
            remedy = "write its URL instead"
        report.drop(RecordError(field, url, reason=reason, remedy=remedy))
    return [url for url in urls if url in shown]


def shown_titles(report: RecordReport) -> set[str]:
    """Return the titles of the documents of a record as written, without case."""
    items = (item for item in report.shown_items if isinstance(item, dict))
    titles = (find_field(item, "title")[1] for item in items)
    return {title.strip().casefold() for title in titles if isinstance(title, str)}


def verb_of(field: str) -> str:
    """Return what a user did with the documents that a field names."""
    return "refused" if field == "negative_sources" else "picked"


def shorten_documents(
    documents: DocumentsByUrl, keep: Set[str], *, field: str, report: RecordReport
) -> DocumentsByUrl:
    """Return the first documents of a long list, and the later ones whose URL is in keep."""
    limit = report.limits.max_documents
    if len(documents) <= limit:
        return documents
    short = {
        url: document
        for index, (url, document) in enumerate(documents.items())
        if index < limit or url in keep
    }
    if len(short) < len(documents):
        reason = f"a list of {len(documents)} documents was cut to {len(short)}"
        remedy = "raise feedback.max_documents in params.yaml"
        report.drop(RecordError(field, "", reason=reason, remedy=remedy))
    return short
