"""preview shows examples that a model learns from."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands.preview import main


def test_examples_are_shown_by_their_reason(project: Path) -> None:
    folder = project / "data" / "examples" / "embedder" / "small"
    folder.mkdir(parents=True)
    scored = {"kind": "scored", "sentence_1": "poor", "score": 0.01, "sources": ["pairs.csv:9"]}
    records = [scored | {"sentence_2": text} for text in ("jail", "rich")]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "train.jsonl").write_text(lines, encoding="utf-8")
    printed = CliRunner().invoke(main, ["embedder", "small", "--number", "1"]).stdout
    assert "scored by a curator: 2 in train" in printed
    assert printed.count("0.01  poor  |  ") == 1


@pytest.mark.parametrize(
    ("model", "code", "message"),
    [
        (
            "rewriter",
            1,
            "Error: there is no data/examples/rewriter/small/train.jsonl; `make train`",
        ),
        ("ranker", 2, "'ranker' is not one of 'embedder', 'reranker', 'rewriter'"),
    ],
)
def test_missing_examples_or_an_unknown_model_are_one_clear_error(
    project: Path, model: str, code: int, message: str
) -> None:
    result = CliRunner().invoke(main, [model, "small"])
    assert result.exit_code == code
    assert message in result.stderr.splitlines()[-1]
