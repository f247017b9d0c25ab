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
