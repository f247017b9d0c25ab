"""rewrite compares base and tuned on held-out questions, and takes questions as they are typed."""

import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from commands.rewrite import main, side_by_side
from findtune.rewriter.evaluation.results import Evaluation, ModelRewrites
from findtune.rewriter.model.lexicon import Lexicon


def test_a_missing_model_is_one_line_with_the_command_that_makes_it(project: Path) -> None:
    result = CliRunner().invoke(main, ["medium"])
    remedy = "`make train MODELS=rewriter SIZE=medium` makes it."
    assert result.stderr == f"Error: there is no models/rewriter/medium; {remedy}\n"
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([" "], "a question is empty; ask one: make rewrite Q='...'"),
        (["tea?", ""], "a question is empty; ask one: make rewrite Q='...'"),
        (["--history", "tea?"], "--history has a question, and no question comes after it."),
    ],
)
def test_what_is_no_question_is_refused_in_one_line(
    project: Path, arguments: list[str], message: str
) -> None:
    (project / "models" / "rewriter" / "small").mkdir(parents=True)
    result = CliRunner().invoke(main, ["small", *arguments])
    assert result.stderr == f"Error: {message}\n"
    assert result.exit_code == 1


def fake_rewriter(settings: Any, rewrites: list[list[str]], calls: list[Any]) -> SimpleNamespace:
    """Return a rewriter that notes its calls and always returns the same."""

    def rewrite(*arguments: Any) -> list[list[str]]:
        calls.append(arguments)
        return rewrites

    model = SimpleNamespace(dtype="bf16")
    return SimpleNamespace(settings=settings, lexicon="words", model=model, rewrites=rewrite)


def test_base_and_tuned_rewrite_each_question_after_the_earlier_ones_that_are_given(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned = project / "models" / "rewriter" / "small"
    tuned.mkdir(parents=True)
    with (project / "params.yaml").open("a", encoding="utf-8") as file:
        file.write("seed: 13\n")
    (tuned / "base.json").write_text('{"num_rewrites": 3}', encoding="utf-8")
    calls: list[Any] = []
    loaded: list[Any] = []

    def load_as_rewriter(folder: Path, settings: Any, *rest: Any) -> SimpleNamespace:
        loaded.append((folder, settings.num_rewrites, *rest))
        return fake_rewriter(settings, [["rice"], ["because"]], calls)

    rewriter = fake_rewriter(SimpleNamespace(num_rewrites=2), [["rice crop"], []], calls)
    module = SimpleNamespace(load=lambda _: rewriter, load_as_rewriter=load_as_rewriter)
    monkeypatch.setattr("commands.rewrite.import_module", lambda _: module)
    command = ["small", "--history", "tea?", "--history", "cups?", "how much rice?", "why?"]
    result = CliRunner().invoke(main, command, catch_exceptions=False)
    assert calls == [(("how much rice?", "why?"), 13, [("tea?", "cups?")] * 2)] * 2
    assert loaded == [(Path("models/base/rewriter/small"), 3, "words", "bf16")]
    assert result.output.splitlines() == [
        "how much rice?",
        "  base",
        "    rice",
        "  tuned",
        "    rice crop",
        "why?",
        "  base",
        "    because",
        "  tuned",
        "    no sample is usable",
    ]


def test_held_out_questions_are_shown_with_what_base_and_tuned_find() -> None:
    recall = {"original": 0.25, "prf": 0.5, "base": 0.75, "tuned": 1.0}
    evaluation = Evaluation(
        rewrites={
            "base": [ModelRewrites([["is it"]], [[]], [[]])],
            "tuned": [ModelRewrites([["rice crop"]], [["rice crop"]], [[1.0]])],
        },
        ships="tuned",
        retriever="bm25",
        by_retriever={
            "bm25": {name: {"recall@10": np.array([value])} for name, value in recall.items()}
        },
        graded={},
        lexicon=Lexicon(frozenset(), frozenset()),
    )
    assert side_by_side(evaluation, ["how much rice?"], "none") == [
        "how much rice?   (recall@10 0.25, with titles 0.50)",
        "  base (fused 0.75)",
        "    none",
        "  tuned (fused 1.00)",
        "    rice crop",
    ]


@pytest.mark.parametrize(
    "question",
    [
        "a `id` b $(id) c $HOME; touch pwn",
        """it's "couette flow" at #1 and 5$ per mile""",
        "a $(shell touch pwn) b",
        "-5 degrees, what is $(foo",
    ],
)
def test_a_question_reaches_the_rewriter_as_it_was_typed(tmp_path: Path, question: str) -> None:
    printed = run_make(tmp_path, 'printf "%s\\n" "$@"', "rewrite", f"Q={question}")
    assert printed.splitlines() == ["-m", "commands.rewrite", "small", "--", question]
    assert not (tmp_path / "pwn").exists()


@pytest.mark.parametrize("command", ["rewrite", "search", "crossvalidate", "prove", "test"])
def test_waiting_threads_soon_sleep_in_what_make_runs(tmp_path: Path, command: str) -> None:
    script = "echo $OMP_WAIT_POLICY $GOMP_SPINCOUNT $OPENBLAS_THREAD_TIMEOUT"
    for name in ("dvc", "pytest"):
        fake_program(tmp_path / ".venv" / "bin" / name, script)
    (tmp_path / "data").mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    printed = run_make(tmp_path, script, "--silent", command, "DATA=data")
    assert {*printed.splitlines()} == {"PASSIVE 1000 4"}


def fake_program(path: Path, script: str) -> None:
    """Write a program that runs a line of shell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def run_make(folder: Path, script: str, *arguments: str) -> str:
    """Return what make prints in a folder whose Python runs a line of shell instead."""
    fake_program(folder / ".venv" / "bin" / "python", script)
    for name in ("Makefile", "requirements.lock", "requirements.torch.lock", "pyproject.toml"):
        shutil.copy(name, folder)
    (folder / ".venv" / "bin" / ".ready").touch()
    call, env = ["make", *arguments], {"PATH": os.environ["PATH"]}
    ran = subprocess.run(call, cwd=folder, env=env, capture_output=True, text=True, check=True)
    return ran.stdout
