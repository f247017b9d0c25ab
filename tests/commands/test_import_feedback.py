"""The command `import_feedback`: exports become feedback that ingest reads, each record once."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from click.testing import CliRunner, Result

from commands.import_feedback import main
from findtune.core.files import read_jsonl
from findtune.importing.feedback import Feedback
from findtune.importing.sources import SOURCES
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
@pytest.mark.parametrize("more", [(), ("--documents", str(EXPORTS / "documents.jsonl"))])
@pytest.mark.parametrize("source", FILES)
def test_an_import_writes_what_ingest_reads_without_a_complaint(
    source: str, more: tuple[str, ...]
) -> None:
    result = run(source, *more)
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


def titles() -> dict[str, str]:
    """Return the titles of all sources of the imported lists, by URL."""
    lists = (
        row for path in FOLDER.glob("reranker_training_data_*.jsonl") for row in read_jsonl(path)
    )
    shown = (source for row in lists for source in row["all_sources"])
    return {source["url"]: source.get("title", "") for source in shown}


@pytest.mark.usefixtures("project")
def test_a_later_import_without_documents_loses_no_title_and_no_address() -> None:
    run("ubi", "--documents", str(EXPORTS / "documents.jsonl"))
    before = {path: path.read_bytes() for path in FOLDER.iterdir()}
    assert titles()["https://stats.example/rate"] == "Unemployment rate"
    assert "0 new, 0 changed, 1 known" in run("ubi").stdout
    assert {path: path.read_bytes() for path in FOLDER.iterdir()} == before


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "corpus.jsonl",
            '{"id": "d4", "url": "https://x.example/4", "title": "Rates", "text": "b"}',
        ),
        ("corpus_of_mine.json", '{"corpus": [{"_id": "d4", "name": "Rates", "content": "b"}]}'),
        (
            "reranker_training_data.json",
            '{"reranker_data": [{"query": "a", "all_sources": [{"url": "d4", "title": "Rates"}]}]}',
        ),
    ],
)
def test_titles_come_from_what_the_project_knows(name: str, text: str) -> None:
    FOLDER.mkdir(parents=True)
    (FOLDER / name).write_text(text, encoding="utf-8")
    (FOLDER / "corpus_broken.json").write_text("{", encoding="utf-8")
    assert run("ubi").exit_code == 0
    url = "https://x.example/4" if "https" in text else "d4"
    assert titles()[url] == "Rates"


@pytest.mark.usefixtures("project")
def test_a_known_title_is_recognized_in_another_spelling_of_its_address() -> None:
    FOLDER.mkdir(parents=True)
    text = '{"url": "https://www.a.example/1/", "title": "Rates"}'
    (FOLDER / "corpus.jsonl").write_text(text, encoding="utf-8")
    Path("clicks.csv").write_text(
        "query,shown,clicked\nrate,http://a.example/1;b,b\n", encoding="utf-8"
    )
    CliRunner().invoke(main, ["csv", "clicks.csv"])
    assert titles()["http://a.example/1"] == "Rates"


@pytest.mark.usefixtures("project")
def test_a_search_of_a_csv_is_known_again_whatever_documents_say_of_its_ids() -> None:
    rows = "query,shown,clicked\nrate,d4;d1,d4\n"
    Path("ids.csv").write_text(rows, encoding="utf-8")
    run_csv = ["csv", "ids.csv"]
    CliRunner().invoke(main, run_csv)
    documents = ["--documents", str(EXPORTS / "documents.jsonl")]
    assert ": 0 new, 1 changed" in CliRunner().invoke(main, [*run_csv, *documents]).stdout
    assert ": 0 new, 0 changed" in CliRunner().invoke(main, run_csv).stdout


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
        (["langfuse", str(EXPORTS / "clicks.csv")], "needed: scores, traces and observations"),
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


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("source", "content", "messages"),
    [
        (
            "open-webui",
            '[{"id": "c1", "title": "x", "chat": {}}]',
            ["1 chats, which are not the feedback that Evaluations exports", "Feedbacks, Export"],
        ),
        ("open-webui", "[]", ["no record of open-webui; needed: ", "Feedbacks, Export"]),
        ("librechat", "# Chat\nhi\n", ["2 lines that are not JSON", "rated messages"]),
        ("csv", "query,url,clicked\ntea,a\n", ["1 rows: 2 cells where", "below the header"]),
        ("csv", "query,url,clicked\n", ["no record of csv; needed: ", "below the header"]),
    ],
)
def test_an_export_of_something_else_is_answered_with_the_one_that_is_needed(
    source: str, content: str, messages: list[str]
) -> None:
    Path("export").write_text(content, encoding="utf-8")
    result = CliRunner().invoke(main, [source, "export"])
    assert result.exit_code == 1
    [line] = filter(None, result.stderr.splitlines())
    assert all(message in line for message in ["export: no record of", *messages])


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("source", "content"),
    [
        ("langfuse", '{"id": "t1", "input": "how many?", "output": "3"}'),
        ("librechat", '{"messageId": "m1", "text": "how many?"}'),
    ],
)
def test_an_export_without_a_score_or_a_rating_says_what_is_needed(
    source: str, content: str
) -> None:
    Path("export").write_text(content, encoding="utf-8")
    result = CliRunner().invoke(main, [source, "export"])
    assert "the files hold neither a search nor a rating; needed: " in result.stderr


@pytest.mark.usefixtures("project")
def test_an_export_of_searches_alone_lacks_nothing() -> None:
    Path("clicks.csv").write_text("query,shown,clicked\ntea,doc:1;doc:2,doc:1\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["csv", "clicks.csv"])
    assert result.exit_code == 0
    assert "neither a search nor a rating" not in result.stderr


def ubi_rows(*searches: tuple[str, str, str]) -> list[dict[str, object]]:
    """Return the queries and clicks of one session; searches: id, question and shown, pick last."""
    rows: list[dict[str, object]] = []
    for name, question, hits in searches:
        time = f"2026-11-01T10:0{name}:00Z"
        own = {"query_id": name, "timestamp": time}
        rows.append(own | {"user_query": question, "session_id": "s"})
        rows[-1]["query_response_hit_ids"] = [*hits]
        clicked = {"object": {"object_id": hits[-1]}}
        rows.append(own | {"action_name": "click", "event_attributes": clicked})
    return rows


def import_ubi(rows: list[dict[str, object]]) -> str:
    Path("export.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return CliRunner().invoke(main, ["ubi", "export.jsonl"]).stdout


@pytest.mark.usefixtures("project")
def test_a_click_on_a_wording_that_is_searched_again_reaches_ingest() -> None:
    asked = ("1", "cheap flights", "ab"), ("2", "cheap flight tickets", "ef")
    rows = ubi_rows(*asked, ("3", "cheap flights", "cd"))
    rows = [row for row in rows if "user_query" in row or row["query_id"] == "3"]
    for _ in range(2):
        import_ubi(rows)
        report = write_clean(
            "searches", data=Path("data"), out=Path("out"), limits=LIMITS, progress_bar=MagicMock()
        )
        assert not [row for row in report.notes if row.action != "kept"]
        [clean] = read_jsonl(Path("out/searches.jsonl"))
        assert clean["selected"] == ["d"]
    assert "0 new, 0 changed, 1 known" in import_ubi(rows)


URLS = ["https://x.example/a", "https://x.example/b"]
CLICKED: list[dict[str, object]] = [  # the answer cites one source, a user opens the other
    {"id": "t1", "input": "how many?", "output": f"See {URLS[0]}."},
    {"id": "o1", "trace_id": "t1", "type": "RETRIEVER", "output": [{"url": url} for url in URLS]},
    {"id": "s1", "trace_id": "t1", "value": 1, "data_type": "BOOLEAN"},
    {"id": "s2", "trace_id": "t1", "string_value": URLS[1]},
]


@pytest.mark.usefixtures("project")
def test_nothing_is_said_of_ratings_without_sources_where_there_are_none() -> None:
    Path("export.jsonl").write_text("\n".join(map(json.dumps, CLICKED)), encoding="utf-8")
    result = CliRunner().invoke(main, ["langfuse", "export.jsonl"])
    assert "1 ratings (1 up" in result.stderr
    assert "name no source" not in result.stderr
    assert "neither a search nor a rating" not in result.stderr


@pytest.mark.usefixtures("project")
def test_a_click_that_a_later_export_adds_replaces_what_the_answer_cites() -> None:
    picks = []
    for count in (3, 4, 4):
        Path("export.jsonl").write_text("\n".join(map(json.dumps, CLICKED[:count])), "utf-8")
        CliRunner().invoke(main, ["langfuse", "export.jsonl"])
        lists = read_jsonl(FOLDER / "reranker_training_data_langfuse.jsonl")
        picks.append([row["positive_sources"] for row in lists])
    assert picks == [[[URLS[0]]], [[URLS[1]]], [[URLS[1]]]]


@pytest.mark.usefixtures("project")
def test_clicks_on_everything_leave_what_the_answer_cites() -> None:
    both = [*CLICKED, {"id": "s3", "trace_id": "t1", "string_value": URLS[0]}]
    for rows in (CLICKED[:3], both, both):
        Path("export.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
        assert CliRunner().invoke(main, ["langfuse", "export.jsonl"]).exit_code == 0
        [row] = read_jsonl(FOLDER / "reranker_training_data_langfuse.jsonl")
        assert row["positive_sources"] == [URLS[0]]


@pytest.mark.usefixtures("project")
def test_a_list_that_an_export_contradicts_is_removed_though_no_list_is_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("export.jsonl").write_text("\n".join(map(json.dumps, CLICKED[:3])), "utf-8")
    CliRunner().invoke(main, ["langfuse", "export.jsonl"])
    path = FOLDER / "reranker_training_data_langfuse.jsonl"
    [before] = read_jsonl(path)

    def contradict(*arguments: Any) -> Feedback:
        arguments[-1].rows["scores"] += 1
        return Feedback(replaced={before["id"]})

    monkeypatch.setitem(SOURCES, "langfuse", contradict)
    result = CliRunner().invoke(main, ["langfuse", "export.jsonl"])
    assert f"{path}: 0 new, 1 changed, 0 known" in result.stdout
    assert not path.exists()  # since ingest refuses an empty file


THUMBS: dict[str, tuple[str, dict[str, object]]] = {
    "null": ("librechat", {"messageId": "m", "text": "t", "feedback": None}),
    "down": ("librechat", {"messageId": "m", "text": "t", "feedback": {"rating": "thumbsDown"}}),
    "no rating": ("open-webui", {"id": "f", "data": {"rating": None}, "snapshot": {}}),
    "0": ("langfuse", {"id": "s", "trace_id": "t", "value": 0, "data_type": "BOOLEAN"}),
}


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("name", THUMBS)
def test_a_thumb_that_is_none_at_its_first_import_names_no_file_that_is_not_there(
    name: str,
) -> None:
    source, row = THUMBS[name]
    Path("export.jsonl").write_text(json.dumps(row), "utf-8")
    result = CliRunner().invoke(main, [source, "export.jsonl"])
    assert result.exit_code == 0
    assert ".jsonl: 0 new" not in result.stdout
    assert not FOLDER.exists() or not [*FOLDER.iterdir()]


@pytest.mark.usefixtures("project")
def test_nothing_is_imported_beside_feedback_that_was_not_fetched() -> None:
    FOLDER.parent.mkdir()
    pointer = FOLDER.with_suffix(".dvc")
    pointer.write_text("outs:\n- md5: 0123.dir\n  path: training_data\n", encoding="utf-8")
    result = run("csv")
    assert result.exit_code == 1
    assert "data/training_data is not here; `make pull` first." in result.stderr
    assert [*FOLDER.parent.iterdir()] == [pointer]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("known", [True, False])
def test_a_source_that_feedback_has_by_its_id_keeps_it_and_an_import_changes_nothing_twice(
    known: bool,
) -> None:
    # LangChain's form: an id beside the address
    sources = [{"id": f"d{url[-1]}", "text": "x", "metadata": {"source": url}} for url in URLS]
    rows = [CLICKED[0], CLICKED[1] | {"output": sources}, CLICKED[3]]
    Path("export.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    if known:
        FOLDER.mkdir(parents=True)
        earlier = {"query": "how?", "all_sources": [{"url": "db", "snippet": "x"}]}
        (FOLDER / "reranker_training_data.jsonl").write_text(json.dumps(earlier), "utf-8")
    results = [CliRunner().invoke(main, ["langfuse", "export.jsonl"]) for _ in range(2)]
    assert "0 new, 0 changed, 1 known" in results[1].stdout
    [row] = read_jsonl(FOLDER / "reranker_training_data_langfuse.jsonl")
    assert row["positive_sources"] == (["db"] if known else [URLS[1]])


def picked(**scores: str) -> list[list[str]]:
    rows = [{"id": key, "trace_id": "t1", "string_value": url} for key, url in scores.items()]
    found = CLICKED[1] | {"output": [{"url": url} for url in [*URLS, "c", "d"]]}
    Path("export.jsonl").write_text("\n".join(map(json.dumps, [CLICKED[0], found, *rows])), "utf-8")
    assert CliRunner().invoke(main, ["langfuse", "export.jsonl"]).exit_code == 0
    lists = read_jsonl(FOLDER / "reranker_training_data_langfuse.jsonl")
    return [row["positive_sources"] for row in lists]


@pytest.mark.usefixtures("project")
def test_a_pick_whose_score_now_names_another_source_is_a_pick_no_more() -> None:
    assert picked(s1="c", s2="d") == [["c", "d"]]
    assert picked(s1=URLS[0]) == [["d", URLS[0]]]  # an export of one day lacks s2
    assert picked(s3="c") == [["d", URLS[0], "c"]]
    assert picked(s1="c") == [["d", "c"]]
    assert picked(s1="d") == [["d", "c"]]  # s3 picked c, too


@pytest.mark.usefixtures("project")
def test_picks_of_imports_that_did_not_say_which_score_gave_them_stay() -> None:
    assert picked(s1="c") == [["c"]]
    path = FOLDER / "reranker_training_data_langfuse.jsonl"
    [record] = read_jsonl(path)
    del record["picked_by"]
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    assert picked(s1="d") == [["c", "d"]]
