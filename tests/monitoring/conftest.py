"""Questions by one source, and what a pipeline served of them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random
from typing import Any

import pytest

from findtune.monitoring.questions import KnownQuestions
from findtune.traffic.reader import Traffic
from findtune.traffic.records import PickRecord, SearchRecord

MONDAY = datetime(2026, 10, 5, 8, tzinfo=UTC)
SUBJECTS = ("bread", "rents", "schools", "farms", "trains", "births", "taxes", "fish", "steel")
PLACES = ("kenya", "peru", "japan", "france", "ghana", "norway", "chile", "india", "spain")
FORMS = ("how many {} in {}", "price of {} near {}", "{} by region of {}", "{} and women, {}")
OTHERS = ("renew my passport online {}", "visa form {} please", "lost driving licence {} office")

Ask = Callable[[int, int], list[str]]


@pytest.fixture(scope="session")
def ask() -> Ask:
    """Return the function that draws distinct questions of one source: number, seed -> texts."""
    texts = [form.format(*words) for form, *words in product(FORMS, SUBJECTS, PLACES)]
    return lambda number, seed: Random(seed).sample(texts, number)


@pytest.fixture(scope="session")
def other_questions() -> list[str]:
    """Return questions about something else."""
    return [form.format(place) for form, place in product(OTHERS, PLACES)]


@pytest.fixture
def known(ask: Ask) -> KnownQuestions:
    """Return questions of training, and held-out ones of the same source."""
    questions = ask(200, 1)
    return KnownQuestions(questions[:140], questions[140:])


@pytest.fixture(scope="session")
def serve() -> Callable[..., Traffic]:
    """Return the function that serves questions, one list of them a week, and picks of them.

    picked: the rank that users pick in each week; 0 for none, None for no answer.
    """

    def traffic(
        weeks: Sequence[Sequence[str]], picked: Sequence[int | None], **fields: Any
    ) -> Traffic:
        searches, answers = [], {}
        for week, questions in enumerate(weeks):
            for number, question in enumerate(questions):
                key, time = f"{week}-{number}", MONDAY + timedelta(weeks=week, minutes=number)
                sources = [{"url": f"u{rank}", "rank": rank, "score": 0.5} for rank in range(1, 11)]
                values = {"id": key, "time": time, "version": "v1", "question": question}
                values |= {"milliseconds": 100.0 + number, "sources": sources, **fields}
                searches.append(SearchRecord.model_validate(values))
                rank = picked[week]
                if rank is not None:
                    picks = [f"u{rank}"] if rank else []
                    answers[key] = PickRecord(search=key, time=time, picks=picks)
        return Traffic(searches, answers, 0)

    return traffic
