"""What preparation leaves out is counted by reason and shown with examples."""

from pathlib import Path

from findtune.examples.left_out import LeftOut, left_out_lines, read_counts, summary_line
from findtune.examples.word_overlap import NO_SHARED_WORD, WordOverlap, warning


def test_reasons_are_counted_and_the_first_texts_are_kept(tmp_path: Path) -> None:
    left_out = LeftOut()
    for number in range(7):
        left_out.add("titles", f"tea {number}", text="cup", record=f"a.json:{number}")
    left_out.add("picks", "milk")
    left_out.write(tmp_path)
    assert read_counts(tmp_path) == {"titles": 7, "picks": 1}
    assert summary_line(tmp_path).endswith(": left out 7 titles; 1 picks")
    assert left_out_lines(tmp_path, 1) == [
        "",
        "left out: 7 titles",
        "  tea 0   (a.json, record 0)",
        "     not  cup",
        "",
        "left out: 1 picks",
        "  milk",
    ]


def test_nothing_is_said_where_nothing_is_left_out(tmp_path: Path) -> None:
    assert summary_line(tmp_path) == "" and left_out_lines(tmp_path, 3) == []
    LeftOut().write(tmp_path)
    assert summary_line(tmp_path) == "" and read_counts(tmp_path) == {}


def test_questions_in_another_language_than_their_documents_are_counted_and_told_once() -> None:
    left_out = LeftOut()
    overlap = WordOverlap(left_out)
    documents = [{"title": "Bread", "snippet": "the price of bread"}]
    for query in ("bread prices", "パンの値段", "ราคาขนมปัง", "цена хлеба"):
        overlap.look_at({"query": query, "record": "a.json:1"}, documents)
    assert left_out.counts == {NO_SHARED_WORD: 3}
    assert warning(left_out.counts, 4).startswith("warning: 3 of 4 questions share no word")
    assert warning(left_out.counts, 400) == warning({}, 4) == ""


def test_scripts_without_spaces_share_words_with_their_documents() -> None:
    left_out = LeftOut()
    overlap = WordOverlap(left_out)
    pairs = [
        ("日本の失業率は？", "失業率の統計"),
        ("ราคาข้าวในไทย", "ข้าวหอมมะลิ"),
        ("서울의 인구", "인구통계"),
    ]
    for query, title in pairs:
        overlap.look_at({"query": query, "record": ""}, [{"title": title, "snippet": ""}])
    assert left_out.counts == {}
