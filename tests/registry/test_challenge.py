"""What is live and what would replace it are compared question by question."""

import json
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from findtune.core.errors import InputError
from findtune.registry import challenge


class Row(dict[str, Any]):
    """A row whose life ends visibly."""


def test_the_groups_of_a_long_test_set_are_read_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data/examples/reranker/small/test.jsonl"
    path.parent.mkdir(parents=True)
    rows = [{"kind": "list", "group": f"g{number // 2}"} for number in range(50)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    in_memory: list[weakref.ref[Row]] = []
    most = 0

    def read(file: Path) -> Iterator[Row]:
        nonlocal most
        for line in file.read_text(encoding="utf-8").splitlines():
            row = Row(json.loads(line))
            in_memory.append(weakref.ref(row))
            most = max(most, sum(reference() is not None for reference in in_memory))
            yield row

    monkeypatch.setattr(challenge, "iter_jsonl", read)
    groups = challenge.read_groups(tmp_path, "reranker", "small")
    assert [*groups.values()] == [row["group"] for row in rows]
    assert most <= 3


def test_a_model_whose_examples_were_made_again_is_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples, metrics = "data/examples/embedder/small", "metrics/embedder/small.json"
    made = {"outs": [{"path": examples, "md5": "new"}]}
    judged = {"deps": [{"path": examples, "md5": "old"}], "outs": [{"path": metrics, "md5": "m"}]}
    lock = json.dumps({"stages": {"prepare": made, "evaluate": judged}})
    (tmp_path / "dvc.lock").write_text(lock, encoding="utf-8")
    monkeypatch.setattr(challenge, "committed", lambda *_: lock.encode())
    with pytest.raises(InputError, match=f"^{examples} was made again since it was measured; "):
        challenge.refuse_other_test_set(tmp_path, "HEAD", "embedder", "small")
    (tmp_path / "dvc.lock").write_text(lock.replace("new", "old"), encoding="utf-8")
    challenge.refuse_other_test_set(tmp_path, "HEAD", "embedder", "small")


HEADER = "split,query,question,record,group,base"


def rows_of(*questions: tuple[str, str, str, float], header: str = HEADER) -> list[challenge.Row]:
    """The rows of a table of a stack; a question is its hash, its record, its group and a value."""
    lines = [f"test,{number},{','.join(map(str, row))}" for number, row in enumerate(questions)]
    return challenge.read_rows("\n".join([header, *lines]), "base")


def test_a_question_is_compared_with_itself_though_lines_have_moved_and_groups_have_new_names() -> (
    None
):
    before = rows_of(
        ("0.1", "a.jsonl:1", "0.7", 0.1),
        ("0.2", "a.jsonl:2", "0.7", 0.2),
        ("0.3", "a.jsonl:3", "0.7", 0.3),
    )
    now = rows_of(("0.2", "a.jsonl:1", "0.9", 0.5), ("0.3", "a.jsonl:2", "0.9", 0.3))
    result = challenge.pair("ndcg@10", before, now, {})
    assert result.champion.tolist() == [0.2, 0.3]
    assert result.challenger.tolist() == [0.5, 0.3]
    assert result.records == ["a.jsonl:1", "a.jsonl:2"]
    assert result.groups == ["0.9", "0.9"]
    assert result.asked == 3


def test_measures_without_hashes_of_questions_are_matched_by_record_and_group() -> None:
    text = "split,query,record,group,base\ntest,0,a.jsonl:1,0.7,0.1\ntest,1,a.jsonl:2,0.8,0.2"
    before = challenge.read_rows(text, "base")
    now = rows_of(("0.5", "a.jsonl:2", "0.8", 0.4), ("0.6", "a.jsonl:1", "0.2", 0.9))
    result = challenge.pair("ndcg@10", before, now, {})
    assert (result.champion.tolist(), result.challenger.tolist()) == ([0.2], [0.4])
