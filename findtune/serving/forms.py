"""What a page sends: its fields, who sends it, and proof that our own page did.

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
    """Return the random name of the browser that asks; None before it has one."""
    session = request.cookies.get(COOKIE, "")
    return session if SESSION.fullmatch(session) else None


def new_session() -> str:
    """Return a name for a browser, which nobody can guess."""
    return token_hex(16)


def keep_session(response: Response, session: str, *, is_https: bool) -> None:
    """Have the browser keep its name, which no script can read, and no form of another site send.

    A link of another site does send the name ("lax"). Else its page would give the browser a new
    name, and nobody could see again what was asked under the old one.
    """
    response.set_cookie(
        COOKIE, session, COOKIE_SECONDS, httponly=True, samesite="lax", secure=is_https
    )


def csrf_token(salt: bytes, session: str) -> str:
    """Return what the forms of a session carry, and what no other site can know."""
    return sign(salt, f"form {session}")


async def read_form(request: Request, salt: bytes) -> tuple[str, dict[str, str]]:
    """Return the session and the fields of a form.

    Raises RefusedError: 400 and 413 for what is no form of ours, 403 for what our own page did not
    send.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise RefusedError(415, "invalid_request_error", f"send a form, as {FORM}.")
    body = await request.body()
    if len(body) > MAX_FORM_BYTES:
        message = f"a form has at most {MAX_FORM_BYTES:,} bytes."
        raise RefusedError(413, "invalid_request_error", message)
    fields = parse_fields(body)
    session = session_of(request)
    if session is None or not is_ours(request, fields.get(TOKEN, ""), csrf_token(salt, session)):
        message = "this form is not from this page, or the browser takes no cookies; load it again."
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
    """Return whether a form is from a page of ours, and for the session that sends it."""
    is_same_site = request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    return is_same_site and hmac.compare_digest(token.encode(), expected.encode())
