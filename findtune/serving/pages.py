"""The pages of training mode: ask, pick sources, answer the most useful questions, review and undo.

The pages use no scripts, so they work in every browser and no text of a source can run as one.
"""

import asyncio
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi import Path as PathParameter
from fastapi import Query as QueryParameter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from findtune.pages.environment import page_environment
from findtune.serving.bodies import SearchBody, is_blank
from findtune.serving.forms import (
    TOKEN,
    csrf_token,
    keep_session,
    new_session,
    read_form,
    session_of,
)
from findtune.serving.limits import MAX_QUERY_CHARS
from findtune.serving.recording import Recorder
from findtune.serving.refusals import RefusedError, invalid, not_served
from findtune.serving.service import ServiceOfApp
from findtune.traffic.reader import Traffic, read_traffic
from findtune.traffic.records import SearchRecord
from findtune.traffic.sessions import hash_session
from findtune.traffic.teaching import most_instructive

TEMPLATES = Path(__file__).parent / "templates"
RESULTS = 10  # sources that a search shows
QUEUE = 20  # unanswered questions on the page
ROWS = 50  # answered searches on one page
NEXT = 303  # See Other: after a form is sent, the browser loads a page that is safe to reload
ORDINALS = ("1st", "2nd", "3rd")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

ENVIRONMENT = page_environment(TEMPLATES)

router = APIRouter(include_in_schema=False)
Key = Annotated[str, PathParameter(max_length=32)]


def is_page(path: str) -> bool:
    """Return whether a path is a page that people open in a browser."""
    return path in ("/", "/ask", "/queue", "/collected", "/page.css") or path.startswith(
        "/searches/"
    )


def recorder_of(service: ServiceOfApp) -> Recorder:
    """Return the recorder of the service; raises RefusedError 404 if it records nothing."""
    if service.recorder is None:
        raise not_served("there are no pages; start the server with make serve RECORD=1.")
    return service.recorder


RecorderOfApp = Annotated[Recorder, Depends(recorder_of)]


def page(
    request: Request, recorder: Recorder, template: str, status: int = 200, **content: Any
) -> Response:
    """Return a page, and give its browser a session if it has none."""
    session = session_of(request) or new_session()
    text = ENVIRONMENT.get_template(template).render(
        path=request.url.path,
        token_name=TOKEN,
        token=csrf_token(recorder.salt, session),
        max_chars=MAX_QUERY_CHARS,
        **content,
    )
    response = HTMLResponse(text, status, HEADERS)
    keep_session(response, session, is_https=request.url.scheme == "https")
    return response


def answer_error(request: Request, recorder: Recorder, error: RefusedError) -> Response:
    """Return the error page for a refused request."""
    response = page(request, recorder, "error.html", error.status, message=error.message)
    response.headers.update(error.headers)
    return response


@router.get("/page.css")
async def css(recorder: RecorderOfApp) -> Response:
    """Return the style sheet of the pages."""
    text = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    return Response(text, media_type="text/css", headers={"X-Content-Type-Options": "nosniff"})


@router.get("/")
async def start(request: Request, recorder: RecorderOfApp) -> Response:
    """Show the form for a question."""
    return page(request, recorder, "ask.html")


@router.post("/ask")
async def ask(request: Request, service: ServiceOfApp, recorder: RecorderOfApp) -> Response:
    """Search for a question, and redirect to its sources."""
    session, fields = await read_form(request, recorder.salt)
    question = " ".join(fields.get("question", "").split())
    if is_blank(question) or len(question) > MAX_QUERY_CHARS:
        raise invalid(f"ask something in at most {MAX_QUERY_CHARS:,} characters.")
    body = SearchBody(query=question, max_num_results=RESULTS)
    answered = await service.search(body, session)
    if answered.id is None:
        raise RefusedError(503, "server_error", "the search could not be recorded; try again.")
    return RedirectResponse(f"/searches/{answered.id}", NEXT)


@router.get("/searches/{key}")
async def sources(request: Request, key: Key, recorder: RecorderOfApp) -> Response:
    """Show the rewrites, the sources and the picks of a search."""
    session = session_of(request)
    search = await own_search(recorder, key, session)
    picks = await recorder.answer(key)
    picked = dict(zip(picks or [], ORDINALS, strict=False))
    rows = [
        {"source": row, "link": safe_link(row.url), "pick": picked.get(row.url)}
        for row in search.sources
    ]
    next_pick = dict(enumerate(ORDINALS)).get(len(picks or []))
    return page(
        request,
        recorder,
        "sources.html",
        search=search,
        rows=rows,
        picks=picks,
        next_pick=next_pick,
    )


@router.post("/searches/{key}")
async def pick(request: Request, key: Key, recorder: RecorderOfApp) -> Response:
    """Pick a source, take a pick back, or answer that none is right; save the answer at once."""
    session, fields = await read_form(request, recorder.salt)
    search = await own_search(recorder, key, session)
    place = "answer"
    if "none" in fields:
        await recorder.keep_picks(key, [])
    elif "undo" in fields:
        await recorder.keep_picks(key, None)
    else:
        number = chosen_source(fields.get("pick", ""), search)
        await recorder.change_picks(search, search.sources[number].url)
        place = f"source-{number + 1}"
    return RedirectResponse(f"/searches/{key}#{place}", NEXT)


def chosen_source(text: str, search: SearchRecord) -> int:
    """Return the index of a source that a form names; raises RefusedError 400."""
    numbers = [f"{number}" for number in range(len(search.sources))]
    if text not in numbers:
        raise invalid("this form names a source that the search did not show.")
    return numbers.index(text)


async def own_search(recorder: Recorder, key: str, session: str | None) -> SearchRecord:
    """Return a search of this session; raises RefusedError 404, also if another session made it."""
    search = await recorder.find(key)
    if session is None or search.session != hash_session(recorder.salt, session):
        raise not_served("no recorded search has this id.")
    return search


def safe_link(url: str) -> str | None:
    """Return a URL if it is safe to link to (http or https with a host), else None."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.netloc else None


@router.get("/queue")
async def queue(request: Request, recorder: RecorderOfApp) -> Response:
    """Show the questions whose answers would teach most."""
    async with recorder.reading:
        waiting = await asyncio.to_thread(questions_to_answer, recorder.folder)
    return page(request, recorder, "queue.html", waiting=waiting)


def questions_to_answer(folder: Path) -> list[tuple[SearchRecord, float]]:
    """Return the searches that the queue shows, and how far the models disagree on each."""
    return most_instructive(read_traffic(folder), QUEUE)


@router.get("/collected")
async def collected(
    request: Request,
    recorder: RecorderOfApp,
    number: Annotated[int, QueryParameter(alias="page", ge=1, le=1_000_000)] = 1,
) -> Response:
    """Show the answered searches, the newest first."""
    async with recorder.reading:
        content = await asyncio.to_thread(answers_of_page, recorder.folder, number)
    return page(request, recorder, "collected.html", number=number, **content)


def answers_of_page(folder: Path, number: int) -> dict[str, Any]:
    """Return the content of one page of answered searches. number: the page, from 1."""
    traffic = read_traffic(folder)
    answered = [row for row in reversed(traffic.searches) if row.id in traffic.answers]
    first = (number - 1) * ROWS
    return {
        "rows": [answered_row(row, traffic) for row in answered[first : first + ROWS]],
        "searches": len(traffic.searches),
        "answers": len(answered),
        "skipped": traffic.skipped,
        "has_more": len(answered) > first + ROWS,
    }


def answered_row(search: SearchRecord, traffic: Traffic) -> dict[str, Any]:
    """Return an answered search with the titles of its picks, for the page."""
    shown = {source.url: source for source in search.sources}
    picks = traffic.answers[search.id].picks or []
    sources = [shown[url] for url in picks if url in shown]
    return {"search": search, "picks": [row.title or row.url for row in sources]}


@router.post("/collected")
async def undo(request: Request, recorder: RecorderOfApp) -> Response:
    """Take back an answer of any session."""
    _, fields = await read_form(request, recorder.salt)
    await recorder.keep_picks(fields.get("search", ""), None)
    return RedirectResponse("/collected#main", NEXT)
