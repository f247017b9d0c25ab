"""At the command line, a mistake in the data is one message, and a bad row is counted and told."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stages.ingest import main

PARAMS = """\
ingest:
  longest_cell: 1000
  max_rejected: 0.5
"""
PAIRS = Path("data/finetuning/pairs.csv")
GOOD_PAIRS = "sentence_1,sentence_2,score\ntea,coffee,0.3\nchar,brew,0.9\ntea,rain,0\n"
VARIABLES = "dcid,Name,Description,Override_Alternatives,Curated_Alternatives\n"
ALTERNATIVES = "dcid,Alternatives\ntea,char;how much tea?\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without a mistake, in which every command runs."""
    monkeypatch.chdir(tmp_path)
    write(Path("params.yaml"), PARAMS)
    write(PAIRS, GOOD_PAIRS)
    write(Path("data/guard/pairs.csv"), GOOD_PAIRS)
    write(Path("data/autogen_input/small/tea.csv"), f"{VARIABLES}tea,Tea,Cups drunk.,,brew\n")
    write(Path("data/autogen_input/medium/ice.csv"), f"{VARIABLES}ice,Ice,,,\n")
    write(Path("data/alternatives/tea.csv"), ALTERNATIVES)
    return tmp_path


def write(path: Path, content: str | bytes) -> None:
    """Write a file and the folders it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def ingest(kind: str) -> Result:
    """Return how one run of the stage ended."""
    return CliRunner().invoke(main, [kind])


def stopped(kind: str) -> str:
    """Return the message of a run that a mistake stopped."""
    result = ingest(kind)
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("Error") == 1
    assert "Traceback" not in result.stderr
    assert not Path(f"data/clean/embedder/{kind}.csv").exists()
    return result.stderr


def notes(kind: str) -> list[dict[str, str]]:
    """Return the notes that a run wrote."""
    with Path(f"data/clean/embedder/{kind}.notes.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def outputs(kind: str) -> dict[str, bytes]:
    """Return the name and the bytes of each file that a run wrote."""
    return {path.name: path.read_bytes() for path in Path("data/clean/embedder").glob(f"*{kind}*")}


@pytest.mark.parametrize("kind", ["catalog", "sentence_pairs", "guard"])
def test_a_clean_run_writes_three_files_and_one_line(kind: str) -> None:
    result = ingest(kind)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout.startswith(f"{kind}: ")
    assert result.stdout.count("\n") == 1
    assert set(outputs(kind)) == {f"{kind}.csv", f"{kind}.notes.csv", f"{kind}.counts.json"}
    assert notes(kind) == []


def test_the_clean_pairs_are_those_of_the_files() -> None:
    ingest("sentence_pairs")
    assert Path("data/clean/embedder/sentence_pairs.csv").read_text(encoding="utf-8") == (
        "sentence_1,sentence_2,score,source\n"
        f"tea,coffee,0.3,{PAIRS}:2\nchar,brew,0.9,{PAIRS}:3\ntea,rain,0.0,{PAIRS}:4\n"
    )


def test_the_counts_tell_the_texts_of_each_catalog_and_role() -> None:
    write(PAIRS, f"{GOOD_PAIRS}tea,milk,high\n")
    ingest("catalog")
    ingest("sentence_pairs")
    assert json.loads(Path("data/clean/embedder/catalog.counts.json").read_bytes()) == {
        "medium name": 1,
        "small curated": 1,
        "small description": 1,
        "small generated": 2,
        "small name": 1,
    }
    assert json.loads(Path("data/clean/embedder/sentence_pairs.counts.json").read_bytes()) == {
        "pairs": 3,
        "rejected": 1,
    }


@pytest.mark.parametrize("kind", ["catalog", "sentence_pairs", "guard"])
def test_running_twice_gives_the_same_bytes(kind: str) -> None:
    write(PAIRS, f'{GOOD_PAIRS}tea,milk,high\n"open,0.5\n')
    ingest(kind)
    first = outputs(kind)
    ingest(kind)
    assert outputs(kind) == first


BAD_ROWS = {
    "a score above 1": "tea,milk,1.5",
    "a score in words": "tea,milk,high",
    "a score that is not a number": "tea,milk,nan",
    "no score": "tea,milk,",
    "no sentence": ",milk,0.5",
    "a cell too many": "tea,milk,warm,0.5",
    "a cell too few": "tea,0.5",
    "an open quote": '"tea,milk,0.5',
    "latin-1": "tea,maté,0.5",
    "too long": f"tea,{'milk' * 500},0.5",
    "a pair again": "coffee,tea,0.3",
    "a contradiction": "tea,coffee,0.8",
}


@pytest.mark.parametrize("row", BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_counted_told_and_left_out(row: str) -> None:
    write(PAIRS, f"{GOOD_PAIRS}{row}\nlast,row,0.1\n".encode("latin-1"))
    result = ingest("sentence_pairs")
    assert result.exit_code == 0
    assert result.stdout == (
        "sentence_pairs: 4 pairs, 1 rejected\n"
        "  all that was rejected, dropped or odd: data/clean/embedder/sentence_pairs.notes.csv\n"
    )
    assert result.stderr.startswith(f"  rejected {PAIRS}:5")
    assert result.stderr.count("\n") == 1
    assert [(note["action"], note["line"]) for note in notes("sentence_pairs")] == [
        ("rejected", "5")
    ]
    assert b"last,row,0.1" in Path("data/clean/embedder/sentence_pairs.csv").read_bytes()


def test_every_rejected_row_is_in_the_notes_with_all_that_one_needs_to_mend_it() -> None:
    bad = {4: "tea,milk,1.5", 5: "tea,milk,warm,0.5", 6: ",milk,0.5", 7: "tea,coffee,0.8"}
    write(PAIRS, "\n".join([GOOD_PAIRS.rstrip().rpartition("\n")[0], *bad.values()]))
    write(Path("params.yaml"), PARAMS.replace("0.5", "0.9"))
    assert ingest("sentence_pairs").exit_code == 0
    told = {int(note["line"]): note for note in notes("sentence_pairs")}
    assert set(told) == set(bad)
    assert {line: (note["column"], note["value"]) for line, note in told.items()} == {
        4: ("score", "1.5"),
        5: ("", "tea,milk,warm,0.5"),
        6: ("sentence_1", ""),
        7: ("score", "0.8"),
    }
    for note in told.values():
        assert note["file"] == PAIRS.as_posix()
        assert note["reason"]
        assert note["remedy"]


def test_at_most_five_rejects_are_shown_and_the_rest_counted() -> None:
    good = "".join(f"tea,number {number},0.5\n" for number in range(20))
    bad = "".join(f"tea,milk {number},high\n" for number in range(9))
    write(PAIRS, GOOD_PAIRS + good + bad)
    result = ingest("sentence_pairs")
    assert "9 rejected" in result.stdout
    assert result.stderr.count("rejected") == 5
    assert len(notes("sentence_pairs")) == 9


def test_a_row_that_is_only_odd_is_counted_as_kept() -> None:
    write(Path("data/autogen_input/medium/ice.csv"), f"{VARIABLES}ice,Ice,,,char\n")
    result = ingest("catalog")
    assert result.exit_code == 0
    assert "1 kept" in result.stdout
    assert result.stderr == ""
    assert [note["action"] for note in notes("catalog")] == ["kept"]


def test_more_rejects_than_allowed_stop_the_run_and_name_the_notes() -> None:
    write(PAIRS, GOOD_PAIRS + "".join(f"tea,milk {number},high\n" for number in range(7)))
    message = stopped("sentence_pairs")
    assert "7 of 10 rows were rejected, more than ingest.max_rejected = 0.5" in message
    assert "All of them are in data/clean/embedder/sentence_pairs.notes.csv" in message
    assert message.count(f"{PAIRS}:") == 5
    assert len(notes("sentence_pairs")) == 7


def test_the_share_of_rejects_in_a_catalog_is_one_of_rows_and_not_of_texts() -> None:
    tea = "tea,Tea,Cups.;Pots.;Leaves.;Bags.,,one;two;three;four;five;six\n"
    write(Path("data/autogen_input/small/tea.csv"), VARIABLES + tea * 5)
    assert "4 of 7 rows were rejected" in stopped("catalog")  # the rows: 5 tea, 1 ice, 1 list


def test_no_row_left_stops_the_run() -> None:
    write(PAIRS, GOOD_PAIRS.partition("\n")[0] + "\n")
    assert "no row was left to use" in stopped("sentence_pairs")


BAD_FILES = {
    "empty": (b"", "is empty"),
    "UTF-16": (GOOD_PAIRS.encode("utf-16"), "is UTF-16"),
    "a missing column": (b"sentence_1,score\ntea,1\n", ":1: no column sentence_2"),
    "a column twice": (
        GOOD_PAIRS.replace("score", "score,score").encode(),
        "column score stands twice",
    ),
    "an open quote in the header": (b'"sentence_1,sentence_2,score\na,b,1\n', ":1: a quote opens"),
    "a header in latin-1": ("größe,sentence_2,score\na,b,1\n".encode("latin-1"), "is not UTF-8"),
    "a header that is too long": (b"sentence_1," * 200, ":1: 2,200 bytes in one row"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", ":1: "),
}


@pytest.mark.parametrize(("content", "told"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_can_not_be_read_stops_the_run_and_is_named(content: bytes, told: str) -> None:
    write(PAIRS, content)
    message = stopped("sentence_pairs")
    assert f"{PAIRS}" in message
    assert told in message


def test_a_long_wrong_header_is_not_repeated_whole() -> None:
    write(Path("params.yaml"), PARAMS.replace("1000", "100000"))
    write(PAIRS, f"{'x' * 90_000},score\ntea,1\n")
    assert len(stopped("sentence_pairs")) < 1000


def test_a_folder_named_like_a_csv_file_is_no_file_but_its_files_are_read() -> None:
    write(Path("data/finetuning/more.csv/part.csv"), "sentence_1,sentence_2,score\nice,fire,0\n")
    result = ingest("sentence_pairs")
    assert result.exception is None
    assert "4 pairs" in result.stdout


def test_a_link_to_a_file_that_is_gone_is_told() -> None:
    Path("data/finetuning/more.csv").symlink_to("gone.csv")
    assert "data/finetuning/more.csv" in stopped("sentence_pairs")


def test_a_folder_without_a_csv_file_stops_the_run() -> None:
    PAIRS.unlink()
    assert "data/finetuning holds no *.csv file; put at least one" in stopped("sentence_pairs")


def test_a_catalog_that_is_not_there_stops_the_run() -> None:
    Path("data/autogen_input/small/tea.csv").unlink()
    assert "data/autogen_input/small holds no *.csv file" in stopped("catalog")


def test_a_misspelt_parameter_is_named() -> None:
    write(Path("params.yaml"), PARAMS.replace("max_rejected", "max_rejectd"))
    message = stopped("sentence_pairs")
    assert "ingest.max_rejectd is not a known key" in message
    assert "known are longest_cell, max_rejected" in message


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ("seed: 13\n", "params.yaml has no ingest: found seed"),
        ("ingest: {longest_cell: 1000}\n", "ingest.max_rejected is missing"),
        ("ingest: {longest_cell: 1000, max_rejected: 2}\n", "ingest.max_rejected is 2"),
        ("ingest: {longest_cell: 200000, max_rejected: 0}\n", "ingest.longest_cell is 200000"),
        ("ingest: [\n", "params.yaml is not YAML"),
    ],
)
def test_a_mistake_in_params_stops_the_run(params: str, told: str) -> None:
    write(Path("params.yaml"), params)
    assert told in stopped("sentence_pairs")


def test_a_project_without_params_stops_the_run() -> None:
    Path("params.yaml").unlink()
    assert "params.yaml" in stopped("sentence_pairs")


def test_an_unknown_kind_is_told_with_those_that_are_known() -> None:
    result = ingest("sentences")
    assert result.exit_code == 2
    assert "'catalog', 'sentence_pairs', 'guard'" in result.stderr


def test_a_run_that_stops_leaves_no_half_written_file() -> None:
    write(PAIRS, GOOD_PAIRS + "tea,milk,high\n" * 7)
    stopped("sentence_pairs")
    assert set(outputs("sentence_pairs")) == {
        "sentence_pairs.notes.csv",
        "sentence_pairs.counts.json",
    }
