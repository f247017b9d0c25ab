"""Three searches, of which two are answered."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from findtune.traffic.log import append_pick, append_search
from findtune.traffic.records import PickRecord, SearchRecord, ShownSource


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """Return a folder with three searches, of which two are answered."""
    folder = tmp_path / "served"
    for number, (question, session) in enumerate(
        (("Bread?", "s1"), ("Rice?", "s2"), ("Tea?", "s1"))
    ):
        append_search(folder, search_of(number, question, session))
    time = datetime(2026, 11, 28, tzinfo=UTC)
    append_pick(folder, partial(PickRecord, search=f"{0:032x}", time=time, picks=["v", "u"]))
    append_pick(folder, partial(PickRecord, search=f"{1:032x}", time=time, picks=[]))
    return folder


def search_of(number: int, question: str, session: str) -> SearchRecord:
    sources = [
        ShownSource(url="u", title="U", rank=1, score=0.9, found_by=[question], retrieved_rank=2),
        ShownSource(url="v", title="V", rank=2, found_by=["other"], retrieved_rank=1),
        ShownSource(url="w", title="W", rank=3, found_by=["other"], retrieved_rank=3),
    ]
    return SearchRecord(
        id=f"{number:032x}",
        time=datetime(2026, 11, 9 + 7 * number, 12, tzinfo=UTC),
        version="0123456789ab",
        question=question,
        queries=[question, "other"],
        milliseconds=8.0,
        sources=sources,
        session=session,
    )
