"""prove cross-validates on other folders of data, changes none of them, and prints one table."""

import ast
import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner, Result

from commands import prove
from commands.code_hash import tree_text
from commands.crossvalidate import Run
from commands.ingest_folder import kinds_of
from commands.prove import main
from findtune.core.errors import InputError

DATA = Path(__file__).parents[1] / "data"
SETS = ("--folds", "3", "--seeds", "13,14")
ROOM = SimpleNamespace(BEFORE_TUNING=("as_shown", "base"), DECISIVE="ndcg@10", VARIANTS=("",))


def hashes(*folders: Path) -> dict[Path, str]:
    """Return the hash of each file in some folders."""
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {path: sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Replace training by values that follow from seed and fold; return the list of all runs."""
    started: list[Run] = []

    def query_values(run: Run) -> pd.DataFrame:
        started.append(run)
        rows = [[query, 0.4, 0.2, 0.5 + run.fold / 10 + (run.seed - 13) / 10] for query in range(5)]
        header = ["query", "as_shown_ndcg@10", "base_ndcg@10", "tuned_ndcg@10"]
        labels = [f"{run.fold} {query}" for query in range(5)]
        return pd.DataFrame(rows, columns=header).assign(group=labels)

    monkeypatch.setattr(prove, "query_values", query_values)
    monkeypatch.setattr(prove.rooms, "load", lambda model, cell: ROOM)
    return started


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["small", *map(str, arguments)], catch_exceptions=False)


def test_the_table_has_one_row_for_each_set_and_model_over_all_folds_and_seeds(
    team: Path, runs: list[Run]
) -> None:
    other = shutil.copytree(team, team.with_name("other"))
    result = run(team, other, "--models", "reranker,rewriter", *SETS)
    row = "ndcg@10 | 15 | 15 | 0.4000 | 0.4000 (as_shown) | 0.6500 | +0.2500 |"
    lines = [line for line in result.stdout.splitlines() if row in line]
    names = [("team", "reranker"), ("team", "rewriter"), ("other", "reranker")]
    for (name, model), line in zip([*names, ("other", "rewriter")], lines, strict=True):
        assert line.startswith(f"| {name} | {model} | {row} [+0.") and line.endswith("| WIN |")
    assert Path(".scratch/prove/table.md").read_text(encoding="utf-8") == result.stdout
    per_query = pd.read_csv(".scratch/prove/per_query.csv")
    assert len(per_query) == 4 * 15
    # mean over two seeds
    assert sorted({*per_query["tuned_ndcg@10"]}) == [0.55, 0.65, 0.75]
    assert "[24/24] other rewriter, seed 14, fold 2: 5 queries, " in result.stderr


def test_the_table_leaves_out_new_variables_and_the_file_of_all_queries_does_not(
    team: Path, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    values = prove.query_values
    monkeypatch.setattr(
        prove, "query_values", lambda run: values(run).assign(known=[True] * 3 + [False] * 2)
    )
    result = run(team, "--models", "reranker", *SETS)
    assert "| ndcg@10 | 9 | 9 |" in result.stdout
    per_query = pd.read_csv(".scratch/prove/per_query.csv")
    assert per_query["known"].tolist() == [1, 1, 1, 0, 0] * 3


def test_a_fold_of_another_python_has_the_same_code(monkeypatch: pytest.MonkeyPatch) -> None:
    text = tree_text(ast.parse("def double(x): return 2 * x"))
    # Python 3.12 gives each function and class one more field, and shows it in the tree's text.
    newer = ("type_params", *ast.FunctionDef._fields)
    monkeypatch.setattr(ast.FunctionDef, "_fields", tuple(dict.fromkeys(newer)))
    tree = ast.parse("def double(x): return 2 * x")
    tree.body[0].type_params = []
    assert tree_text(tree) == text
    assert "decorator_list=[]" in text
    assert "type_params" not in text


def test_a_fold_with_other_docstrings_has_the_same_code() -> None:
    code = "class A:\n  {}x = 1\ndef f():\n  {}return 'kept'"
    plain, worded = (
        tree_text(ast.parse(code.format(*texts))) for texts in (("", ""), ("'a'\n  ", "'b'\n  "))
    )
    assert plain == worded
    assert "kept" in plain


def test_a_finished_fold_is_not_repeated_unless_params_or_data_have_changed(
    team: Path, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(team, "--models", "reranker", "--folds", "3", "--seeds", "13")
    first = run(team, "--models", "reranker", *SETS).stdout
    assert [(started.seed, started.fold) for started in runs] == [
        (seed, fold) for seed in (13, 14) for fold in range(3)
    ]
    assert run(team, "--models", "reranker", *SETS).stdout == first
    assert len(runs) == 6
    # runs with another seed stay in the file, and out of the table
    assert "| 0.6000 | +0.2000 |" in run(team, "--models", "reranker", *SETS[:3], "13").stdout
    path = team / "reranker_training_data.json"
    path.write_text(path.read_text("utf-8").replace("Rice", "Wheat"), encoding="utf-8")
    run(team, "--models", "reranker", *SETS)
    assert len(runs) == 12
    monkeypatch.setattr(prove, "code_hash", lambda model: "other code")
    run(team, "--models", "reranker", *SETS)
    assert len(runs) == 18


def test_a_folder_like_data_and_one_with_its_files_at_the_top_are_both_read(
    team: Path, ten_line_corpus: Path, runs: list[Run]
) -> None:
    full = shutil.copytree(ten_line_corpus, team.with_name("full"))
    shutil.copytree(team, full / "training_data")
    # a catalog of one size, without alternatives, pairs and guard, and feedback at the top
    part = shutil.copytree(team, team.with_name("part"))
    shutil.copytree(ten_line_corpus / "autogen_input/small", part / "autogen_input/small")
    result = run(full, part, *SETS)
    assert "skipped" not in result.stderr
    assert "part: it has no guard/, so that of data/ is used\n" in result.stderr
    assert "full: it has" not in result.stderr
    clean = Path(".scratch/prove/sets")
    for model, kind in (("reranker", "ranked_lists"), ("rewriter", "searches")):
        counts = [
            (clean / name / "clean" / model / f"{kind}.jsonl").read_text("utf-8").count("\n")
            for name in ("full", "part")
        ]
        assert counts == [40, 40]
    assert (clean / "part/clean/embedder/sentence_pairs.jsonl").read_bytes() == b""
    assert (clean / "full/clean/embedder/sentence_pairs.jsonl").read_bytes()
    for name in ("full", "part"):
        for kind in ("catalog", "guard"):
            assert (clean / name / f"clean/embedder/{kind}.jsonl").read_bytes()


def test_a_model_without_its_data_is_skipped_and_the_table_says_why(
    team: Path, runs: list[Run]
) -> None:
    (team / "query_rewriting_training_data.json").unlink()
    result = run(team, "--models", "reranker,rewriter", *SETS)
    reason = f"{team}/training_data holds no query_rewriting_training_data*.json"
    assert f"team rewriter: skipped: {reason}" in result.stderr
    assert f"\n- team rewriter: skipped: {reason}" in result.stdout
    assert {started.model for started in runs} == {"reranker"}


def test_a_problem_of_one_model_does_not_stop_the_others(
    team: Path, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    values = prove.query_values

    def query_values(started: Run) -> pd.DataFrame:
        if started.model == "reranker":
            raise InputError("it leaves no list for dev; add feedback.")
        return values(started)

    monkeypatch.setattr(prove, "query_values", query_values)
    result = run(team, "--models", "reranker rewriter", *SETS)
    assert result.exit_code == 0
    assert "\n- team reranker: skipped: it leaves no list for dev; add feedback.\n" in result.stdout
    assert "| team | rewriter |" in result.stdout
    assert "| team | reranker |" not in result.stdout


def test_a_fold_in_which_nothing_was_measured_is_named(
    team: Path, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    values = prove.query_values

    def query_values(started: Run) -> pd.DataFrame:
        return values(started).iloc[: 0 if started.model == "rewriter" else None]

    monkeypatch.setattr(prove, "query_values", query_values)
    result = run(team, "--models", "reranker rewriter", *SETS)
    reason = "no held-out question was measured; add questions that have picks."
    assert f"\n- team rewriter: skipped: {reason}\n" in result.stdout
    assert "| team | reranker |" in result.stdout


def test_an_embedder_without_a_catalog_is_proved_on_its_lists(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from findtune.embedder.evaluation import evaluate

    def results(*ndcg: float) -> evaluate.ModelResults:
        none, per_list = np.zeros(0), {"ndcg@10": np.array(ndcg)}
        return evaluate.ModelResults({}, per_list, none, none, none, random_cosine=0.0)

    lists = [{"group": "jobs"}, {"group": "jobs"}, {"group": "bread"}]
    held_out = evaluate.HeldOut([], [], [], [], lists, [])
    evaluation = evaluate.Evaluation(results(0.1, 0.2, 0.3), results(0.2, 0.4, 0.6))
    fold = (evaluate, evaluation, held_out, {})
    monkeypatch.setattr(prove, "evaluate_fold", lambda *_, **__: fold)
    started = Run("embedder", "small", 0.25, fold=0, seed=13, data=Path())
    table = prove.query_values(started)
    assert [*table["query"]] == [0, 1, 2]
    assert [*table["base_ndcg@10"]] == [0.1, 0.2, 0.3]
    assert [*table["tuned_ndcg@10"]] == [0.2, 0.4, 0.6]
    first, second, third = table["group"]
    assert first == second != third


def break_name(team: Path) -> list[Path]:
    return [team, shutil.copytree(team, team.parent / "elsewhere" / "team")]


def break_data(team: Path) -> list[Path]:
    for path in team.iterdir():
        path.unlink()
    return [team]


def break_bases(team: Path) -> list[Path]:
    shutil.rmtree("models/base/embedder")
    return [team]


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (break_name, "2 folders are called team; give them different names."),
        (break_data, "team has no data for reranker: "),
        (break_bases, "there is no models/base/embedder/small; `dvc repro base@embedder-small`"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_trained(
    team: Path, runs: list[Run], mistake: Callable[[Path], list[Path]], message: str
) -> None:
    result = run(*mistake(team), "--models", "reranker", *SETS)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ") and message in result.stderr
    assert result.stderr.count("\n") == 1
    assert runs == []


@pytest.mark.parametrize("models", ["reranker,speller", ","])
def test_an_unknown_model_is_refused_with_those_that_are_known(team: Path, models: str) -> None:
    result = run(team, "--models", models)
    assert result.exit_code == 2
    assert "name some of embedder, reranker, rewriter." in result.stderr


def test_every_kind_that_ingest_writes_for_a_model_is_one_of_its_kinds() -> None:
    stages = yaml.safe_load(Path("dvc.yaml").read_text("utf-8"))["stages"]
    entries = {**stages["ingest"]["foreach"], **stages["share"]["foreach"]}
    kinds = {model: kinds_of(model) for model in ("embedder", "reranker", "rewriter")}
    assert {"catalog", "ranked_lists"} <= {*kinds["embedder"]} and "searches" in kinds["rewriter"]
    assert sum(map(len, kinds.values())) == sum(
        entry["model"] in kinds for entry in entries.values()
    )


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_reranker_is_proved_on_other_data_and_neither_they_nor_the_project_change(
    team: Path, jobs: int
) -> None:
    for name in ("data/clean/reranker/ranked_lists.jsonl", "metrics/reranker/small.json"):
        Path(name).parent.mkdir(parents=True)
        Path(name).write_text(json.dumps({"left": "as it was"}), encoding="utf-8")
    folders = [Path("data"), Path("models"), Path("metrics"), team]
    before = hashes(*folders)
    result = run(
        team,
        "--models",
        "reranker",
        "--folds",
        "3",
        "--seeds",
        "13",
        "--jobs",
        jobs,
        "--out",
        "out",
    )
    assert hashes(*folders) == before
    rows = [line for line in result.stdout.splitlines() if line.startswith("| team | reranker |")]
    assert rows and rows[0].split("|")[-2].strip() in ("WIN", "INCONCLUSIVE", "REGRESSION")
    per_query = pd.read_csv("out/per_query.csv")
    assert len(per_query) == 40  # every list is tested once
    questions = [
        row["query"]
        for row in json.loads((team / "reranker_training_data.json").read_text(encoding="utf-8"))[
            "reranker_data"
        ]
    ]
    written = Path("out/per_query.csv").read_text("utf-8") + result.stdout
    assert not [question for question in questions if question in written]


def test_an_embedder_is_judged_by_its_known_variables_if_it_has_any() -> None:
    rows = {"query": [0, 1, 2], "known": [True, True, False], "group": ["a", "b", "c"]}
    queries = pd.DataFrame(rows)
    assert prove.decisive_rows(queries)["group"].tolist() == ["a", "b"]
    new = queries[~queries["known"]]
    assert prove.decisive_rows(new)["group"].tolist() == ["c"]
    of_lists = queries.drop(columns="known")
    assert len(prove.decisive_rows(of_lists)) == 3
