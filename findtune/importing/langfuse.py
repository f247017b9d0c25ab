"""Langfuse: scores, with the traces and observations that they are about.

Files hold rows of `scores`, `traces` and `observations` (also `observations_v2`) in any mix and
order, as JSON or JSON lines, with the field names of the blob storage export (trace_id) or of the
API and the web page (traceId). Sources: Langfuse documentation, pages "Blob Storage Export Field
Reference" and "Scores via API/SDK".

The question is the input of the trace, and the answer is its output. The sources are the outputs of
the trace's observations of type RETRIEVER: lists of documents. A person's score is a rating of the
answer; a score whose `string_value` is the URL of a source is a pick of that source. A pick is
stronger evidence than what an answer cites, so a trace whose picks make a list gives only this one.
"""

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from findtune.importing.documents import Document, Library, text_of
from findtune.importing.export_files import read_rows
from findtune.importing.feedback import Feedback
from findtune.importing.latest_rows import is_older, latest_rows
from findtune.importing.named_documents import NamedDocuments
from findtune.importing.pseudonyms import Pseudonyms, record_id
from findtune.importing.ratings import Rating
from findtune.importing.searches import Search, why_unused
from findtune.importing.tally import Row, Tally
from findtune.importing.times import moment, utc_time

CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")
BEFORE, BEHIND = r"(?<!\w)(?<!\w[-./:@=])", r"(?!\w|[-./?=&#%:~+@]\w)"  # ends of a URL
QUESTIONS = ("query", "question", "input", "prompt", "text", "content", "message")
ANSWERS = ("answer", "output", "response", "text", "content", "message", "completion")
DOCUMENT_LISTS = ("documents", "sources", "results", "matches", "chunks", "context")
GOOD = frozenset({"positive", "good", "up", "thumbs_up", "thumbsup", "like", "helpful", "correct"})
BAD = frozenset(
    {"negative", "bad", "down", "thumbs_down", "thumbsdown", "dislike", "not_helpful", "incorrect"}
)
JUDGES = "EVAL"  # the source of scores given by a model
SCORE_FIELDS = frozenset(
    {"id", "timestamp", "project_id", "environment", "trace_id", "observation_id", "session_id"}
    | {"dataset_run_id", "name", "value", "source", "comment", "data_type", "string_value"}
    | {"created_at", "updated_at", "author_user_id", "config_id", "queue_id", "metadata"}
    | {"evaluator_id", "evaluation_rule_id", "execution_trace_id", "trace", "user_id"}
)
# What scores or observations are one, and which fields say when they, or traces, changed.
IDS = ("id", "trace_id")
SCORE_TIMES = TRACE_TIMES = ("updated_at", "timestamp")
OBSERVATION_TIMES = ("updated_at", "end_time", "start_time")


@dataclass
class Export:
    """The rows of all files, by their trace. scales: names of scores with values above 1."""

    scores: list[Row] = field(default_factory=list)
    scales: frozenset[str] = frozenset()
    traces: dict[str, Row] = field(default_factory=dict)
    observations: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))


def read_langfuse(
    paths: Sequence[Path], people: Pseudonyms, library: Library, tally: Tally
) -> Feedback:
    """Return searches and ratings; raise InputError for a file that can't be read."""
    export = Export()
    for path in paths:
        for row in read_rows(path, tally):
            fields = {snake_case(name): value for name, value in row.fields.items()}
            sort_row(row._replace(fields=fields), export, tally)
    keep_latest(export)
    export.scales = scales_of(export.scores)
    feedback = Feedback(replaced=taken_back(export))
    picks: dict[str, list[Row]] = defaultdict(list)
    for score in export.scores:
        read_score(score, export, feedback, picks, people=people, library=library, tally=tally)
    searches = {
        trace_id: to_search(trace_id, rows, export, people, library)
        for trace_id, rows in picks.items()
    }
    feedback.searches += searches.values()
    forget_citations(
        feedback, {trace_id for trace_id, search in searches.items() if not why_unused(search)}
    )
    return feedback


def keep_latest(export: Export) -> None:
    """Drop the earlier rows of scores and observations that several exports hold.

    Rows of observations without input and output stay, since they may be about another part.
    """
    export.scores = latest_rows(export.scores, IDS, SCORE_TIMES)
    for trace_id, rows in export.observations.items():
        whole = [row for row in rows if row.fields.keys() & {"input", "output"}]
        parts = [row for row in rows if not row.fields.keys() & {"input", "output"}]
        export.observations[trace_id] = latest_rows(whole, IDS, OBSERVATION_TIMES) + parts


def taken_back(export: Export) -> set[str]:
    """Return the ids of the lists that scores gave if they were thumbs up in an earlier export."""
    scores = [score for score in export.scores if text_of(score.fields.get("id"))]
    return {
        rating_id(score)
        for score in scores
        if (value := thumb(score.fields)) is not None and not is_up(score, value, export.scales)
    }


def forget_citations(feedback: Feedback, listed: Set[str]) -> None:
    """Let the answers of some traces cite nothing, so that each trace gives one list.

    listed: the traces whose picks make a ranked list.
    """
    for index, rating in enumerate(feedback.ratings):
        if text_of(rating.row.fields["trace_id"]) in listed:
            feedback.ratings[index] = replace(rating, cited=())
            feedback.replaced.add(rating.id)


def snake_case(name: str) -> str:
    """Return traceId as trace_id."""
    return CAPITAL.sub(r"_\1", name).lower()


def sort_row(row: Row, export: Export, tally: Tally) -> None:
    """Add a row to the scores, observations or traces; count it if it is none of them."""
    fields = row.fields
    if "trace_id" in fields and ("string_value" in fields or "data_type" in fields):
        tally.rows["scores"] += 1
        tally.note_unknown(fields, SCORE_FIELDS)
        export.scores.append(row)
    elif "trace_id" in fields and "type" in fields:
        tally.rows["observations"] += 1
        export.observations[text_of(fields["trace_id"])].append(row)
    elif "id" in fields and ("input" in fields or "output" in fields):
        tally.rows["traces"] += 1
        trace_id = text_of(fields["id"])
        known = export.traces.get(trace_id)
        if known is None or not is_older(row, known, TRACE_TIMES):
            export.traces[trace_id] = row
        export.observations[trace_id] += inner_rows(row, "observations")
        for score in inner_rows(row, "scores"):
            tally.rows["scores"] += 1
            tally.note_unknown(score.fields, SCORE_FIELDS)
            export.scores.append(score)
    else:
        tally.skip_row("rows that are not a score, a trace or an observation", row)


def inner_rows(trace: Row, name: str) -> list[Row]:
    """Return the rows in a field of a trace, which the API returns with what belongs to it."""
    items = trace.fields.get(name)
    trace_id = text_of(trace.fields["id"])
    return [
        trace._replace(
            fields={snake_case(key): inner[key] for key in inner} | {"trace_id": trace_id}
        )
        for inner in (items if isinstance(items, list) else [])
        if isinstance(inner, Mapping)
    ]


def read_score(
    score: Row,
    export: Export,
    feedback: Feedback,
    picks: dict[str, list[Row]],
    *,
    people: Pseudonyms,
    library: Library,
    tally: Tally,
) -> None:
    """Add a score to the picks or the ratings; count the reason if it is neither."""
    fields = score.fields
    trace_id = text_of(fields["trace_id"])
    sources = retrieved(trace_id, export, library)
    value = thumb(fields)
    if fields.get("source") == JUDGES:
        tally.skip_row("scores that a model gave (source EVAL)", score)
    elif not question_of(trace_id, export):
        tally.skip_row("scores without a trace whose input is a question", score)
    elif picked_urls(score, sources, library):
        picks[trace_id].append(score)
    elif value is None:
        tally.skip_row("scores that are neither a number, a thumb nor a shown source", score)
    else:
        feedback.ratings.append(to_rating(score, value, export, people, sources))


def thumb(fields: Mapping[str, Any]) -> float | None:
    """Return a score as a number, higher is better; None for labels without an order."""
    label = text_of(fields.get("string_value")).lower().replace("-", "_").replace(" ", "_")
    if label in GOOD | BAD:
        return float(label in GOOD)
    value = fields.get("value")
    is_number = isinstance(value, (int, float))
    if fields.get("data_type") in ("CATEGORICAL", "TEXT") or not is_number:
        return None
    return float(value) if isinstance(value, (int, float)) else None


def to_rating(
    score: Row, value: float, export: Export, people: Pseudonyms, sources: NamedDocuments
) -> Rating:
    """Return a score as a rating of the trace's answer."""
    trace_id = text_of(score.fields["trace_id"])
    answer = answer_of(trace_id, export)
    cited = [
        url for url, names in sources.cited_as.items() if any(cites(answer, name) for name in names)
    ]
    return Rating(
        id=rating_id(score),
        query=question_of(trace_id, export),
        answer=answer,
        value=value,
        good=is_up(score, value, export.scales),
        time=utc_time(score.fields.get("timestamp") or score.fields.get("created_at")),
        session=session_of(trace_id, export, people),
        row=score,
        sources=sources.documents,
        cited=cited,
    )


def rating_id(score: Row) -> str:
    """Return the id of the rating that a score is, and of the list that it may give."""
    trace_id, score_id = (text_of(score.fields.get(name)) for name in ("trace_id", "id"))
    return record_id("langfuse", trace_id, score_id)


def is_up(score: Row, value: float, scales: Set[str]) -> bool:
    """Return whether a score, read as a number, is a thumb up."""
    return value > 0 and not is_scale(score.fields, value, scales)


def cites(answer: str, url: str) -> bool:
    """Return whether an answer names a URL that is not part of a longer one.

    A numeric id counts only in brackets, since answers contain other numbers, too.
    """
    if url.isdecimal():
        return f"[{url}]" in answer
    begins = BEFORE if url[:1].isalnum() else ""
    return re.search(f"{begins}{re.escape(url)}{BEHIND}", answer, re.ASCII) is not None


def scales_of(scores: Sequence[Row]) -> frozenset[str]:
    """Return the names of scores with values beyond 1, such as stars; their 1 is not a thumb up."""
    values = ((text_of(row.fields.get("name")), row.fields.get("value")) for row in scores)
    return frozenset(
        name for name, value in values if isinstance(value, (int, float)) and abs(value) > 1
    )


def is_scale(fields: Mapping[str, Any], value: float, scales: Set[str]) -> bool:
    """Return whether a score is on a scale, such as 1 to 5, and so not a thumb."""
    is_one = value not in (-1, 0, 1) or text_of(fields.get("name")) in scales
    return fields.get("data_type") == "NUMERIC" and is_one


def to_search(
    trace_id: str, rows: Sequence[Row], export: Export, people: Pseudonyms, library: Library
) -> Search:
    """Return a trace whose sources were picked as a search, the earliest pick first."""
    ranked = sorted(rows, key=lambda row: moment(row.fields.get("timestamp")))
    shown = retrieved(trace_id, export, library)
    picks = [(row, picked_urls(row, shown, library)) for row in ranked]
    return Search(
        id=record_id("langfuse", trace_id),
        query=question_of(trace_id, export),
        time=utc_time(ranked[0].fields.get("timestamp")),
        session=session_of(trace_id, export, people),
        shown=shown.documents,
        picks=[*dict.fromkeys(url for _, urls in picks for url in urls)],
        row=rows[0],
        picked_by={rating_id(row): urls for row, urls in picks if text_of(row.fields.get("id"))},
    )


def picked_urls(score: Row, shown: NamedDocuments, library: Library) -> list[str]:
    """Return the URLs of the sources that a score names, if it names any."""
    name = text_of(score.fields.get("string_value"))
    return shown.find(library.complete(Document(name)).url) or shown.find(name)


def question_of(trace_id: str, export: Export) -> str:
    """Return the question of a trace: its input, or that of a root observation."""
    return payload_of(trace_id, export, "input", QUESTIONS)


def answer_of(trace_id: str, export: Export) -> str:
    """Return the answer of a trace: its output, or that of a root observation."""
    return payload_of(trace_id, export, "output", ANSWERS)


def payload_of(trace_id: str, export: Export, name: str, keys: Sequence[str]) -> str:
    """Return the text in a field of the trace, or of its first root observation with text."""
    trace = export.traces.get(trace_id)
    if trace and (text := payload_text(trace.fields.get(name), keys)):
        return text
    roots = (
        row.fields
        for row in export.observations.get(trace_id, [])
        if not row.fields.get("parent_observation_id") and row.fields.get("type") != "RETRIEVER"
    )
    return next(filter(None, (payload_text(root.get(name), keys) for root in roots)), "")


def payload_text(value: Any, keys: Sequence[str]) -> str:
    """Return the text of a payload: plain text, JSON in a text, an object, or messages."""
    value = parsed(value)
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, Mapping) and isinstance(value.get("messages"), list):
        value = value["messages"]
    if isinstance(value, list):
        messages = [item for item in value if isinstance(item, Mapping)]
        users = [item for item in messages if item.get("role") in ("user", "assistant")]
        value = next(reversed(users or messages), None)
    if isinstance(value, Mapping):
        texts = (payload_text(value[key], keys) for key in keys if key in value)
        return next(filter(None, texts), "")
    return ""


def parsed(value: Any) -> Any:
    """Return a payload, decoded if it is JSON in a text."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):  # a question may be full of brackets
            return value
    return value


def retrieved(trace_id: str, export: Export, library: Library) -> NamedDocuments:
    """Return the documents that the retrievers of a trace returned, in order, each once."""
    outputs = (
        parsed(row.fields.get("output"))
        for row in export.observations.get(trace_id, [])
        if row.fields.get("type") == "RETRIEVER"
    )
    items = (item for output in outputs for item in document_list(output))
    return NamedDocuments(items, library)


def document_list(output: Any) -> list[Any]:
    """Return the list of documents in a retriever's output."""
    if isinstance(output, Mapping):
        output = next((output[key] for key in DOCUMENT_LISTS if key in output), None)
    return output if isinstance(output, list) else []


def session_of(trace_id: str, export: Export, people: Pseudonyms) -> str:
    """Return the pseudonym of a trace's session, or of its user if no session is logged."""
    rows = [export.traces.get(trace_id), *export.observations.get(trace_id, [])]
    for name in ("session_id", "user_id"):
        ids = (text_of(row.fields.get(name)) for row in rows if row)
        if value := next(filter(None, ids), ""):
            return people.name(name, value)
    return ""
