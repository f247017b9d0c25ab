"""What users chose, one function a kind of record: the fields it must have, and its clean form.

One record is one choice of one user and stays one; users who agree at two times are two. Beside
the clean record stands its identity: a record that has it as well was delivered twice.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from findtune.sources import (
    Sheet,
    Source,
    WrongError,
    add,
    known,
    legible,
    links,
    source,
    sources,
    within,
    wrong,
)
from findtune.splits import fold, near

UNDRAWN = " \u200b\u200c\u200d\u2060\ufeff"  # characters of which nobody sees anything
MAPPING = "query_source_mapping"
ANSWERS = ("response1", "response2")
# Texts of a log seldom come back: to remember them all, as `near` does, would fill the memory.
NEAR = near.__wrapped__

Json = Mapping[str, Any]
Clean = dict[str, Any]
Found = tuple[Clean, object]


def ranked_list(record: Json, sheet: Sheet) -> Found:
    """Return a question with the sources shown, the picked ones and the refused ones."""
    query = question(record.get("query"), "query", sheet)
    shown = sources(record.get("all_sources"), "all_sources", sheet)
    if not shown:
        reason, remedy = "no source was shown, or none that is left", "leave out such records"
        raise WrongError("all_sources", "", reason, remedy)
    picks = links(record.get("positive_sources"), "positive_sources", sheet)
    refused = links(optional(record, "negative_sources"), "negative_sources", sheet)
    for url in contradictions(picks, refused, sheet):
        shown.pop(url, None)
    picks = known(picks, shown.keys(), "positive_sources", sheet)
    refused = known(refused, shown.keys(), "negative_sources", sheet)
    refuse_without_choice(shown, picks)
    shown = within(shown, set(picks), "all_sources", sheet)
    refused = [url for url in refused if url in shown]
    tell_of_near_same(shown, picks, refused, sheet)
    sheet.count(shown.values(), picks=len(picks), refused=len(refused))
    clean = {"query": query, "sources": [*shown.values()], "picks": picks, "refused": refused}
    made = origin(record, sheet)
    return {**clean, **made}, [query, [*shown], picks, made["timestamp"]]


def contradictions(picks: list[str], refused: list[str], sheet: Sheet) -> set[str]:
    """Take the URLs that are both picked and refused out of both lists; return and tell them."""
    both = set(picks) & set(refused)
    for url in [url for url in picks if url in both]:
        reason = "a URL both picked and refused, so its source is set aside"
        sheet.tell("dropped", "positive_sources", url, reason, "name it in one of the two lists")
    picks[:] = [url for url in picks if url not in both]
    refused[:] = [url for url in refused if url not in both]
    return both


def refuse_without_choice(shown: Json, picks: list[str]) -> None:
    """Raise WrongError for a list that tells no source from another."""
    refuse_without_picks(picks, "positive_sources")
    if set(shown) <= set(picks):
        reason = "every source that was shown was picked, so there is nothing to rank against"
        raise WrongError("all_sources", "", reason, "log the sources that were not picked too")


def refuse_without_picks(picks: list[str], field: str) -> None:
    """Raise WrongError for a record in which nothing was chosen."""
    if not picks:
        reason = "no source was picked, or none that is left"
        raise WrongError(field, "", reason, "leave out records without a choice")


def tell_of_near_same(
    shown: Mapping[str, Source], picks: Iterable[str], refused: Iterable[str], sheet: Sheet
) -> None:
    """Note each refused source that says what a picked one says."""
    picked = {gist(shown[url]) for url in picks} - {""}
    for url in refused:
        if gist(shown[url]) in picked:
            reason = "a refused source that says what a picked one says"
            remedy = "refuse it only if it is worse all the same"
            sheet.tell("kept", "negative_sources", url, reason, remedy)


def gist(source: Source) -> str:
    """Return a key that sources share which say nearly the same."""
    return NEAR(f"{source['title']} {source['snippet']}")


def rewriting(record: Json, sheet: Sheet) -> Found:
    """Return a question with its searches, its own first, and the sources picked from them all."""
    query = question(record.get("original_query"), "original_query", sheet)
    asked_for = searches(record.get(MAPPING), sheet)
    brought = {url for _, found in asked_for.values() for url in found}
    if not brought:
        reason, remedy = "no search brought a source", "leave out questions without an answer"
        raise WrongError(MAPPING, "", reason, remedy)
    selected = links(record.get("selected_sources"), "selected_sources", sheet)
    selected = known(selected, brought, "selected_sources", sheet)
    refuse_without_picks(selected, "selected_sources")
    own_first = sorted(asked_for, key=lambda it: it != folded(query))
    its = [asked_for[key] for key in own_first]
    done = [(asked, within(found, set(selected), MAPPING, sheet)) for asked, found in its]
    every = [source for _, found in done for source in found.values()]
    sheet.count(every, picks=len(selected), searches=len(done))
    searched = [{"query": asked, "sources": [*found.values()]} for asked, found in done]
    clean = {"query": query, "selected": selected, "searches": searched}
    made = origin(record, sheet)
    identity = [query, [[asked, [*found]] for asked, found in done], selected, made["timestamp"]]
    return {**clean, **made}, identity


def searches(mapping: object, sheet: Sheet) -> dict[str, tuple[str, dict[str, Source]]]:
    """Return each search by its folded query, with the query and the sources that it brought."""
    if not isinstance(mapping, dict):
        raise wrong(MAPPING, mapping, "an object", 'write {"a query": {"sources": [...]}}')
    made: dict[str, tuple[str, dict[str, Source]]] = {}
    for place, (name, entry) in enumerate(mapping.items()):
        field = f"{MAPPING}[{place}]"
        try:
            asked, found = search(name, entry, field, sheet)
        except WrongError as error:
            sheet.tell("dropped", *error.args)
            continue
        _, first = made.setdefault(folded(asked), (asked, found))
        if first is not found:
            sheet.tell("kept", field, asked, "a search made twice", "its sources are joined")
            for source in found.values():
                add(source, first, sheet)
    return made


def search(name: str, entry: object, field: str, sheet: Sheet) -> tuple[str, dict[str, Source]]:
    """Return the query of a search and what it brought; without a query its name is one."""
    if not isinstance(entry, dict):
        raise wrong(field, entry, "a search", 'write {"query": ..., "sources": [...]}')
    asked = question(entry.get("query") or name, f"{field}.query", sheet)
    return asked, sources(optional(entry, "sources"), f"{field}.sources", sheet)


def folded(query: str) -> str:
    """Return what two writings of one query share; one without a letter stands for itself."""
    return fold(query) or query


def document(record: Json, sheet: Sheet) -> Found:
    """Return a source that can be searched, whoever was shown it; its `text` is its snippet."""
    found = source({**record, "snippet": record.get("snippet") or record.get("text")}, "", sheet)
    sheet.count([found])
    return {**found, "record": sheet.place}, found["url"]


def preference(record: Json, sheet: Sheet) -> Found:
    """Return a question with two answers and the one that was chosen."""
    query = question(record.get("query"), "query", sheet)
    given = {field: answer(record.get(field), field) for field in ANSWERS}
    if len(set(given.values())) == 1:
        reason, remedy = "both answers are the same", "leave out records without a choice"
        raise WrongError("response2", record["response2"], reason, remedy)
    chosen = selected_answer(record)
    shown = sources(optional(record, "sources"), "sources", sheet)
    shown = within(shown, set(), "sources", sheet)
    sheet.count(shown.values())
    name = record.get("id")
    clean = {
        "id": legible(str(name)) if isinstance(name, (str, int)) else "",
        "query": query,
        **given,
        "selected_response": chosen,
        "sources": [*shown.values()],
    }
    made = origin(record, sheet)
    identity = [query, *given.values(), chosen, clean["id"], made["timestamp"]]
    return {**clean, **made}, identity


def answer(value: object, field: str) -> str:
    """Return an answer with its lines; raise WrongError if there is none."""
    if not isinstance(value, str):
        raise wrong(field, value, "an answer", "write it as a string")
    text = "\n".join(map(legible, value.split("\n"))).strip()
    if not text:
        raise WrongError(field, value, "an empty answer", "leave out records without a choice")
    return text


def selected_answer(record: Json) -> str:
    """Return which answer was chosen, be it told by its field, its number or its text."""
    told = record.get("selected_response")
    for number, field in enumerate(ANSWERS, start=1):
        if str(told) in (field, str(number)) or told == record[field]:
            return field
    reason = "neither of the two answers"
    raise WrongError("selected_response", told, reason, f"write {' or '.join(ANSWERS)}")


def question(value: object, field: str, sheet: Sheet) -> str:
    """Return a question in one line; raise WrongError if it is none."""
    if not isinstance(value, str):
        raise wrong(field, value, "a question", "write it as a string")
    text, longest = legible(value), sheet.limits.longest_text
    if not text.strip(UNDRAWN):
        raise WrongError(field, value, "an empty question", "write one, or leave it out")
    if len(text) > longest:
        reason = f"a question of {len(text):,} characters, at most {longest:,} are read"
        raise WrongError(field, value, reason, "shorten it, or raise feedback.longest_text")
    return text


def optional(record: Json, field: str) -> object:
    """Return the list in a field that may be missing."""
    found = record.get(field)
    return [] if found is None else found


def origin(record: Json, sheet: Sheet) -> Clean:
    """Return where a record is from: its file and number, and when it was made."""
    return {"record": sheet.place, "timestamp": timestamp(record.get("timestamp"), sheet)}


def timestamp(value: object, sheet: Sheet) -> str:
    """Return a time of ISO 8601; nothing depends on it, so a missing or odd one is left empty."""
    if value is None:
        sheet.counts["records without timestamp"] += 1
        return ""
    if isinstance(value, str) and is_time(value.strip()):
        return value.strip()
    remedy = "write it like 2025-01-31T12:00:00Z; it is left empty, since nothing depends on it"
    sheet.tell("kept", "timestamp", value, "no time of ISO 8601", remedy)
    return ""


def is_time(text: str) -> bool:
    """Return whether a text is a date, perhaps with a time, in ISO 8601."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return text.isascii() and text.isprintable()
