"""What the Makefile makes of params.yaml and of its variables, before it runs anything."""

import subprocess
from pathlib import Path
from shutil import copy, rmtree

import pytest


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a git repository with the Makefile, in which the setup is done."""
    for name in ("Makefile", "params.yaml", "pyproject.toml", *map(str, Path().glob("*.lock"))):
        copy(name, tmp_path)
    ready = tmp_path / ".venv" / "bin" / ".ready"
    ready.parent.mkdir(parents=True)
    ready.touch()
    for name in ("MODELS", "SIZE", "MAKEFLAGS", "MAKELEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    return tmp_path


def make(*arguments: str) -> str:
    command = ["make", "--silent", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    "models",
    [
        "models: [embedder, reranker]",
        "models: ['embedder', \"reranker\"]  # not [rewriter] yet",
        "models: [embedder,\n  # rewriter,\n  reranker]",
        "models:\n  - embedder  # first\n\n  - reranker",
        "models:\n- embedder\r\n- 'reranker'\r",
    ],
)
def test_the_models_of_params_are_trained_however_their_list_is_written(
    folder: Path, models: str
) -> None:
    text = Path("params.yaml").read_text(encoding="utf-8")
    shipped = "models: [embedder, reranker, rewriter]"
    assert shipped in text
    Path("params.yaml").write_text(text.replace(shipped, models), encoding="utf-8", newline="")
    assert "commands.reproduce card@embedder-small card@reranker-small\n" in make("-n", "train")


def test_a_remote_without_a_url_is_refused_and_the_old_one_stays(folder: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failure:
        make("-n", "remote")
    assert "URL is empty; name the remote: make remote URL=" in failure.value.stderr
    assert "dvc remote add" not in failure.value.stdout


def test_a_preview_that_fails_ends_make_with_an_error(folder: Path) -> None:
    python = Path(".venv/bin/python")
    python.write_text('#!/bin/sh\nshift\n[ "$*" != "commands.preview embedder small" ]\n')
    python.chmod(0o755)
    with pytest.raises(subprocess.CalledProcessError):
        make("preview")
    assert make("preview", "MODELS=reranker") == ""


def test_what_python_compiles_is_kept_where_the_environment_forbids_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    python = Path(".venv/bin/python")
    python.write_text('#!/bin/sh\necho "${PYTHONDONTWRITEBYTECODE-kept}"\n')
    python.chmod(0o755)
    assert make("preview", "MODELS=embedder") == "kept\n" * 2


@pytest.mark.parametrize("command", ["crossvalidate", "prove"])
def test_seeds_may_have_blanks_between_them(folder: Path, command: str) -> None:
    assert "--seeds '13, 14'" in make("-n", command, "SEEDS=13, 14", "DATA=data")


@pytest.mark.parametrize(
    "goal",
    ["search CORPUS", "serve CORPUS", "estimate CORPUS", "bench OUT", "diff BASE", "promote STAGE"],
)
def test_a_value_with_blanks_and_an_apostrophe_is_one_argument(folder: Path, goal: str) -> None:
    python = Path(".venv/bin/python")
    python.write_text('#!/bin/sh\nprintf "<%s>\\n" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    target, name = goal.split()
    value = "the team's $HOME.jsonl"
    assert f"<{value}>\n" in make(target, f"{name}={value.replace('$', '$$')}")


def test_a_base_with_an_apostrophe_reaches_dvc(folder: Path) -> None:
    dvc = Path(".venv/bin/dvc")
    dvc.write_text('#!/bin/sh\nprintf "<%s>\\n" "$@"\n', encoding="utf-8")
    dvc.chmod(0o755)
    assert make("comment", "BASE=the team's") == "<metrics>\n<diff>\n<--md>\n<the team's>\n"


def test_a_comment_without_a_row_says_that_no_measure_differs(folder: Path) -> None:
    dvc = Path(".venv/bin/dvc")
    dvc.touch(mode=0o755)
    for rows, printed in [
        ("", "No measure differs from the team's.\n"),
        ("| ndcg@10 |\n", "| Metric |\n|---|\n| ndcg@10 |\n"),
    ]:
        # So does DVC: it prints the header without rows, too.
        dvc.write_text(f"#!/bin/sh\nprintf '| Metric |\n|---|\n{rows}\n'\n", encoding="utf-8")
        assert make("comment", "BASE=the team's") == printed


def test_a_remote_that_dvc_cannot_write_down_is_refused_and_the_old_one_stays(folder: Path) -> None:
    dvc = Path(".venv/bin/dvc")
    dvc.write_text('#!/bin/sh\nprintf "<%s>\\n" "$@"\n', encoding="utf-8")
    dvc.chmod(0o755)
    assert "<the team's models>\n" in make("remote", "URL=the team's models")
    with pytest.raises(subprocess.CalledProcessError) as failure:
        make("remote", "URL=/mnt/für alle")
    assert "DVC can't write down a URL with letters such as ü" in failure.value.stderr
    assert failure.value.stdout == ""


@pytest.mark.parametrize(
    "goal", ["prove DATA", "prove-stack DATA", "import FILES", "import DOCUMENTS"]
)
def test_a_path_with_blanks_is_quoted_within_a_list(folder: Path, goal: str) -> None:
    python = Path(".venv/bin/python")
    python.write_text('#!/bin/sh\nprintf "<%s>" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    target, name = goal.split()
    for path in ("my data", "other"):
        Path(path).mkdir()
    printed = make(target, "FROM=csv", "FILES=rows.csv", f"{name}='my data' other")
    between = "<--documents>" if name == "DOCUMENTS" else ""
    assert f"{between}<my data>{between}<other>" in printed


def test_a_server_is_not_started_without_a_model_of_its_size(folder: Path) -> None:
    python = Path(".venv/bin/python")
    python.write_text('#!/bin/sh\nshift\necho "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    Path("models/base/embedder/small").mkdir(parents=True)
    missing, served = "commands.missing_models small\n", "commands.serve small\n"
    assert make("serve") == missing + served  # the first one fails, which this one does not
    assert missing not in make("serve", "LIVE=1")
    Path("models/embedder/small").mkdir(parents=True)
    assert make("serve") == served
    assert make("serve", "SIZE=large").startswith("commands.missing_models large\n")


@pytest.mark.parametrize("goal", ["promote", "rollback"])
def test_an_empty_model_is_passed_on_as_such(folder: Path, goal: str) -> None:
    assert f"commands.{goal} ''" in make("-n", goal, "MODEL=")


@pytest.mark.parametrize("goal", ["prove", "prove-stack"])
def test_a_folder_that_is_not_there_is_named_before_a_base_is_fetched(
    folder: Path, goal: str
) -> None:
    Path("here").mkdir()
    with pytest.raises(subprocess.CalledProcessError) as failure:
        make(goal, "DATA=here 'not here'")
    assert failure.value.stderr.startswith("Error: there is no folder not here; ")
    assert failure.value.stdout == ""


def refused(*arguments: str) -> str:
    """Return the one line with which make refuses something before it runs anything."""
    python = Path(".venv/bin/python")
    python.write_text("#!/bin/sh\necho ran\n", encoding="utf-8")
    python.chmod(0o755)
    with pytest.raises(subprocess.CalledProcessError) as failure:
        make(*arguments)
    assert failure.value.stdout == ""
    [line] = failure.value.stderr.splitlines()
    return line


@pytest.mark.parametrize("value", ["yes", "true", "2", "on", "1 yes", "no", "0 1"])
@pytest.mark.parametrize(
    "goal",
    [
        "forget UNANSWERED",
        "serve RECORD",
        "serve INT8",
        "serve LIVE",
        "search INT8",
        "bench QUALITY",
        "diff DETAILS",
        "promote FORCE",
        "stats REVIEW",
    ],
)
def test_a_switch_takes_one_or_zero_and_nothing_runs_for_another_value(
    folder: Path, goal: str, value: str
) -> None:
    target, name = goal.split()
    line = refused(target, f"{name}={value}")
    assert f"{name} is '{value}'; it takes 1 for yes and 0 for no." in line


@pytest.mark.parametrize("value", ["", "0", "1", " 1 "])
def test_a_switch_that_is_one_is_on_and_else_off(folder: Path, value: str) -> None:
    printed = make("-n", "forget", "BEFORE=30d", f"UNANSWERED={value}")
    assert ("--unanswered" in printed) == (value.strip() == "1")


@pytest.mark.parametrize(
    "name",
    [
        *("BEFOR", "BEFORE_", "BEFRE", "before", "Before", "UNANSWERD", "unanswered"),
        *("WHOM", "who", "Who", "CODES", "code", "q"),
    ],
)
def test_a_misspelled_variable_deletes_nothing(folder: Path, name: str) -> None:
    line = refused("forget", f"{name}=30d", "UNANSWERED=1")
    assert f"forget has no option {name}; it takes Q, WHO, CODE, BEFORE and UNANSWERED." in line


def test_what_to_forget_may_be_named_by_every_option(folder: Path) -> None:
    options = ("Q=a b's", "WHO=ada", "CODE=1", "BEFORE=30d", "SIZE=small", "PYTHON=python3")
    assert "--unanswered" in make("-n", "forget", *options, "UNANSWERED=1")


@pytest.mark.parametrize(
    "name", ["ENV", "SHELL", "ENGINE", "PORT", "TARGET", "BIN", "USER", "CC", "b", "COLOR"]
)
def test_a_make_around_this_one_may_have_variables_of_its_own(folder: Path, name: str) -> None:
    Path("outer.mk").write_text("nightly: ; @$(MAKE) -n forget BEFORE=90d\n", encoding="utf-8")
    value = "/bin/sh" if name == "SHELL" else "prod"
    assert "--before '90d'" in make("-f", "outer.mk", "nightly", f"{name}={value}")


@pytest.mark.parametrize("value", [(), ("FROM=",), ("FROM= ",)])
def test_an_import_from_nowhere_names_the_variable(folder: Path, value: tuple[str, ...]) -> None:
    line = refused("import", "FILES=t/ubi_q.ndjson", *value)
    assert "FROM is empty; name the program that wrote them: make import FROM=ubi" in line


@pytest.mark.parametrize("goal", ["preview", "stats", "crossvalidate", "prove", "prove-stack"])
def test_a_size_is_required_before_its_stages_run_and_none_is_added(
    folder: Path, goal: str
) -> None:
    printed = make("-n", goal, "SIZE=medium", "DATA=data")
    check, stages = printed.find("commands.require_size medium"), printed.find("commands.reproduce")
    assert 0 <= check < stages
    assert "commands.add_size" not in printed


@pytest.mark.parametrize("goal", ["train", "export"])
def test_a_size_is_added_by_what_makes_its_models(folder: Path, goal: str) -> None:
    assert "commands.add_size medium" in make("-n", goal, "SIZE=medium")


def test_documents_are_graded_only_where_the_stack_was_evaluated(folder: Path) -> None:
    missing = "commands.stack_table medium\n"  # which fails, and says what to run
    assert missing in make("-n", "grade", "SIZE=medium").split("commands.reproduce")[0]
    path = Path("metrics/stack/medium.md")
    path.parent.mkdir(parents=True)
    path.touch()
    assert missing not in make("-n", "grade", "SIZE=medium")


def test_the_statistics_are_of_the_models_whose_data_were_prepared(folder: Path) -> None:
    assert "commands.stats small reranker" in make("-n", "stats", "MODELS=reranker")


def test_feedback_is_not_made_private_outside_git(folder: Path) -> None:
    rmtree(".git")
    assert "this folder is in no git repository; run: git init" in refused("private")
