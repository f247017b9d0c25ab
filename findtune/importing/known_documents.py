"""Titles and texts that the project already has, in its corpus and in earlier feedback."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from findtune.core.errors import InputError
from findtune.importing.documents import Library, ids_of, to_document
from findtune.ingest.addresses import normal_form
from findtune.ingest.feedback import FOLDER, record_files
from findtune.ingest.json_records import read_records
from findtune.ingest.kinds import CORPUS, RANKED_LISTS, SEARCHES


def learn_missing(library: Library, data: Path) -> None:
    """Give a library the titles and texts that it misses, from the files under a data folder.

    The corpus comes first. Unreadable files are skipped; ingest reports them.
    """
    wanted: dict[str, set[str]] = defaultdict(set)
    for missing in library.missing:
        wanted[normal_form(missing)].add(missing)
    for reader in (CORPUS, RANKED_LISTS, SEARCHES):
        for path in record_files(data / FOLDER, reader.stem):
            with suppress(InputError):
                for record in read_records(path, reader.wrapper, advance=lambda _: None):
                    for fields in documents_in(record.value):
                        add_wanted(fields, wanted, library)


def documents_in(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every object in a record: the record itself, and all objects nested in it."""
    waiting = [value]  # no recursion, since files may nest deeply
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def add_wanted(fields: Mapping[str, Any], wanted: Mapping[str, set[str]], library: Library) -> None:
    """Add a document to a library under the names that exports use for it.

    An export may spell a URL differently; its spelling is kept.
    """
    document = to_document(fields)
    for name in ids_of(fields, document):
        for asked in wanted.get(normal_form(name), ()):
            url = asked if name == document.url else document.url
            library.add(asked, document._replace(url=url))
