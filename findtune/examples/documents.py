"""Documents of a ranked list as texts that a model reads."""

from findtune.core.records import Record


def document_text(document: Record) -> str:
    """Return the title and the snippet as one text."""
    return ". ".join(filter(None, (document["title"].rstrip(" ."), document["snippet"])))
