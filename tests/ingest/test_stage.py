"""The stage writes three files per kind and one line; a mistake in the data is one message."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAIRS, LISTS = "data/finetuning/pairs.csv", "data/training_data/reranker_training_data.json"
JUDGMENTS = "data/training_data/judgments.json"
GOOD_PAIRS = "sentence_1,sentence_2,score\ntea,coffee,0.3\nchar,brew,0.9\ntea,rain,0\n"
HEADER = "dcid,Name,Description,Override_Alternatives,Curated_Alternatives\n"
DOCUMENTS = "documents, 0 documents without snippet"
ROLES = "1 small curated, 1 small description, 2 small generated, 1 small name"
# What a run on good data prints.
LINES = {
    "embedder/catalog": f"1 medium name, {ROLES}",
    "embedder/sentence_pairs": "3 pairs",
    "embedder/guard": "3 pairs",
    "embedder/guard_queries": "1 queries, 1 texts",
    "reranker/ranked_lists": f"3 {DOCUMENTS}, 1 picks, 1 records, 2 refused",
    "reranker/judgments": "1 judgments, 1 queries",
    "rewriter/searches": f"3 {DOCUMENTS}, 2 picks, 1 records, 2 searches",
    "rewriter/corpus": f"1 {DOCUMENTS}, 1 records",
    "rewriter/judgments": "1 judgments, 1 queries",
    "preferences/preferences": f"1 {DOCUMENTS}, 1 records",
}


@pytest.fixture
def full(project: Any) -> Any:
    """Return a project with good data of every kind."""
    project.write("finetuning/pairs.csv", GOOD_PAIRS)
    project.write("guard/pairs.csv", GOOD_PAIRS)
    project.write("guard/queries.csv", "query,text\nhot drink,Tea.\n")
    project.write("autogen_input/small/tea.csv", f"{HEADER}tea,Tea,Cups drunk.,,brew\n")
    project.write("autogen_input/medium/ice.csv", f"{HEADER}ice,Ice,,,\n")
    project.write("alternatives/tea.csv", "dcid,Alternatives\ntea,char;how much tea?\n")
    project.write_feedback("reranker_training_data.json", project.ranked_list("wie süß?\u2028"))
    searches = project.search_record("wie\nsüß?\x85")
    project.write_feedback("query_rewriting_training_data.json", searches)
    project.write_feedback("training_data.json", project.preference())
    project.write_feedback("corpus.jsonl", project.document("a"))
    project.write("training_data/judgments.json", '{"wie süß?": {"https://example.org/a": 3}}')
    return project


def write_pairs(project: Any, rows: str) -> None:
    """Add rows to the good pairs; characters such as é are written in latin-1."""
    project.write("finetuning/pairs.csv", f"{GOOD_PAIRS}{rows}\n".encode("latin-1"))


@pytest.mark.parametrize("output", LINES)
def test_a_run_writes_three_files_and_one_line_and_again_with_this_projects_params(
    full: Any, output: str
) -> None:
    result = full.run(output)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{output}: {LINES[output]}\n"
    outputs = full.outputs()
    suffixes = ("counts.json", "jsonl", "report.csv")
    assert [*outputs] == [f"{output}.{suffix}" for suffix in suffixes]
    assert full.report_rows(output) == []
    assert outputs[f"{output}.jsonl"].endswith(b"}\n")
    assert all([*record] == sorted(record) for record in full.clean_records(output))
    Path("params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    full.run(output)
    assert full.outputs() == outputs


def test_a_bad_row_is_counted_printed_and_left_out(full: Any) -> None:
    write_pairs(full, "tea,maté,0.5\nlast,row,0.1")
    result = full.run("embedder/sentence_pairs")
    assert result.exit_code == 0
    report = "data/clean/embedder/sentence_pairs.report.csv"
    counts = "embedder/sentence_pairs: 4 pairs, 1 rejected"
    assert result.stdout == f"{counts}\n  full report: {report}\n"
    assert result.stderr.startswith(f"  rejected {PAIRS}:5")
    assert result.stderr.count("\n") == 1
    [row] = full.report_rows("embedder/sentence_pairs")
    assert [row["action"], row["file"], row["line"]] == ["rejected", PAIRS, "5"]
    assert row["reason"] and row["remedy"]
    pair = {"sentence_1": "last", "sentence_2": "row", "score": 0.1, "source": f"{PAIRS}:6"}
    assert full.clean_records("embedder/sentence_pairs")[-1] == pair


def test_a_bad_record_is_printed_before_a_file_that_nothing_reads(full: Any) -> None:
    bad = full.ranked_list("milk?", all_sources=3)
    full.write_feedback("reranker_training_data.json", full.ranked_list(), bad)
    full.write("training_data/march.json", "{}")
    result = full.run("reranker/ranked_lists")
    assert result.exit_code == 0
    assert "1 dropped, 1 picks, 1 records, 2 refused, 1 rejected\n  full report: " in result.stdout
    rejected, dropped = result.stderr.splitlines()
    assert rejected == (
        f"  rejected {LISTS}, record 2, all_sources: expected a list of documents, found a number; "
        "write a list of objects with url, title and snippet."
    )
    assert dropped.startswith("  dropped data/training_data/march.json: a file that nothing reads;")


def test_as_many_rejects_as_allowed_pass_and_at_most_five_are_printed(full: Any) -> None:
    rows = [f"tea,{number},0.5\ntea,milk {number},high" for number in range(6)]
    write_pairs(full, "\n".join([*rows, "a,b,high\nc,d,high\ne,f,high"]))
    result = full.run("embedder/sentence_pairs")
    assert "9 pairs, 9 rejected" in result.stdout
    assert result.stderr.count("rejected") == 5
    assert len(full.report_rows("embedder/sentence_pairs")) == 9


def test_an_unusual_row_that_stays_is_counted_and_not_printed(full: Any) -> None:
    full.write("autogen_input/medium/ice.csv", f"{HEADER}ice,Ice,,,char\n")
    result = full.run("embedder/catalog")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "1 kept" in result.stdout
    assert [row["action"] for row in full.report_rows("embedder/catalog")] == ["kept"]


def test_the_screen_never_shows_the_text_of_users(full: Any) -> None:
    secret = "secret"
    bad: list[Any] = [{"all_sources": secret}, {"positive_sources": secret}]
    bad.append({"all_sources": [full.document(secret)], "positive_sources": [full.url(secret)]})
    lists = [full.ranked_list(f"{secret} {number}", **fields) for number, fields in enumerate(bad)]
    long, foreign = full.ranked_list(secret * 100), {secret: secret}
    full.write_feedback("reranker_training_data.json", *lists, long, foreign)
    searches = full.search_record(query_source_mapping={secret: {secret: 1}})
    full.write_feedback("query_rewriting_training_data.json", searches)
    full.write_feedback("training_data.json", full.preference(selected_response=secret))
    for output in ("reranker/ranked_lists", "rewriter/searches"):
        assert secret not in full.stop(output)
    result = full.run("preferences/preferences")
    assert result.exit_code == 0
    assert secret not in result.output
    assert full.report_rows("reranker/ranked_lists")[0]["value"]


BAD_PREFERENCES = {
    "broken": b'{"training_data": [{',
    "no JSON": b"\x00\x00",
    "other keys": b'{"votes": []}',
    "bad records": b'{"training_data": [1, 2, 3]}',
    "not packed": b"x",
}


@pytest.mark.parametrize("content", BAD_PREFERENCES.values(), ids=BAD_PREFERENCES)
def test_preferences_never_stop_a_run_since_no_model_learns_from_them(
    full: Any, content: bytes
) -> None:
    suffix = ".json.gz" if content == b"x" else ".json"
    full.write(f"training_data/training_data_2{suffix}", content)
    result = full.run("preferences/preferences")
    assert result.exit_code == 0
    assert result.stdout.startswith("preferences/preferences: 1 dropped\n")
    assert result.stderr.startswith("  dropped all files: ")
    assert "no model learns from it" in result.stderr
    assert full.clean_records("preferences/preferences") == []


def test_the_commonest_reason_is_printed_first_with_its_count(full: Any) -> None:
    rows = ["tea,,0.5", *(f"tea,milk {number},high" for number in range(3)), "tea,cup,2.5e-1"]
    write_pairs(full, "\n".join(rows))
    lines = full.run("embedder/sentence_pairs").stderr.splitlines()
    assert lines[0].startswith(f"  rejected {PAIRS}:6, column score: not a number")
    assert lines[0].endswith(" (3 times)")
    assert lines[1].startswith(f"  rejected {PAIRS}:5, column sentence_2: no words")


def test_records_that_teach_nothing_are_printed_as_one_line_each_kind(full: Any) -> None:
    idle = [full.ranked_list(positive_sources=[], user=number) for number in range(30)]
    full.write_feedback("reranker_training_data.json", *idle, full.ranked_list())
    result = full.run("reranker/ranked_lists")
    assert result.exit_code == 0
    assert result.stderr == "  dropped 30 records without a pick\n"
    Path("data/clean/reranker/ranked_lists.jsonl").unlink()
    full.write_feedback("reranker_training_data.json", *idle)
    error = full.stop("reranker/ranked_lists")
    assert "no ranked_lists records can be used: 30 records without a pick, data/clean" in error


def test_a_file_of_which_most_rows_are_rejected_stops_the_run(full: Any) -> None:
    full.write("finetuning/large.csv", GOOD_PAIRS + "".join(f"a,b{n},0.5\n" for n in range(99)))
    write_pairs(full, "".join(f"tea,milk {number},high\n" for number in range(10)))
    error = full.stop("embedder/sentence_pairs")
    assert f"10 of 13 rows of {PAIRS} were rejected, first {PAIRS}:5, column score: not a" in error


def test_a_file_that_stops_the_run_does_not_hide_those_that_nothing_reads(full: Any) -> None:
    full.write("finetuning/pairs.xlsx", "x")
    full.write("finetuning/scale.csv", "sentence_1,sentence_2,score\na,b,5\n")
    error = full.stop("embedder/sentence_pairs")
    assert "scale.csv: scores from 5 to 5" in error
    assert "\n  data/finetuning/pairs.xlsx: a file that nothing reads; " in error


@pytest.mark.parametrize(
    ("output", "message", "file"),
    [
        ("embedder/sentence_pairs", "7 of 10 rows were rejected, more than ingest.", f"{PAIRS}:"),
        ("reranker/ranked_lists", "7 of 9 records were rejected, more than feedback.", ", record "),
        ("rewriter/judgments", "7 of 8 judgments were rejected, more than feedback.", ", record "),
    ],
)
def test_too_many_rejects_stop_the_run_and_name_the_report(
    full: Any, output: str, message: str, file: str
) -> None:
    write_pairs(full, "".join(f"tea,milk {number},high\n" for number in range(7)))
    bad = [full.ranked_list(f"tea {number}?", all_sources=[]) for number in range(7)]
    lists = [full.ranked_list(), full.ranked_list("milk?"), *bad]
    full.write_feedback("reranker_training_data.json", *lists)
    judgments = {"milk?": {"https://example.org/a": 1}, **{str(number): 0 for number in range(7)}}
    full.write("training_data/judgments.json", json.dumps(judgments))
    error = full.stop(output)
    assert f"{message}max_rejected = 0.5.\n" in error
    assert f"All of them are in data/clean/{output}.report.csv." in error
    assert error.count(file) == 5
    assert len(full.report_rows(output)) == 7
    assert [*full.outputs()] == [f"{output}.counts.json", f"{output}.report.csv"]


def test_the_share_of_rejects_in_a_catalog_counts_rows_and_not_texts(full: Any) -> None:
    tea = "tea,Tea,Cups.;Pots.;Leaves.;Bags.,,one;two;three;four;five;six\n"
    rows = [tea.replace("six", f"six;{number}") for number in range(5)]
    full.write("autogen_input/small/tea.csv", HEADER + "".join(rows))
    # 5 rows of tea, 1 of ice, 1 list of alternatives
    assert "4 of 7 rows were rejected" in full.stop("embedder/catalog")


def test_data_without_a_row_or_record_stop_the_run_and_name_the_key_of_the_records(
    full: Any,
) -> None:
    full.write("autogen_input/small/tea.csv", HEADER)
    full.write("autogen_input/medium/ice.csv", HEADER)
    full.write("alternatives/tea.csv", "dcid,Alternatives\n")
    full.write_feedback("reranker_training_data.json")
    none = "can be used: the files hold none"
    assert f"no catalog rows {none}.\n" in full.stop("embedder/catalog")
    error = full.stop("reranker/ranked_lists")
    key = "(a .json file holds them under the key reranker_data)"
    assert f"no ranked_lists records {none} {key}.\n" in error


def test_a_kind_without_its_file_names_the_file_and_the_model_to_remove(full: Any) -> None:
    stems = ("reranker_training_data", "query_rewriting_training_data")
    for output, stem in zip(("reranker/ranked_lists", "rewriter/searches"), stems, strict=True):
        Path(f"data/training_data/{stem}.json").unlink()
        missing = f"data/training_data holds no {stem}*.json or {stem}*.jsonl file; put at least "
        remedy = f"remove {output.split('/')[0]} from `models` in params.yaml."
        assert full.stop(output) == f"Error: {missing}one there. To do without it, {remedy}\n"


@pytest.mark.parametrize(
    ("output", "file", "content", "message"),
    [
        ("embedder/sentence_pairs", PAIRS, b"\x89PNG\r\n\x1a\n\x00\x00\rIHDR", ":1: "),
        ("embedder/guard", "data/guard/pairs.csv", b"a," * 999, ":1: a row of 1,998"),
        ("reranker/ranked_lists", LISTS, b'{"reranker_data": [{}', "the file breaks off here"),
        ("rewriter/judgments", JUDGMENTS, b'{"tea?": {\n', "line 2, column 1: not JSON"),
    ],
    ids=["a picture", "a long header", "JSON", "judgments"],
)
def test_a_file_that_can_not_be_read_stops_the_run_and_nothing_is_written(
    full: Any, output: str, file: str, content: bytes, message: str
) -> None:
    Path(file).write_bytes(content)
    error = full.stop(output)
    assert file in error and message in error
    assert full.outputs() == {}


def test_a_team_may_have_no_scored_pairs_but_a_csv_file_that_is_gone_stops_the_run(
    full: Any,
) -> None:
    Path(PAIRS).unlink()
    Path(PAIRS).symlink_to("gone.csv")
    assert f"{PAIRS} can't be read" in full.stop("embedder/sentence_pairs")
    for path, name in ((PAIRS, "sentence_pairs"), ("data/guard/pairs.csv", "guard")):
        Path(path).unlink()
        result = full.run(f"embedder/{name}")
        assert result.stdout == f"embedder/{name}: 0 pairs\n"
        assert "holds no scored pair" in result.stderr


@pytest.mark.parametrize(
    ("outputs", "params", "message"),
    [
        ([*LINES][:4], "{max_row_bytes: 1000, max_rejected: 2}", "ingest.max_rejected is 2"),
        ([*LINES][:4], "{max_row_bytes: 200000}", "ingest.max_row_bytes is 200000"),
        ([*LINES][4:], "{max_documents: 1}", "feedback.max_documents is 1"),
    ],
)
def test_a_mistake_in_params_stops_the_kinds_that_take_its_section(
    full: Any, outputs: list[str], params: str, message: str
) -> None:
    Path("params.yaml").write_text(f"{message.split('.')[0]}: {params}\n", encoding="utf-8")
    for output in outputs:
        assert message in full.stop(output)


def test_an_unknown_kind_is_refused_with_those_that_are_known(full: Any) -> None:
    assert "'catalog', 'sentence_pairs', 'guard'" in full.run("embedder/sentences").stderr


def test_the_stage_loads_neither_torch_nor_pandas() -> None:
    code = "import sys, stages.ingest; sys.exit(len({'torch', 'pandas'} & {*sys.modules}))"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_feedback_behind_a_link_that_leads_nowhere_is_one_line(full: Any) -> None:
    Path(LISTS).unlink()
    for target in ("gone.json", Path(LISTS).name):
        Path(LISTS).symlink_to(target)
        result = full.run("reranker/ranked_lists")
        assert result.exit_code == 1
        assert f"{LISTS} can't be read: " in result.output
        Path(LISTS).unlink()


@pytest.mark.parametrize("cell", ["3?", "good", "-1", "1.5"])
def test_one_bad_grade_among_many_rows_that_wait_for_theirs_stops_nothing(
    project: Any, cell: str
) -> None:
    grades = ["1"] * 10 + [cell] + [""] * 189
    rows = (f"q {n // 10},https://e.org/{n},{grade}\n" for n, grade in enumerate(grades))
    project.write("training_data/search_grades.csv", "query,url,grade\n" + "".join(rows))
    set_max_rejected(0.004)
    assert "1 of 200 rows were rejected" in project.stop("stack/search_grades")
    set_max_rejected(0.005)
    result = project.run("stack/search_grades")
    assert result.exit_code == 0, result.stderr
    assert len(project.clean_records("stack/search_grades")) == 1


def set_max_rejected(share: float) -> None:
    """Write a params.yaml in which no larger share of rows or records may be rejected."""
    sections = (
        f"ingest: {{max_row_bytes: 1000, max_rejected: {share}}}",
        f"feedback: {{max_text_chars: 200, max_documents: 10, max_rejected: {share}}}",
    )
    Path("params.yaml").write_text("\n".join(["models: []", *sections]), encoding="utf-8")


def write_idle_rows(project: Any, output: str) -> None:
    """Write 40 rows or judgments, of which one is good, one is bad, and the others are idle."""
    if output == "embedder/catalog":
        project.write("autogen_input/small/tea.csv", HEADER + "tea,Tea,,,\n" * 39 + ",Ice,,,\n")
    elif output == "embedder/sentence_pairs":
        rows = "a,b,0.5\n" * 39 + "a,b,high\n"
        project.write("finetuning/pairs.csv", f"sentence_1,sentence_2,score\n{rows}")
    else:
        grades = ",".join(['"https://e.org/a": 1'] * 39)
        project.write("training_data/judgments.json", f'{{"tea?": {{{grades}, "b": -1}}}}')


@pytest.mark.parametrize(
    "output", ["embedder/catalog", "embedder/sentence_pairs", "reranker/judgments"]
)
def test_the_share_of_rejects_is_of_all_rows_also_those_that_repeat_others(
    project: Any, output: str
) -> None:
    write_idle_rows(project, output)
    set_max_rejected(0.01)
    assert "1 of 40 " in project.stop(output)
    set_max_rejected(0.025)
    result = project.run(output)
    assert result.exit_code == 0, result.stderr


def test_a_few_bad_judgments_of_many_do_not_count_as_most_of_the_file(project: Any) -> None:
    grades = {f"https://e.org/{n}": 2 if n % 4 else "two" for n in range(60)}
    project.write("training_data/judgments.json", json.dumps({"tea?": grades}))
    result = project.run("reranker/judgments")
    assert result.exit_code == 0, result.stderr
    assert "15 rejected" in result.stdout


def test_a_header_that_comes_again_is_no_row_of_the_share(project: Any) -> None:
    rows = "a,b,0.5\nsentence_1,sentence_2,score\n" * 3 + "a,b,high\n"
    project.write("finetuning/pairs.csv", f"sentence_1,sentence_2,score\n{rows}")
    set_max_rejected(0.2)
    assert "1 of 4 rows" in project.stop("embedder/sentence_pairs")
