"""Forms of the pages: their fields, their session, and proof that our own page sent them.

Source: the OWASP cheat sheet on cross-site request forgery (a token bound to the session by HMAC).
"""

import hmac
import re
from secrets import token_hex
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.responses import Response

from findtune.serving.limits import MAX_FORM_BYTES
from findtune.serving.refusals import RefusedError, invalid
from findtune.traffic.sessions import sign

COOKIE = "findtune_session"
COOKIE_SECONDS = 365 * 24 * 3600
SESSION = re.compile(r"[0-9a-f]{32}")
FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 20
TOKEN = "token"  # the field of a form


def session_of(request: Request) -> str | None:
    """Return the random name of the browser, from its cookie; None before it has one."""
    session = request.cookies.get(COOKIE, "")
    return session if SESSION.fullmatch(session) else None


def new_session() -> str:
    """Return a random name for a browser that nobody can guess."""
    return token_hex(16)


def keep_session(response: Response, session: str, *, is_https: bool) -> None:
    """Store the session in a cookie that scripts cannot read and other sites' forms do not send.

    Links from other sites do send it ("lax"). Otherwise a visit through such a link would start a
    new session, and the searches of the old one could not be opened again.
    """
    response.set_cookie(
        COOKIE, session, COOKIE_SECONDS, httponly=True, samesite="lax", secure=is_https
    )


def csrf_token(salt: bytes, session: str) -> str:
    """Return the token in the forms of a session, which no other site can know."""
    return sign(salt, f"form {session}")


async def read_form(request: Request, salt: bytes) -> tuple[str, dict[str, str]]:
    """Return the session and the fields of a form.

    Raises RefusedError: 415 for another content type, 413 for a body that is too large, 400 for an
    unreadable one, and 403 for a form that our own page did not send.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise RefusedError(415, "invalid_request_error", f"send a form as {FORM}.")
    body = await request.body()
    if len(body) > MAX_FORM_BYTES:
        message = f"the form has more than {MAX_FORM_BYTES:,} bytes."
        raise RefusedError(413, "invalid_request_error", message)
    fields = parse_fields(body)
    session = session_of(request)
    if session is None or not is_ours(request, fields.get(TOKEN, ""), csrf_token(salt, session)):
        message = "this form is not from this page, or cookies are blocked; reload the page."
        raise RefusedError(403, "permission_error", message)
    return session, fields


def parse_fields(body: bytes) -> dict[str, str]:
    """Return the fields of a form; raises RefusedError 400."""
    try:
        text = body.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise invalid("the form cannot be read.") from None
    return dict(pairs)


def is_ours(request: Request, token: str, expected: str) -> bool:
    """Return whether our own page sent a form, for the session that it is sent with."""
    is_same_site = request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    return is_same_site and hmac.compare_digest(token.encode(), expected.encode())
