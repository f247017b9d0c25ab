"""A search is read as it was typed, and a plus or a percent sign that was typed stays."""

import pytest

from findtune.ingest.percent_encoding import decode_search

ENCODED = {
    "how%20many+trams+in+oslo": "how many trams in oslo",
    "how+many+trams": "how many trams",
    "caf%C3%A9": "café",
    "caf%E9s+in+m%FCnchen": "cafés in münchen",
    "caf%E9": "café",
    "top10%20caf%E9s": "top10 cafés",
    "caf%C3%A9 in oslo": "café in oslo",
    "tea%20cups in oslo": "tea cups in oslo",
    "C%2B%2B": "C++",
    "%E8%8C%B6": "茶",
    "how%2520many%2520trams": "how many trams",
    "caf%25C3%25A9": "café",
    "%u00e9t%u00e9 %u8336": "été 茶",
    "%uD83C%uDF75%20tea": "🍵 tea",
}
TYPED = [
    "C++",
    "1+1",
    "a+b",
    "1+2+3",
    "50%",
    "100% tea",
    "5%af",
    "caf%A7",
    "100%effective",
    "100%EFFECTIVE",
    "10%fee",
    "anteil%der%frauen",
    "anteil%DER%FRAUEN",
    "5%faire",
    "60%female",
    "50%25 off",
    "R&D + tea",
    "%",
]


@pytest.mark.parametrize(("logged", "typed"), ENCODED.items())
def test_percent_encoding_is_decoded(logged: str, typed: str) -> None:
    assert decode_search(logged) == typed


@pytest.mark.parametrize("typed", TYPED)
def test_what_was_typed_stays(typed: str) -> None:
    assert decode_search(typed) == typed
