"""diff compares what is here with what is live, and shows what lost; details are a table."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result

from commands import promote
from commands.diff import duel_text, main
from findtune.registry import challenge
from findtune.registry.challenge import Duel
from findtune.tracking.lock import LockedStage

METRICS = yaml.safe_load(
    (Path(__file__).parents[1] / "data" / "metrics.yaml").read_text(encoding="utf-8")
)
GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


def write_metrics(model: str, **changes: Any) -> None:
    path = Path("metrics", model, "small.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(METRICS | changes), encoding="utf-8")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["small", "embedder", *arguments])


def head() -> str:
    command = ["git", "rev-parse", "--short=7", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def details(*arguments: str) -> Result:
    return run("--details", *arguments)


def commit() -> None:
    for command in (["add", "-A"], ["commit", "--quiet", "-m", "Train"]):
        subprocess.run([*GIT, *command], check=True)


@pytest.fixture
def repository(project: Path) -> Path:
    """Enter a repository with the metrics of an embedder."""
    subprocess.run(["git", "init", "--quiet"], check=True)
    write_metrics("embedder")
    commit()
    return project


def test_the_decisive_measure_and_the_verdict_are_shown_before_and_after(repository: Path) -> None:
    difference = {**METRICS["difference"], "mean": -0.2, "ci_low": -0.3, "ci_high": -0.1}
    tuned = {"tuned": {"recall@10": 0.375}, "difference": difference, "verdict": "REGRESSION"}
    write_metrics("embedder", **tuned)
    _, _, row, *rest = details().output.splitlines()
    assert row == (
        "| embedder/small | recall@10 | 0.5000 | 0.3750 | -0.1250 "
        "| -0.2000 [-0.3000, -0.1000] | WIN -> REGRESSION |"
    )
    assert rest[-1] == f"All measures: dvc metrics diff {head()}"


def test_a_stack_that_the_commit_lacks_has_a_row_without_a_change(repository: Path) -> None:
    stack = {"chosen": {"recall@10": 0.75}, "untuned": {"recall@10": 0.5}}
    write_metrics("stack", **stack)
    *_, row = [line for line in details().output.splitlines() if line.startswith("|")]
    assert row.startswith("| stack/small | recall@10 | none | 0.7500 |  | ")
    commit()
    assert details().output == "No measure differs from HEAD.\n"
    assert "| none | 0.7500 |" in details("--base", "HEAD~1").output


def test_of_a_stack_that_was_refused_the_untuned_one_is_shown_as_it_ships(
    repository: Path,
) -> None:
    stack = {"chosen": {"recall@10": 0.25}, "untuned": {"recall@10": 0.5}, "verdict": "REGRESSION"}
    write_metrics("stack", **stack, cell="tuned|bm25|none", ships="question|bm25|none")
    assert "| stack/small | recall@10 | none | 0.5000 |" in details().output


def test_another_number_of_questions_is_warned_of(repository: Path) -> None:
    assert "warning" not in details().output
    write_metrics("embedder", queries=8)
    assert "was tested on 9 questions then and 8 now" in details().output


def test_an_older_form_is_not_compared_and_an_unknown_commit_is_one_line(repository: Path) -> None:
    write_metrics("embedder")
    path = Path("metrics/embedder/small.json")
    path.write_text('{"base": {}}', encoding="utf-8")
    commit()
    write_metrics("embedder")
    assert "| recall@10 | none | 0.5000 |  |" in details().output
    result = run("--base", "nowhere")
    assert result.stderr.startswith("Error: git knows no commit nowhere here")
    assert result.exit_code == 1


# What is here against what is live


def write_stack(values: dict[str, float], level: float = 0.75) -> None:
    """Write the measures of a stack: question -> value of what ships, and their mean."""
    stack = {"chosen": {"recall@10": level}, "untuned": {"recall@10": 0.5}, "ships": "q|base|none"}
    write_metrics("stack", **stack)
    rows = [f"test,0,{key},t-{key},{value}" for key, value in values.items()]
    text = "\n".join(["split,query,record,group,q|base|none", *rows, "dev,0,d,t-d,0.0"])
    Path("metrics/stack/small.per_query.csv").write_text(text + "\n", encoding="utf-8")


@pytest.fixture
def champion(repository: Path) -> Path:
    """Enter a repository with a committed stack, and another one that is not committed."""
    copyfile(Path(__file__).parents[2] / "params.yaml", "params.yaml")
    write_stack({f"r{number}": 0.5 for number in range(40)} | {"old": 0.0})
    commit()
    # One question lost much, one a little, the rest won; one is new.
    changed = {f"r{number}": 0.7 for number in range(40)} | {"r3": 0.1, "r7": 0.4, "new": 0.0}
    write_stack(changed)
    examples = Path("data/examples/reranker/small/test.jsonl")
    examples.parent.mkdir(parents=True)
    row = {"kind": "list", "record": "r3", "query": "where is jo@example.org?"}
    examples.write_text(json.dumps(row) + "\n", encoding="utf-8")
    return repository


def test_the_questions_of_both_decide_and_those_that_lost_most_are_shown(champion: Path) -> None:
    lines = run().output.splitlines()
    assert lines[0] == f"champion: HEAD ({head()}); challenger: what is here"
    assert lines[1].startswith("embedder  not compared: ")
    assert lines[2].startswith("stack     recall@10 0.5000 -> 0.6775, +0.1775 [+0.1")
    assert lines[2].endswith("], 40 of 42 questions, WIN")
    assert lines[3].startswith("VERDICT: WIN | stack of what is here | smallest visible effect 0.0")
    assert lines[4:] == [
        "lost most:",
        "  -0.400  0.500 -> 0.100  where is [e-mail]?",
        "  -0.100  0.500 -> 0.400  no. r7",
        "More: make diff DETAILS=1",
    ]


def rounded(value: float) -> dict[str, float]:
    """Return the values of 20 questions; their mean is a quarter of the last digit higher."""
    return {f"r{number}": value + 0.0001 * (number % 4 == 0) for number in range(20)}


@pytest.mark.parametrize(
    ("levels", "printed"),
    [
        ((0.5001, 0.6001), "0.5001 -> 0.6001"),  # the rows are rounded, so is their mean
        ((0.5001, 0.6), "0.5001 -> 0.6000"),
        ((0.5, 0.65), "0.5000 -> 0.6000"),  # of other questions, too
        ((0.4, 0.6001), "0.5000 -> 0.6000"),
    ],
)
def test_levels_are_those_of_the_metrics_if_they_are_of_the_same_questions(
    repository: Path, levels: tuple[float, float], printed: str
) -> None:
    copyfile(Path(__file__).parents[2] / "params.yaml", "params.yaml")
    write_stack(rounded(0.5), levels[0])
    commit()
    write_stack(rounded(0.6), levels[1])
    assert f"stack     recall@10 {printed}, +0.1000 [" in run().output


def test_the_level_of_a_stack_that_was_refused_is_that_of_what_ships(repository: Path) -> None:
    copyfile(Path(__file__).parents[2] / "params.yaml", "params.yaml")
    for value in (0.5, 0.6):
        write_stack(rounded(value))
        path = Path("metrics/stack/small.json")
        stack = json.loads(path.read_text(encoding="utf-8"))
        stack |= {"cell": "tuned|bm25|none", "untuned": {"recall@10": value + 0.0001}}
        path.write_text(json.dumps(stack), encoding="utf-8")
        if value == 0.5:
            commit()
    assert "stack     recall@10 0.5001 -> 0.6001, +0.1000 [" in run().output


@pytest.mark.parametrize("kind", ["query", "list"])  # a model of feedback alone has lists alone
@pytest.mark.parametrize("known", ["True", "False"])  # one of new variables alone has no known ones
def test_questions_of_one_topic_count_once_in_a_models_interval(
    tiny_project: Path, tool: Callable[[str], str], kind: str, known: str
) -> None:
    path = Path("metrics/embedder/small.per_query.csv")
    for number in (0, 1):
        # Each topic is asked ten times, with the same gain or loss.
        values = [0.5 + number * (-0.3 if row < 20 else 0.4) for row in range(50)]
        rows = [f"{row},{value:.1f},{known}" for row, value in enumerate(values)]
        path.write_text("\n".join(["query,decisive_tuned_ndcg@10,known", *rows]), encoding="utf-8")
        if not number:
            tool("git add --all")
            tool("git commit --quiet --message=Values")
    writer = LockedStage({"data/examples/embedder/small": "the same"}, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(challenge, "writer", lambda *_: writer)
        assert challenge.duel(Path(), "HEAD", "embedder", "small").verdict == "WIN"
        examples = Path("data/examples/embedder/small/test.jsonl")
        examples.parent.mkdir(parents=True)
        shared = "group" if kind == "list" else "dcids"
        asked = [{"kind": kind, shared: [f"topic {row // 10}"]} for row in range(50)]
        lines = [json.dumps(row) for row in ({"kind": "scored"}, *asked)]
        examples.write_text("\n".join(lines), encoding="utf-8")
        assert challenge.duel(Path(), "HEAD", "embedder", "small").verdict == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("json", "<<<<<<< HEAD\n{}", "small.json is not JSON; is it a merge conflict?"),
        ("json", "{}", "small.json has another format; `make train` writes it again."),
        (
            "per_query.csv",
            "split,query,record,group,q|base|none\ntest,1,r1,t-r1\n<<<<<<< HEAD\n",
            "per_query.csv has no number for question r1 in column q|base|none; is it a merge con",
        ),
    ],
)
def test_a_file_of_measures_that_cannot_be_read_is_one_line(
    champion: Path, name: str, text: str, message: str
) -> None:
    Path(f"metrics/stack/small.{name}").write_text(text, encoding="utf-8")
    result = run()
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_no_text_of_users_is_shown_unless_examples_allow_it(champion: Path) -> None:
    text = Path("params.yaml").read_text(encoding="utf-8")
    Path("params.yaml").write_text(text.replace("examples: 50", "examples: 0"), encoding="utf-8")
    output = run().output
    assert "no. r3" in output
    assert "where is" not in output


def test_questions_that_were_made_again_since_are_shown_by_their_number(champion: Path) -> None:
    examples = "data/examples/reranker/small"
    judged = {
        "deps": [{"path": examples, "md5": "old"}],
        "outs": [{"path": "metrics/stack/small.json", "md5": "m"}],
    }
    stages = {"prepare": {"outs": [{"path": examples, "md5": "new"}]}, "stack": judged}
    Path("dvc.lock").write_text(json.dumps({"stages": stages}), encoding="utf-8")
    output = run().output
    assert "no. r3" in output
    assert "where is" not in output


def test_what_cannot_be_compared_says_why_and_nothing_at_all_is_one_line(repository: Path) -> None:
    result = run()
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "embedder not compared: " in result.stderr
    assert "has no metrics/stack/small.json" in result.stderr


def test_a_champion_of_another_size_is_refused_though_its_commit_has_measures_of_this_one(
    tiny_project: Path,
) -> None:
    assert CliRunner().invoke(promote.main, ["stack", "small", "prod"]).exit_code == 0
    result = CliRunner().invoke(main, ["medium", "embedder"])
    assert result.stderr.startswith("Error: models/stack/small is what is live, so nothing of medi")


def test_what_is_live_is_the_champion(tiny_project: Path) -> None:
    assert details().output == "No measure differs from HEAD.\n"
    assert CliRunner().invoke(promote.main, ["stack", "small", "prod"]).exit_code == 0
    assert details().output == "No measure differs from stack v1.0.0, live in prod.\n"


def test_both_counts_of_a_phrase_have_the_same_form() -> None:
    values = np.zeros(1200)
    numbers = [str(number) for number in range(1200)]
    result = Duel("ndcg@10", values, values, records=numbers, groups=numbers, asked=2327)
    assert ", 1,200 of 2,327 questions, " in duel_text(result)
