"""Addresses, numbers and keys are masked in texts; ordinary words and numbers stay."""

import pytest

from findtune.core.masking import mask


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to ann.b+c@mail.bakery.example now", "write to [e-mail] now"),
        ("call +44 20 7946 0958 today", "call [number] today"),
        ("call (030) 1234-5678.", "call [number]."),
        ("card 4111 1111 1111 1111", "card [number]"),
        ("sk-abcdefghij0123456789", "[key]"),
        ("AKIAIOSFODNN7EXAMPLE", "[key]"),
        ("ghp_abcdefghijklmnopqrstuvwxyz", "[key]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "[key]"),
        ("password: hunter2, please", "password: [key], please"),
        ("my password is hunter2", "my password is [key]"),
        ("Authorization: Bearer abcdef", "Authorization: Bearer [key]"),
        ("0123456789abcdef0123456789abcdef", "[key]"),
        ("aB3dE6gH9jK2mN5pQ8sT", "[key]"),
    ],
)
def test_what_identifies_people_or_opens_doors_is_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "population of Kenya 2001-2011, by county",
        "more than 1,000,000,000 people, or 12345678",
        "count_person_employed_in_agriculture_2019",
        "https://stats.kenya.example/census/2019/volume-1-of-17",
        "password reset tokens and secrets of bread",
        "ISO 3166-1 alpha-2, @handle",
    ],
)
def test_ordinary_texts_stay(text: str) -> None:
    assert mask(text) == text
