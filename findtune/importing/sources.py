"""The programs whose exports can be imported, by the names that people type."""

from findtune.importing.clicks_csv import read_clicks_csv
from findtune.importing.feedback import Source
from findtune.importing.langfuse import read_langfuse
from findtune.importing.librechat import read_librechat
from findtune.importing.open_webui import read_open_webui
from findtune.importing.ubi import read_ubi

SOURCES: dict[str, Source] = {
    "ubi": read_ubi,
    "langfuse": read_langfuse,
    "open-webui": read_open_webui,
    "librechat": read_librechat,
    "csv": read_clicks_csv,
}
# What the export must hold, for the messages about one that does not.
CONTENTS = {
    "ubi": "rows of ubi_queries and ubi_events, as JSON",
    "langfuse": "scores, traces and observations, as JSON",
    "open-webui": "feedback, as JSON: Admin Panel, Evaluations, Feedbacks, Export",
    "librechat": "rated messages of the database or of a conversation, as JSON",
    "csv": "rows of searches below the header",
}
