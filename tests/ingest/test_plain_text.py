"""All texts go through one cleaning: the same text comes out of every encoding of it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from findtune.ingest.plain_text import clean_line, is_clean_line, strip_html, to_one_line

TEXTS = {
    "R&amp;D": "R&D",
    "R&amp;amp;amp;D": "R&D",
    "women&#39;s": "women's",
    "&lt;b&gt;tea&lt;/b&gt;": "tea",
    "&amp;lt;i&amp;gt;tea&amp;lt;/i&amp;gt;": "tea",
    "the tag &lt;b&gt;": "the tag <b>",
    "un\u00ademploy\u200bment": "unemployment",
    "\ufefftea\u2060 \u202ecup\u202c": "tea cup",
    "cafe\u0301": "café",
    "می\u200cروم": "می\u200cروم",
    "te\u200ca": "tea",
    "👩\u200d👧": "👩\u200d👧",
    "a\u2028b\tc\x00d": "a b c d",
    "R&amp D &lt 5": "R& D < 5",
    "<jats:title>Tea</jats:title><jats:p>in <w:t>cups</w:t></jats:p>": "Tea in cups",
    "if x<mi and y>2": "if x<mi and y>2",
    "a<math><mi>x</mi><mo>=</mo><mn>2</mn></math>": "ax=2",
    "vector<a::b> <https://a.example> </c> <int>": "vector<a::b> <https://a.example> </c> <int>",
    "city&centre; R&D&regions; &eacute;": "city&centre; R&D&regions; é",
    "<![CDATA[tea]]> cup": "tea cup",
    '[tea](https://a.example/b) and [milk](/m "M")': "tea and milk",
    "**tea** and __hot milk__ cost 2**3": "tea and hot milk cost 2**3",
    "__init__ of __main__": "__init__ of __main__",
    "__name__ == __main__": "__name__ == __main__",
    "call f[i](/x) or g(x)[y](#z)": "call f[i](/x) or g(x)[y](#z)",
    "茶[茶](/x) tea[1](https://a.example)": "茶茶 tea1",
    "[1](a) f(x)[y](z)": "[1](a) f(x)[y](z)",
    "snake__case__name": "snake__case__name",
    "caf\\u00e9 \\ud83d\\ude00 C:\\users": "café 😀 C:\\users",
    "\\ud83d tea": "\ufffd tea",
    "Turnover of <small firms>": "Turnover of <small firms>",
    "Rate if a<b and c>d": "Rate if a<b and c>d",
    "if (a<b && c>d) tea": "if (a<b && c>d) tea",
    "Vector<i> of List<s>": "Vector<i> of List<s>",
    "use of <code>?": "use of <code>?",
    "`<b>` is bold": "`<b>` is bold",
    "<b>tea, cut off": "tea, cut off",
    "the <em>tea</em> of <em>": "the tea of",
    "CO<sub>2 super<wbr>market": "CO2 supermarket",
    "<a href='/x' title=\"a b\"class=c>tea</a>": "tea",
    "<p class=MsoNormal style='margin:0'>tea<br />cup<td nowrap width = 5>": "tea cup",
    "<span data-x='1' @click=go :k=v>tea</span>": "tea",
    '<iframe src="https://a.example" allowfullscreen></iframe>tea': "tea",
    '<div itemscope itemtype="https://a.example">tea</div><table border><td nowrap>': "tea",
    '<div *ngIf="x" (click)="go()">tea</div><br / ><br clear all>': "tea",
    '<a href="x" download>tea</a> <a href="x"; target="y">cup</a>': "tea cup",
    '<span data-reactroot>tea</span> <b hidden>cup</b> <a [x]="y" z>now</a>': "tea cup now",
    "where a<b and c=d>e": "where a<b and c=d>e",
    "???": "",
    "—": "",
    "\u200b": "",
    "☕": "☕",
    "१२": "१२",
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.items())
def test_a_text_is_one_clean_line_and_stays_so(text: str, expected: str) -> None:
    assert clean_line(text) == expected
    assert clean_line(expected) == expected


def test_a_tag_of_a_block_may_become_the_end_of_a_line() -> None:
    assert strip_html("a<br>b<b>c</b>", "\n") == "a\nbc"
    assert strip_html("a&lt;br&gt;b", "\n") == "a\nb"
    assert to_one_line(" a  b ") == "a b"


PARTS = [*"ab1 <>&;.-\t\x7f\u00ad\u00e9\ud800[]()", "**", "__", "](", "[a](/b)", "\\u00e9"]


@given(st.lists(st.sampled_from(PARTS), max_size=6))
@example(["a", "[a](/b)"])
@example(["a ", "**", "b", "**"])
@example(["a ", "__", "b c", "__"])
@example(["a", "\\u00e9"])
def test_the_quick_test_knows_no_text_that_cleaning_changes(parts: list[str]) -> None:
    text = "".join(parts)
    assert not is_clean_line(text) or clean_line(text) == text


def test_the_quick_test_knows_the_usual_texts() -> None:
    assert is_clean_line("Tea: 12 cups, at 3.50 (each)!")


@pytest.mark.parametrize("emoji", ["&#xD83D;&#xDE00;", "&#XD83D;&#XDE00;", "&#55357;&#56832;"])
def test_an_emoji_of_two_entities_is_one_character(emoji: str) -> None:
    assert strip_html(f"Tea {emoji}") == "Tea \U0001f600"
