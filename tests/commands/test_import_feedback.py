"""The command `import_feedback`: exports become feedback that ingest reads, each record once."""

from pathlib import Path
from unittest.mock import MagicMock

import pytest
from click.testing import CliRunner, Result

from commands.import_feedback import main
from findtune.core.files import read_jsonl
from findtune.ingest.clean_files import write_clean
from findtune.ingest.limits import FeedbackLimits

EXPORTS = Path(__file__).parents[1] / "data" / "exports"
FOLDER = Path("data/training_data")
LIMITS = FeedbackLimits(max_text_chars=2000, max_documents=200, max_rejected=0)
FILES = {
    "ubi": ["ubi_queries.ndjson", "ubi_events.json"],
    "langfuse": ["langfuse_scores.jsonl", "langfuse_traces.json"],
    "open-webui": ["open_webui.json"],
    "librechat": ["librechat.jsonl", "librechat_conversation.json"],
    "csv": ["clicks.csv"],
}


def run(source: str, *more: str) -> Result:
    arguments = [source, *(str(EXPORTS / name) for name in FILES.get(source, [])), *more]
    return CliRunner().invoke(main, arguments)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("source", FILES)
def test_an_import_writes_what_ingest_reads_without_a_complaint(source: str) -> None:
    result = run(source)
    assert result.exit_code == 0, result.output
    report = write_clean(
        "ranked_lists", data=Path("data"), out=Path("out"), limits=LIMITS, progress_bar=MagicMock()
    )
    [*lists] = read_jsonl(Path("out/ranked_lists.jsonl"))
    assert lists
    assert report.rejected == 0
    assert not [row for row in report.notes if row.action != "kept"]
    assert all(row["sources"][0]["rank"] == 1 for row in lists)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("source", FILES)
def test_a_second_import_changes_no_byte(source: str) -> None:
    run(source)
    before = {path: path.read_bytes() for path in FOLDER.iterdir()}
    result = run(source)
    assert {path: path.read_bytes() for path in FOLDER.iterdir()} == before
    assert "0 new, 0 changed" in result.stdout
    assert before


@pytest.mark.usefixtures("project")
def test_rows_that_were_not_used_are_listed_with_their_places() -> None:
    result = run("ubi")
    assert "not used: 2 searches without a pick" in result.stderr
    assert "unknown fields, not read: experiment (1)" in result.stderr
    assert "DOCUMENTS=FILE" in result.stderr
    lines = Path(".scratch/import-ubi.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "reason,file,line"
    assert f"lines that are not JSON,{EXPORTS / 'ubi_queries.ndjson'},7" in lines


@pytest.mark.usefixtures("project")
def test_thumbs_say_what_they_teach_and_what_not() -> None:
    result = run("librechat")
    assert "3 ratings (2 up, 1 not): 2 became ranked lists" in result.stderr
    assert "1 preferences between two answers" in result.stderr
    assert "1 ratings name no source. A thumb says" in result.stderr


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ubi", "nothing.json"], "nothing.json can't be read"),
        (["ubi", str(EXPORTS / "documents.jsonl")], "no record of ubi"),
        (["langfuse", str(EXPORTS / "clicks.csv")], "no record of langfuse"),
        (["csv", str(EXPORTS / "open_webui.json")], "no column query"),
        (["excel", "x"], "'excel' is not one of"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code != 0
    assert message in result.stderr.splitlines()[-1]
    assert isinstance(result.exception, SystemExit)
    assert not FOLDER.exists() or not [*FOLDER.iterdir()]
