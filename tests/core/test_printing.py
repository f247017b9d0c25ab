"""Texts of data and file names neither steer a terminal nor compute in a spreadsheet."""

import pytest

from findtune.core.printing import printable, without_formula


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2Jtea", "\\x1b[2Jtea"),
        ("\x9b31m", "\\x9b31m"),
        ("a\rb\x07", "a\\rb\\x07"),
        ("abc\u202egpj.exe", "abc\\u202egpj.exe"),
        ("lone \udc80", "lone \\udc80"),
        ("té, 茶 and\nlines\t", "té, 茶 and\nlines\t"),
    ],
)
def test_what_steers_a_terminal_is_spelled_out(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(text).encode() == shown.encode()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_formula_becomes_a_text(start: str) -> None:
    assert without_formula(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"
    assert without_formula(f"a{start}") == f"a{start}"


@pytest.mark.parametrize("number", ["-0.1", "+5", "-1,5", "7"])
def test_a_number_stays_a_number(number: str) -> None:
    assert without_formula(number) == number
    assert without_formula(f"{number}+1") != number
