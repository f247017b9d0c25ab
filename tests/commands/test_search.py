"""search prints the documents of a question and what each part did."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from commands.search import main
from findtune.stack.cells import Cell


class FakeStack:
    """Finds every document of a file, in its order, and keeps the calls."""

    cell = Cell("question", "bm25", "tuned")

    def __init__(self) -> None:
        self.folders: list[Path] = []
        self.text = "text"
        self.relevances: tuple[float | None, ...] = (0.9, None)

    def index(self, documents: Path, folder: Path) -> str:
        self.folders.append(folder)
        return documents.read_text(encoding="utf-8")

    def search(self, question: str, index: str, top_k: int) -> Any:
        hits = [
            SimpleNamespace(
                rank=1, title=title, text=self.text, relevance=relevance, retrieved_rank=2
            )
            for title, relevance in zip(index.split(), self.relevances, strict=True)
        ]
        seconds = {"rerank": 0.25}
        return SimpleNamespace(
            documents=hits[:top_k], queries=[question], candidates=["a"], seconds=seconds
        )


@pytest.fixture
def stack(project: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    """Return a stack, whose folder and corpus are in the current folder."""
    folder = project / "models" / "stack" / "small"
    folder.mkdir(parents=True)
    (folder / "stack.json").write_text("{}", encoding="utf-8")
    fake = FakeStack()
    module = SimpleNamespace(load=lambda *_: fake)
    monkeypatch.setattr("commands.search.import_module", lambda _: module)
    (project / "my.jsonl").write_text("Bread Rice", encoding="utf-8")
    return fake


def test_a_result_is_printed_with_relevance_where_there_is_one(stack: FakeStack) -> None:
    command = ["small", "--corpus", "my.jsonl", "--", "-5 degrees"]
    assert CliRunner().invoke(main, command, catch_exceptions=False).output.splitlines() == [
        "question, bm25, tuned (queries, retriever, reranker)",
        "searched:",
        "  -5 degrees",
        "1 candidates, of which the first are:",
        "  1. Bread  relevance 0.90  (retrieved as 2)",
        "     text",
        "  1. Rice  (retrieved as 2)",
        "     text",
        "rerank 0.25 s",
    ]


def test_another_corpus_or_stack_has_an_index_of_its_own(stack: FakeStack) -> None:
    command = ["small", "--corpus", "my.jsonl", "bread"]
    CliRunner().invoke(main, command, catch_exceptions=False)
    Path("my.jsonl").write_text("Tea Cups", encoding="utf-8")
    CliRunner().invoke(main, command, catch_exceptions=False)
    Path("models/stack/small/stack.json").write_text("{ }", encoding="utf-8")
    CliRunner().invoke(main, command, catch_exceptions=False)
    assert len({*stack.folders}) == 3


def test_a_missing_stack_and_a_missing_corpus_are_one_line(stack: FakeStack) -> None:
    result = CliRunner().invoke(main, ["huge", "bread"])
    assert result.stderr == (
        "Error: there is no models/stack/huge; params.yaml has no size huge; its sizes are small, "
        "medium.\n"
    )
    result = CliRunner().invoke(main, ["medium", "bread"])
    assert "no models/stack/medium; `make train SIZE=medium` makes it." in result.stderr
    result = CliRunner().invoke(main, ["small", "bread"])
    assert "corpus.jsonl; name one: make search CORPUS=FILE Q='...'" in result.stderr


def test_a_text_of_a_corpus_moves_no_cursor_and_stays_in_its_line(stack: FakeStack) -> None:
    Path("my.jsonl").write_text("\x1b[2JBread\u202e", encoding="utf-8")
    stack.text, stack.relevances = "first\n  1. forged\x1b]0;title\x07", (None,)
    command = ["small", "--corpus", "my.jsonl", "bread"]
    lines = CliRunner().invoke(main, command, catch_exceptions=False).output.splitlines()
    assert lines[-3:-1] == [
        r"  1. \x1b[2JBread\u202e  (retrieved as 2)",
        r"     first 1. forged\x1b]0;title\x07",
    ]


def test_an_empty_question_is_refused_in_one_line(stack: FakeStack) -> None:
    result = CliRunner().invoke(main, ["small", "--corpus", "my.jsonl", "  "])
    assert result.stderr == "Error: the question is empty; ask one: make search Q='...'\n"
    assert result.exit_code == 1
    assert stack.folders == []
