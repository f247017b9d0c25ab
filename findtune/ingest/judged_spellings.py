"""Matches judged questions and addresses to the spellings that the feedback has of them.

Judgments often come from another export, in which a question has lost its capitals or its question
mark, an address has gained a slash, or a document is named by its id instead of its address. Both
sides are compared in a normal form.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from findtune.core.errors import InputError
from findtune.core.processes import number_of_processes, ordered_map, runs_on_ray
from findtune.ingest.addresses import normal_form
from findtune.ingest.documents import other_ids, url_as_written
from findtune.ingest.feedback import FOLDER, record_files
from findtune.ingest.fields import typed_line
from findtune.ingest.json_records import read_records
from findtune.ingest.record_ids import with_field_names
from findtune.ingest.search_forms import listed_documents, named_searches, search_documents
from findtune.ingest.searches import MAPPING
from findtune.ingest.wordings import query_key

# The files that show documents: how their names begin, and the key of their records.
SHOWN = {
    "reranker_training_data": "reranker_data",
    "query_rewriting_training_data": "query_rewriting_data",
    "corpus": "corpus",
}


@dataclass
class Spellings:
    """The spellings of judged questions and addresses in the feedback, by their normal form.

    by_id: for each judged id, the addresses of the documents that have it as another id, by their
    normal form. read: whether there is any feedback to compare with.
    """

    queries: dict[str, dict[str, None]] = field(default_factory=dict)
    addresses: dict[str, dict[str, None]] = field(default_factory=dict)
    by_id: dict[str, dict[str, str]] = field(default_factory=dict)
    read: bool = False

    def expect(self, query: str, addresses: Iterable[str]) -> None:
        """Add a judged question and the addresses that were judged for it."""
        self.queries.setdefault(query_key(query), {})
        for address in addresses:
            self.addresses.setdefault(normal_form(address), {})
            if "://" not in address:
                self.by_id.setdefault(normal_form(address), {})

    def spell_query(self, query: str) -> list[str]:
        """Return how the feedback spells a question; the question itself if it is not there."""
        return [*self.queries[query_key(query)]] or [query]

    def spell_address(self, address: str) -> str:
        """Return how the feedback spells an address first, or the address as it was judged."""
        key = normal_form(address)
        spellings = self.addresses[key] or self.shown_by_id(key)
        return address if address in spellings else next(iter(spellings), address)

    def was_shown(self, address: str) -> bool:
        """Return whether the feedback has an address that was judged."""
        key = normal_form(address)
        return bool(self.addresses[key] or self.shown_by_id(key))

    def shown_by_id(self, key: str) -> list[str]:
        """Return the address of the only document that has an id, or nothing."""
        addresses = [*self.by_id.get(key, {}).values()]
        return addresses if len(addresses) == 1 else []

    def read_feedback(self, data: Path) -> None:
        """Collect the spellings in the feedback; each process reads some of its files."""
        files = [
            (path, wrapper)
            for stem, wrapper in SHOWN.items()
            for path in record_files(data / FOLDER, stem)
        ]
        self.read = self.read or bool(files)
        for met in ordered_map(self.look_into, files, processes_for([path for path, _ in files])):
            for known, new in ((self.queries, met.queries), (self.addresses, met.addresses)):
                for key, spellings in new.items():
                    known[key].update(spellings)
            for key, addresses in met.by_id.items():
                self.by_id[key] = addresses | self.by_id[key]  # the first spelling stays

    def look_into(self, file: tuple[Path, str]) -> "Spellings":
        """Return the spellings in a file of what is expected, up to where it can't be read.

        file: its path, and the key of its records.
        """
        met = Spellings()
        with suppress(InputError):  # the kind itself reports it
            for record in read_records(*file, advance=int):
                if isinstance(record.value, dict):
                    with suppress(RecursionError):  # nested too deep
                        self.look_at(record.value, met)
        return met

    def look_at(self, record: Mapping[str, Any], met: "Spellings") -> None:
        """Add the question and the addresses of a record, where they are expected, to those met."""
        record = with_field_names(record)
        query = record.get("query") or record.get("original_query")
        if isinstance(query, str):
            typed = typed_line(query)
            if (key := query_key(typed)) in self.queries:
                met.queries.setdefault(key, {})[typed] = None
        for item in shown_items(record):
            if not (address := url_as_written(item)):
                continue
            if (key := normal_form(address)) in self.addresses:
                met.addresses.setdefault(key, {})[address] = None
            if self.by_id and isinstance(item, dict):
                for key in {*map(normal_form, other_ids(item, address))} & self.by_id.keys():
                    met.by_id.setdefault(key, {}).setdefault(normal_form(address), address)


def processes_for(paths: Sequence[Path]) -> int:
    """Return how many processes should read some files; on Ray one, as others may lack them."""
    if runs_on_ray():
        return 1
    size = sum(path.stat().st_size for path in paths if path.exists())
    return min(number_of_processes(size), max(1, len(paths)))


def shown_items(record: Mapping[str, Any]) -> Iterator[object]:
    """Yield the documents in a record as written, and the record: it may be a document."""
    lists = [listed_documents(record.get("all_sources")), [record]]
    for _, entry in named_searches(record.get(MAPPING)) or ():
        lists.append(search_documents(entry) if isinstance(entry, dict) else entry)
    for items in lists:
        yield from items if isinstance(items, list) else ()
