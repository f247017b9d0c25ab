"""monitor writes a page and a JSON file, and says in one line what is missing."""

import json
from pathlib import Path
from shutil import copyfile

import pytest
import yaml
from click.testing import CliRunner, Result

from commands.monitor import main
from findtune.core.files import write_jsonl
from findtune.traffic.log import SERVED, append_search
from findtune.traffic.records import SearchRecord, now

QUESTIONS = [f"how many {word} are there" for word in ("farms", "schools", "trains", "rents")]


@pytest.fixture
def served(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a project with questions of training, and a search that was served."""
    monkeypatch.setattr("os.fsync", lambda file: None)
    copyfile(Path(__file__).parents[2] / "params.yaml", "params.yaml")
    folder = Path("data/examples/reranker/small")
    write_jsonl(folder / "train.jsonl", [{"kind": "list", "query": text} for text in QUESTIONS])
    title = {"kind": "title", "query": "a title is no question"}
    write_jsonl(folder / "test.jsonl", [{"kind": "list", "query": "bread"}, title])
    fields = {"id": "a", "time": now(), "version": "v1", "question": "secret question"}
    append_search(SERVED, SearchRecord.model_validate({**fields, "milliseconds": 9.0}))
    return project


def run() -> Result:
    return CliRunner().invoke(main, ["small"])


def test_both_files_are_written_and_the_verdict_is_printed(served: Path) -> None:
    result = run()
    assert result.exit_code == 0, result.output
    assert result.output.startswith("retrain: no, because too little to tell: ")
    numbers = json.loads(Path("metrics/monitor.json").read_text(encoding="utf-8"))
    assert numbers["retrain"] == "no"
    assert [row["searches"] for row in numbers["weeks"]] == [1]
    assert "secret question" in Path("metrics/monitor.html").read_text(encoding="utf-8")


def test_a_search_that_a_wrong_clock_put_in_the_future_decides_nothing(served: Path) -> None:
    fields = {"id": "b", "time": "2099-01-01T00:00:00Z", "version": "old", "question": "bread"}
    append_search(SERVED, SearchRecord.model_validate({**fields, "milliseconds": 9.0}))
    assert "left out: 1 search that a wrong clock dated in the future." in run().stderr
    numbers = json.loads(Path("metrics/monitor.json").read_text(encoding="utf-8"))
    assert (numbers["version"], len(numbers["weeks"])) == ("v1", 1)


def test_no_file_has_a_users_text_if_no_examples_are_shown(served: Path) -> None:
    settings = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    settings["report"]["examples"] = 0
    Path("params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    assert run().exit_code == 0
    for name in ("monitor.html", "monitor.json"):
        assert "secret" not in Path("metrics", name).read_text(encoding="utf-8")


def test_what_is_missing_is_one_line(served: Path) -> None:
    for path in Path("data/examples/reranker/small").iterdir():
        path.unlink()
    assert "`make train SIZE=small` makes the examples" in run().stderr
    for path in SERVED.glob("*.jsonl"):
        path.unlink()
    result = run()
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert result.stderr.startswith("Error: data/served has no search")
