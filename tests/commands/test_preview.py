"""preview shows examples that a model learns from."""

import json
from pathlib import Path

from click.testing import CliRunner

from commands.preview import main


def test_examples_are_shown_by_their_reason(project: Path) -> None:
    folder = project / "data" / "examples" / "embedder" / "small"
    folder.mkdir(parents=True)
    scored = {"kind": "scored", "sentence_1": "poor", "score": 0.01, "sources": ["pairs.csv:9"]}
    records = [scored | {"sentence_2": text} for text in ("jail", "rich")]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "train.jsonl").write_text(lines, encoding="utf-8")
    (folder / "test.jsonl").touch()
    printed = CliRunner().invoke(main, ["embedder", "small", "--number", "1"]).stdout
    assert "scored by a curator: 2 in train" in printed
    assert printed.count("0.01  poor  |  ") == 1


def test_few_questions_to_test_are_warned_of_and_those_of_one_group_count_once(
    project: Path,
) -> None:
    folder = project / "data" / "examples" / "rewriter" / "small"
    folder.mkdir(parents=True)
    (folder / "train.jsonl").touch()

    def warning(groups: int) -> str:
        fields = {"kind": "question", "picks": ["u"]}
        records = [fields | {"group": f"{row % groups}"} for row in range(60)]
        others = [{"kind": "other"}, fields | {"picks": [], "group": "nothing was picked"}]
        lines = "".join(json.dumps(record) + "\n" for record in [*records, *others])
        (folder / "test.jsonl").write_text(lines, encoding="utf-8")
        return CliRunner().invoke(main, ["rewriter", "small"], catch_exceptions=False).stderr

    assert warning(49).startswith("warning: only 49 different questions are left to test")
    assert warning(50) == ""


def test_only_the_questions_count_on_which_the_verdict_rests(project: Path) -> None:
    folder = project / "data" / "examples" / "embedder" / "small"
    folder.mkdir(parents=True)
    (folder / "train.jsonl").touch()
    queries = [{"kind": "query", "known": row < 9, "dcids": [f"{row}"]} for row in range(60)]
    lists = [{"kind": "list", "group": f"{row}"} for row in range(60)]
    lines = "".join(json.dumps(record) + "\n" for record in [*queries, *lists])
    (folder / "test.jsonl").write_text(lines, encoding="utf-8")
    result = CliRunner().invoke(main, ["embedder", "small"], catch_exceptions=False)
    assert result.stderr.startswith("warning: only 9 different questions are left to test")


def test_missing_examples_are_one_clear_error(project: Path) -> None:
    result = CliRunner().invoke(main, ["rewriter", "small"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: there is no data/examples/rewriter/small/train.jsonl;")


def test_an_unknown_model_is_refused_with_the_known_ones() -> None:
    result = CliRunner().invoke(main, ["ranker", "small"])
    assert result.exit_code == 2
    assert "'ranker' is not one of 'embedder', 'reranker', 'rewriter'" in result.stderr
