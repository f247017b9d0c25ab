"""Storage: nothing is written twice, and nothing that was written is lost."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from findtune.core.errors import InputError
from findtune.core.files import read_jsonl
from findtune.importing.storage import store


def record(name: str, *picks: str) -> dict[str, Any]:
    shown = [{"url": url} for url in "xyz"]
    picked = {"all_sources": shown, "positive_sources": [*picks]}
    return {"id": name, "query": "a\u2028b", **picked}


def test_a_second_import_of_the_same_records_adds_nothing(tmp_path: Path) -> None:
    records = [record("1", "x"), record("2", "y")]
    first = store(tmp_path, "ranked_lists", "ubi", records)
    assert (first.new, first.changed, first.known) == (2, 0, 0)
    content = first.path.read_bytes()
    inode = first.path.stat().st_ino
    second = store(tmp_path, "ranked_lists", "ubi", records)
    assert (second.new, second.changed, second.known) == (0, 0, 2)
    assert first.path.read_bytes() == content
    assert first.path.stat().st_ino == inode  # not even rewritten


def test_a_later_export_adds_its_records_and_its_picks(tmp_path: Path) -> None:
    store(tmp_path, "ranked_lists", "ubi", [record("1", "x")])
    later = store(tmp_path, "ranked_lists", "ubi", [record("1", "y"), record("2", "z")])
    assert (later.new, later.changed, later.known) == (1, 1, 0)
    picks = [row["positive_sources"] for row in read_jsonl(later.path)]
    assert picks == [["x", "y"], ["z"]]


def test_a_pick_of_an_earlier_export_that_is_shown_no_more_is_left_out(tmp_path: Path) -> None:
    store(tmp_path, "ranked_lists", "ubi", [record("1", "old address")])
    later = store(tmp_path, "ranked_lists", "ubi", [record("1", "y")])
    assert [row["positive_sources"] for row in read_jsonl(later.path)] == [["y"]]


def test_a_pick_goes_when_the_log_entry_that_gave_it_gives_another(tmp_path: Path) -> None:
    first = record("1", "x", "y") | {"picked_by": {"s1": ["x"]}}  # y is from elsewhere
    later = record("1", "z") | {"picked_by": {"s1": ["z"]}}
    for name in ("positive_sources", "selected_sources"):
        for each in (first, later):
            each[name] = each.pop("positive_sources", each.get(name))
        folder = tmp_path / name
        store(folder, "searches", "langfuse", [first])
        [row] = read_jsonl(store(folder, "searches", "langfuse", [later]).path)
        assert (row[name], row["picked_by"]) == (["y", "z"], {"s1": ["z"]})


def test_a_file_that_no_import_wrote_is_named_with_its_line(tmp_path: Path) -> None:
    stored = store(tmp_path, "searches", "ubi", [record("1", "x")])
    with stored.path.open("a", encoding="utf-8") as file:
        file.write('{"query": "no id"}\n')
    with pytest.raises(InputError, match=r"_ubi\.jsonl:2: not a record that an import wrote"):
        store(tmp_path, "searches", "ubi", [record("2", "x")])
    assert len(stored.path.read_text(encoding="utf-8").strip().split("\n")) == 2


@pytest.mark.parametrize(
    "line",
    [
        "5",
        '["id"]',
        '{"id": 5}',
        '{"id": "2", "positive_sources": null}',
        '{"id": "2", "history": "tea"}',
        '{"id": "2", "all_sources": ["x"]}',
        '{"id": "2", "all_sources": [{"title": "x"}]}',
        '{"id": "2", "all_sources": [{"url": ["x"]}]}',
        '{"id": "2", "query_source_mapping": [{"query": "tea", "sources": []}]}',
        '{"id": "2", "query_source_mapping": {"tea": ["x"]}}',
        '{"id": "2", "query_source_mapping": {"tea": {"ids": [5], "sources": []}}}',
    ],
)
def test_a_record_of_another_form_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    stored = store(tmp_path, "searches", "ubi", [record("1", "x")])
    content = stored.path.read_text(encoding="utf-8") + f"{line}\n"
    stored.path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"_ubi\.jsonl:2: not a record that an import wrote; move"):
        store(tmp_path, "searches", "ubi", [record("2", "x")])
    assert stored.path.read_text(encoding="utf-8") == content


def test_a_line_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    stored = store(tmp_path, "searches", "ubi", [record("1", "x")])
    content = stored.path.read_bytes() + b'{"id": "2", "query": "caf\xe9"}\n'
    stored.path.write_bytes(content)
    with pytest.raises(InputError, match=r"_ubi\.jsonl:2: not a record that an import wrote; move"):
        store(tmp_path, "searches", "ubi", [record("3", "x")])
    assert stored.path.read_bytes() == content


def test_imports_at_once_lose_no_record_and_leave_no_other_file(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from findtune.importing.storage import store\n"
        "for n in range(20):\n"
        "    rows = [{'id': f'{sys.argv[2]}-{n}', 'query': 'a', 'positive_sources': []}]\n"
        "    store(Path(sys.argv[1]), 'ranked_lists', 'ubi', rows)\n"
    )
    imports = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in "abcd"
    ]
    assert [process.wait(60) for process in imports] == [0] * 4
    [path] = (tmp_path / "training_data").iterdir()
    assert len(read_jsonl(path)) == 4 * 20


def test_a_record_that_a_later_export_replaces_is_removed(tmp_path: Path) -> None:
    store(tmp_path, "ranked_lists", "langfuse", [record("cited", "x"), record("other", "y")])
    later = store(
        tmp_path, "ranked_lists", "langfuse", [record("clicked", "y")], replaced={"cited", "gone"}
    )
    assert (later.new, later.changed, later.known) == (1, 1, 0)
    assert [row["id"] for row in read_jsonl(later.path)] == ["other", "clicked"]
    again = store(
        tmp_path, "ranked_lists", "langfuse", [record("clicked", "y")], replaced={"cited"}
    )
    assert (again.new, again.changed, again.known) == (0, 0, 1)


def test_a_file_that_loses_its_last_record_is_removed_and_can_be_made_again(tmp_path: Path) -> None:
    first = store(tmp_path, "ranked_lists", "langfuse", [record("cited", "x")])
    emptied = store(tmp_path, "ranked_lists", "langfuse", [], replaced={"cited"})
    assert (emptied.changed, first.path.exists()) == (1, False)
    assert store(tmp_path, "ranked_lists", "langfuse", [], replaced={"cited"}).changed == 0
    assert store(tmp_path, "ranked_lists", "langfuse", [record("cited", "x")]).new == 1


def test_an_empty_file_holds_no_record(tmp_path: Path) -> None:
    path = store(tmp_path, "ranked_lists", "ubi", [record("1", "x")]).path
    path.write_bytes(b"")
    assert store(tmp_path, "ranked_lists", "ubi", [record("2", "y")]).new == 1
