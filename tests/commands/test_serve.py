"""serve loads what a size has, and says what is missing in one line."""

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from commands import serve
from findtune.serving.keys import Keys
from findtune.serving.ports import refuse_taken

STACK = Path("models/stack/small")
NO_CORPUS = "no search: there is no corpus; `make serve CORPUS=FILE` names one.\n"


@pytest.fixture
def answered() -> list[frozenset[str] | None]:
    """Return the host names that each application answers to."""
    return []


@pytest.fixture
def calls(
    project: Path, answered: list[frozenset[str] | None], monkeypatch: pytest.MonkeyPatch
) -> list[Any]:
    """Return what was loaded, made and run, in a folder with a stack and without a corpus."""
    (project / STACK).mkdir(parents=True)
    calls: list[Any] = []
    modules = {
        "findtune.serving.app": SimpleNamespace(
            create_app=lambda served, keys, hosts, recorder, shuffled, load: (
                calls.append((keys, recorder, shuffled) if shuffled else (keys, recorder))
                or answered.append(hosts)
                or "app"
            )
        ),
        "findtune.serving.recording": SimpleNamespace(Recorder=str),
        "findtune.serving.loading": SimpleNamespace(
            load_served=lambda *arguments: calls.append(arguments) or "served"
        ),
        "findtune.serving.server": SimpleNamespace(run_server=lambda *args: calls.append(args)),
    }
    monkeypatch.setattr(serve, "import_module", modules.__getitem__)
    monkeypatch.setattr(serve, "refuse_taken", lambda host, port: None)
    for name in (serve.API_KEY, serve.ADMIN_KEY):
        monkeypatch.delenv(name, raising=False)
    return calls


@pytest.fixture
def corpus() -> Path:
    """Return the corpus of the feedback; ask for it after calls, which enters the folder."""
    corpus = Path("data/examples/rewriter/small/corpus.jsonl")
    corpus.parent.mkdir(parents=True)
    corpus.write_text("{}", encoding="utf-8")
    return corpus


def test_a_size_is_served_on_this_machine_only(calls: list[Any]) -> None:
    result = CliRunner().invoke(serve.main, ["small"], catch_exceptions=False)
    assert result.stderr == f"{NO_CORPUS}http://127.0.0.1:8080, without a key\n"
    run = ("app", "127.0.0.1", 8080)
    assert calls == [(Path("models"), "small", None, (), None), (Keys(), None), run]


def test_int8_copies_are_run_only_where_asked_for(calls: list[Any]) -> None:
    CliRunner().invoke(serve.main, ["small", "--int8"], catch_exceptions=False)
    assert calls[0] == (Path("models"), "small", None, (), Path("models/export"))


def test_searches_are_recorded_only_where_asked_for(calls: list[Any], corpus: Path) -> None:
    CliRunner().invoke(serve.main, ["small", "--record"], catch_exceptions=False)
    assert calls[1] == (Keys(), "data/served")


def test_the_corpus_of_the_feedback_is_searched(calls: list[Any], corpus: Path) -> None:
    options = ["small", "--model", "stack", "--port", "9000"]
    CliRunner().invoke(serve.main, options, catch_exceptions=False)
    assert calls[0] == (Path("models"), "small", corpus, ("stack",), None)
    assert calls[2] == ("app", "127.0.0.1", 9000)


def test_the_key_comes_from_the_environment_and_is_not_empty(
    calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(serve.API_KEY, "key")
    result = CliRunner().invoke(serve.main, ["small"], catch_exceptions=False)
    assert result.stderr.endswith("http://127.0.0.1:8080, with a key\n")
    assert calls[1] == (Keys("key"), None)
    monkeypatch.setenv(serve.API_KEY, " key\n")  # of a file; no header could bring the line end
    CliRunner().invoke(serve.main, ["small"], catch_exceptions=False)
    assert calls[4] == (Keys("key"), None)
    monkeypatch.setenv(serve.API_KEY, " ")
    result = CliRunner().invoke(serve.main, ["small"])
    assert "FINDTUNE_API_KEY is empty" in result.stderr


def test_the_admin_key_is_another_one_and_not_empty(
    calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(serve.ADMIN_KEY, "boss")
    CliRunner().invoke(serve.main, ["small"], catch_exceptions=False)
    assert calls[1] == (Keys(None, "boss"), None)
    monkeypatch.setenv(serve.API_KEY, "boss")
    result = CliRunner().invoke(serve.main, ["small"])
    assert result.output.startswith("Error: FINDTUNE_API_KEY and FINDTUNE_ADMIN_KEY are the same")
    monkeypatch.setenv(serve.ADMIN_KEY, "")
    result = CliRunner().invoke(serve.main, ["small"])
    assert result.output.startswith("Error: FINDTUNE_ADMIN_KEY is empty")


def test_a_missing_package_is_one_line(calls: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name}", name="fastapi")

    monkeypatch.setattr(serve, "import_module", missing)
    result = CliRunner().invoke(serve.main, ["small"])
    assert result.stderr == (
        "Error: fastapi is not installed; `make setup` installs it, as does the extra serve.\n"
    )


def test_what_is_live_in_a_stage_is_served_and_looked_up_at_each_load(
    calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = iter([Path("live/1"), Path("live/2")])
    monkeypatch.setattr(serve, "check_out_live", lambda *arguments: next(folders))
    CliRunner().invoke(serve.main, ["small", "--live", "prod"], catch_exceptions=False)
    assert calls[0] == (Path("live/1"), "small", None, (), None)
    serve.load_models("small", None, (), "prod", None)
    assert calls[-1] == (Path("live/2"), "small", None, (), None)


def test_pipelines_are_compared_only_where_picks_are_recorded(calls: list[Any]) -> None:
    result = CliRunner().invoke(serve.main, ["small", "--against", "prod"])
    assert result.exit_code == 1
    assert result.output == "Error: AGAINST compares only recorded searches: add RECORD=1.\n"
    assert not calls


def test_only_a_server_of_this_machine_without_a_key_answers_to_its_own_names_alone(
    calls: list[Any], answered: list[frozenset[str] | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for options in ([], ["--allowed-host", "search.test"], ["--host", "0.0.0.0"]):
        CliRunner().invoke(serve.main, ["small", *options], catch_exceptions=False)
    own = {"localhost", "127.0.0.1", "::1"}
    assert answered == [own, own | {"search.test"}, None]
    monkeypatch.setenv(serve.API_KEY, "key")
    CliRunner().invoke(serve.main, ["small"], catch_exceptions=False)
    assert answered[-1] is None


def test_searches_are_shuffled_only_where_they_are_recorded_and_not_interleaved(
    calls: list[Any], corpus: Path
) -> None:
    CliRunner().invoke(serve.main, ["small", "--record", "--shuffle", "0.2"])
    assert calls[1] == (Keys(), "data/served", 0.2)
    calls.clear()
    alone = CliRunner().invoke(serve.main, ["small", "--shuffle", "0.2"])
    assert alone.output == ("Error: SHUFFLE is of use only for recorded searches: add RECORD=1.\n")
    both = ["small", "--record", "--shuffle", "0.2", "--against", "prod"]
    assert "leave one out" in CliRunner().invoke(serve.main, both).output
    assert not calls


def test_a_share_that_is_no_number_is_refused(calls: list[Any]) -> None:
    result = CliRunner().invoke(serve.main, ["small", "--record", "--shuffle", "nan"])
    assert (result.exit_code, result.output) == (
        1,
        "Error: SHUFFLE is a share from 0 to 1, not nan.\n",
    )
    assert not calls


@pytest.mark.parametrize("names", ["embedder", "reranker", "embedder rewriter"])
def test_a_server_that_leaves_the_stack_out_records_nothing_so_it_does_not_start(
    calls: list[Any], corpus: Path, names: str
) -> None:
    models = [part for name in names.split() for part in ("--model", name)]
    result = CliRunner().invoke(serve.main, ["small", "--record", *models])
    assert (result.exit_code, result.output) == (
        1,
        "Error: RECORD=1 keeps searches, and this server would have none: MODELS leaves out the "
        f"stack; `MODELS='stack {names}'` adds it.\n",
    )
    assert not calls
    options = ["small", "--record", "--model", "stack", *models]
    assert CliRunner().invoke(serve.main, options).exit_code == 0


def test_a_server_that_is_to_record_does_not_start_without_a_stack_or_a_corpus(
    calls: list[Any], corpus: Path
) -> None:
    corpus.unlink()
    result = CliRunner().invoke(serve.main, ["small", "--record"])
    assert result.exit_code == 1
    assert result.output.endswith("none: there is no corpus; `make serve CORPUS=FILE` names one.\n")
    STACK.rmdir()
    for options in (["small", "--record"], ["small", "--record", "--corpus", "c.jsonl"]):
        result = CliRunner().invoke(serve.main, options)
        assert (result.exit_code, result.output) == (
            1,
            "Error: RECORD=1 keeps searches, and this server would have none: there is no "
            f"{STACK}; `make train SIZE=small` makes it.\n",
        )
    assert not calls


def test_a_server_without_a_search_says_why_unless_that_was_asked_for(
    calls: list[Any], corpus: Path
) -> None:
    def lines(*options: str) -> list[str]:
        return CliRunner().invoke(serve.main, ["small", *options]).stderr.splitlines()[:-1]

    assert lines() == []
    STACK.rmdir()
    assert lines("--model", "embedder") == []
    assert lines() == [f"no search: there is no {STACK}; `make train SIZE=small` makes it."]


def test_a_missing_stack_is_got_by_what_can_get_it(
    calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = CliRunner().invoke(serve.main, ["large"])
    sizes = "params.yaml has no size large; its sizes are small, medium"
    assert f"no search: there is no models/stack/large; {sizes}.\n" in result.stderr
    STACK.rmdir()
    monkeypatch.setattr("findtune.health.missing.has_remote", lambda: True)
    result = CliRunner().invoke(serve.main, ["small"])
    made = "`make train SIZE=small` makes it"
    assert f"`make pull` fetches it if it was published, and {made}.\n" in result.stderr


def test_a_live_stack_is_searched_where_no_stack_was_trained(
    calls: list[Any], corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "check_out_live", lambda *arguments: Path("live/1"))
    STACK.rmdir()
    result = CliRunner().invoke(serve.main, ["small", "--live", "prod", "--record"])
    assert (result.exit_code, result.stderr) == (0, "http://127.0.0.1:8080, without a key\n")


def test_a_port_in_use_stops_a_server_before_it_loads_models(
    calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "refuse_taken", refuse_taken)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = CliRunner().invoke(serve.main, ["small", "--port", f"{port}"])
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].startswith(f"Error: port {port} is in use; stop that")
    assert not calls
