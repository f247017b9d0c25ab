"""Documents of a ranked list as texts that a model reads."""

from findtune.core.records import Record


def document_text(document: Record) -> str:
    """Return the title and the snippet as one text."""
    title, snippet = document["title"].rstrip(" ."), document["snippet"]
    return f"{title}. {snippet}" if title and snippet else title or snippet
