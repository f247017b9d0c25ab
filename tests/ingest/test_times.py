"""A time is read in each form that logs and databases have, and nothing else is one."""

from typing import Any

import pytest

from findtune.ingest.times import read_time

TIME = "2025-01-31T12:00:00Z"


@pytest.mark.parametrize(
    "value",
    [
        1738324800,
        "1738324800000",
        "Fri, 31 Jan 2025 12:00:00 GMT",
        "Fri, 31 Jan 2025 12:00:00 +0000",
        "/Date(1738324800000)/",
        {"$date": TIME},
        {"$date": {"$numberLong": "1738324800000"}},
        {"_seconds": 1738324800, "_nanoseconds": 0},
        {"seconds": "1738324800"},
    ],
)
def test_a_time_is_read_in_the_form_of_each_database(value: object) -> None:
    assert read_time(value) == TIME


@pytest.mark.parametrize("value", ["1712120151230", {"$numberLong": "1712120151230"}])
def test_thousandths_of_seconds_are_no_time_of_1712(value: object) -> None:
    # fromisoformat takes these digits for 1 December 1712, 12:30, with a 5 between both.
    assert read_time(value) == "2024-04-03T04:55:51.230000Z"


@pytest.mark.parametrize("date", ["190001010000", "199912312359", "202611281000", "209912312359"])
@pytest.mark.parametrize("end", ["", ".0", "000", "123", "000000", "123456"])
def test_digits_that_are_a_date_and_its_time_are_no_time_of_1976(date: str, end: str) -> None:
    number = float(date + end) if "." in end else int(date + end)
    for value in (date + end, number, {"$date": number}):
        assert read_time(value) == ""


@pytest.mark.parametrize(
    "digits", ["20261128100", "2026112810000000000000", "171212015123045678901"]
)
def test_digits_alone_are_no_date_and_hour(digits: str) -> None:
    # fromisoformat takes the ninth digit for a mark between the date and the hour.
    assert read_time(digits) == ""


def test_a_date_of_digits_and_numbers_of_other_years_stay_times() -> None:
    assert read_time("20261128") == "20261128"
    assert read_time(189302400) == "1976-01-01T00:00:00Z"
    assert read_time("202611281") == "1976-06-03T00:54:41Z"
    assert read_time("946684800000") == "2000-01-01T00:00:00Z"
    assert read_time("2026112810") == "2034-03-16T09:06:50Z"
    assert read_time("1793530860000") == "2026-11-01T11:01:00Z"


def test_a_named_zone_becomes_z_and_iso_8601_stays() -> None:
    assert read_time("2025-01-31 12:00:00 UTC") == "2025-01-31 12:00:00Z"
    assert read_time(" 2025-01-31 12:00:00+00 ") == "2025-01-31 12:00:00+00"


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, "", "soon", "31.01.2025", 45688.5, {}, [], {"$date": None}),
        *("Fri, 31 Feb 2025 12:00:00 GMT", "GMT", {"seconds": {"seconds": {}}}, "/Date(1)/"),
        *("20261128103000", 20261128103000),  # no thousandths of seconds of the year 2612
        *(
            {"$date": 10**400},
            {"seconds": -(10**400)},
            "Mon, 1 Jan 2024 111111111111111111111:00 GMT",
        ),
    ],
)
def test_anything_else_is_no_time(value: object) -> None:
    assert read_time(value) == ""


@pytest.mark.parametrize(
    "time", ["0000-00-00 00:00:00", "2025-02-30 10:00", "2025-01-31 25:61:00", "31/02/2025 10:00"]
)
def test_the_report_shows_a_malformed_time_as_it_is_written(project: Any, time: str) -> None:
    _, outcome = project.clean_one("ranked_lists", timestamp=time)
    assert outcome.changes == [("kept", "timestamp", time)]
