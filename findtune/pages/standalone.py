"""Self-contained pages: style and script are inline, and nothing else runs or loads."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

from markupsafe import Markup

from findtune.pages.environment import page_environment

TEMPLATES = Path(__file__).parent / "templates"


def render_standalone(template: Path, **content: Any) -> str:
    """Return the page of a template that extends standalone.html; content: its variables."""
    script = (TEMPLATES / "standalone.js").read_text(encoding="utf-8")
    css = (TEMPLATES / "standalone.css").read_text(encoding="utf-8")
    page = page_environment(template.parent, TEMPLATES).get_template(template.name)
    text = page.render(
        **content,
        css=Markup(css),
        script=Markup(script),
        script_hash=Markup(source_hash(script)),
    )
    return f"{text.strip()}\n"


def source_hash(script: str) -> str:
    """Return the hash by which a Content-Security-Policy allows a script (W3C CSP level 3)."""
    return f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}"
