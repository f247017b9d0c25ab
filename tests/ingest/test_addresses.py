"""Spellings of one address have one normal form; addresses of two documents never share one."""

import pytest

from findtune.ingest.addresses import normal_form

PAGE = "https://a.example/caf%C3%A9/page"
SAME = [
    "http://a.example/caf%C3%A9/page",
    "https://A.Example/caf%C3%A9/page",
    "HTTPS://www.a.example/caf%c3%a9/page/",
    "https://a.example:443/café/page#top",
    "http://a.example:80/cafe\u0301/page#:~:text=tea",
    "https://a.example./caf%C3%A9/p%61ge?",
    "//a.example/café/page",
    "www.a.example/café/page",
    "https://a.example/café/page?utm_source=x&utm_medium=y",
    "https://a.example/café/page?gclid=1&fbclid=2&msclkid=3&mc_eid=4&_ga=5&igshid=6&srsltid=7",
    "https://a.example/café/page?utm_source=x&amp;utm_id=y",
    "https://a.example/café/page;jsessionid=ABC?mtm_campaign=1&pk_kwd=2&yclid=3&ttclid=4",
    " https://a.example/café/page ",
]
QUERY = "https://a.example/s?a=1&b=x%20y"
SAME_QUERY = ["http://a.example/s/?b=x+y&a=1", "https://a.example/s?a=1&amp;b=x%20y&utm_term=q#z"]
DOI = "doi:10.1000/ABC.d"
SAME_DOI = [
    "https://doi.org/10.1000/abc.D",
    "http://dx.doi.org/10.1000/abc.d",
    "DOI: 10.1000/abc.d",
    "10.1000/abc.d",
    "doi.org/10.1000/abc.d",
    "https://doi.org/10.1000%2Fabc.d",
    "https://doi.org/doi:10.1000/abc.d",
    *("urn:doi:10.1000/abc.d", "info:doi/10.1000/abc.d"),
]
HOST = "https://bücher.example"
PAIRS = [
    *[(PAGE, other) for other in SAME],
    *[(QUERY, other) for other in SAME_QUERY],
    *[(DOI, other) for other in SAME_DOI],
    (HOST, "http://xn--bcher-kva.example/"),
    ("doc:caf\u00e9", "doc:cafe\u0301"),
    ("s3://bucket/Key", "S3://bucket/Key"),
    ("arXiv:2101.00001", "arxiv:2101.00001"),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_spellings_of_one_page_have_one_normal_form(first: str, second: str) -> None:
    assert normal_form(first) == normal_form(second)


@pytest.mark.parametrize(
    "spelling",
    [
        *("[The page](https://a.example/b)", '[The page](https://a.example/b "Title")'),
        *("<https://a.example/b>", '"https://a.example/b"', "https://a.example/b\u200b"),
        *("https://a.example/\xadb", "https://a.example//b", "https://a.example/x/../b"),
        *(r"https:\/\/a.example\/b", "https://a.example/./b/"),
        "https://www.google.com/url?sa=t&q=https://a.example/b&usg=1",
        "https://duckduckgo.com/l/?uddg=https%3A%2F%2Fa.example%2Fb",
        "https://www.youtube.com/redirect?event=x&q=https%3A%2F%2Fa.example%2Fb",
        "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fa.example%2Fb&data=1",
        *("`https://a.example/b`", "“https://a.example/b”", "«https://a.example/b»"),
        *("(https://a.example/b)", "„https://a.example/b“"),
    ],
)
def test_what_texts_and_other_pages_put_around_an_address_is_no_part_of_it(spelling: str) -> None:
    assert normal_form(spelling) == normal_form("https://a.example/b")


def test_a_uuid_has_no_case() -> None:
    number = "6f1c2e1e-0000-4000-8000-00000000000a"
    assert normal_form(number.upper()) == number


OTHERS = [
    PAGE,
    "https://a.example/cafe/page",
    "https://a.example/caf%C3%A9/Page",
    "https://a.example:8443/caf%C3%A9/page",
    "https://b.example/caf%C3%A9/page",
    "https://a.example/caf%C3%A9%2Fpage",
    "https://a.example/caf%C3%A9/page?id=1",
    "https://a.example/caf%C3%A9/page?id=2",
    "https://a.example/caf%C3%A9/page?utm=1",
    "https://a.example/caf%C3%A9/page#!/one",
    "https://a.example/caf%C3%A9/page#/two",
    "https://a.example/s?q=a%26b",
    "https://a.example/s?q=a&b",
    "https://a.example/caf%E9/page",
    "ftp://a.example/caf%C3%A9/page",
    "s3://bucket/Key/",
    "s3://bucket/Key",
    "doc:17",
    "doc:18",
    "/wiki/page",
    "/wiki/page/",
    r"C:\docs\a.pdf",
    "urn:isbn:1",
    "10.5/abc",
    "10.1000",
    "17",
    "https://www.google.com/url?q=tea",
    "https://www.google.com/search?q=https://a.example/b",
    "['a']",
]


def test_other_pages_and_ids_have_other_normal_forms() -> None:
    assert len({normal_form(address) for address in OTHERS}) == len(OTHERS)


@pytest.mark.parametrize(
    "odd", ["http://[", "http://a:b/", "https://a\ud800b/x", "", "://", "http:"]
)
def test_what_is_no_address_has_a_normal_form_too(odd: str) -> None:
    assert normal_form(odd) == normal_form(odd)
