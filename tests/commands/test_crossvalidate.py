"""Cross-validation runs every fold at every seed once, and prints one table of all runs."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from commands import crossvalidate
from commands.crossvalidate import (
    Run,
    append,
    main,
    parse_seeds,
    read_table,
    rows_of,
    setting_hash,
    summary,
)


def runs(*rows: tuple[int, int, int, float]) -> pd.DataFrame:
    """Return runs of seed, fold, queries and the tuned recall@10; the base's is 0.5."""
    table = pd.DataFrame(rows, columns=["seed", "fold", "queries", "tuned recall@10"])
    return table.assign(**{"base recall@10": 0.5})


def test_a_measure_is_the_mean_over_all_queries_of_a_seed_and_seeds_weigh_the_same() -> None:
    table = runs((1, 0, 30, 0.6), (1, 1, 10, 1.0), (2, 0, 30, 0.8), (2, 1, 10, 0.8))
    text = summary(table, pd.DataFrame())
    assert text.startswith("4 runs, 2 seeds\n")
    # 0.7 and 0.8 have the standard deviation sqrt(0.005)
    assert "| recall@10 | 0.7500 (0.0707) | 0.5000 (0.0000) |" in text


@pytest.mark.parametrize(
    ("graded", "queries", "mean"),
    [([0.8, None], [50, None], "0.8000"), ([0.8, 0.4], [30, 10], "0.7000")],
)
def test_a_measure_is_weighted_by_the_queries_that_have_it(
    graded: list[float | None], queries: list[int | None], mean: str
) -> None:
    columns = {"graded_tuned recall@10": graded, "graded_queries": queries}
    table = runs((1, 0, 100, 0.6), (1, 1, 100, 0.6)).assign(**columns)
    assert f"| recall@10 | 0.6000 | 0.5000 | {mean} |" in summary(table, pd.DataFrame())


def test_scored_pairs_are_correlated_over_all_folds_together() -> None:
    details = pd.DataFrame(
        {"seed": 1, "label": [0.1, 0.5, 0.9], "base": [0.9, 0.5, 0.1], "tuned": [0.0, 0.1, 0.2]}
    )
    text = summary(runs((1, 0, 9, 0.6)), details)
    assert "| pairs_spearman, all folds together | -1.0000 | 1.0000 |" in text


def test_a_finished_run_is_kept_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[tuple[int, int]] = []

    def run_fold(run: Run) -> tuple[Any, Any]:
        assert run.test_share == 1 / 3
        ran.append((run.seed, run.fold))
        table = runs((run.seed, run.fold, 10, 0.6)).drop(columns=["seed", "fold"])
        return table, pd.DataFrame()

    monkeypatch.setattr(crossvalidate, "run_fold", run_fold)
    arguments = ["rewriter", "small", "--folds", "3", "--out", str(tmp_path), "--seeds"]

    def run_seeds(seeds: str) -> str:
        return CliRunner().invoke(main, [*arguments, seeds], catch_exceptions=False).output

    run_seeds("3")
    assert "6 runs, 2 seeds" in run_seeds("3,4")
    assert ran == [(seed, fold) for seed in (3, 4) for fold in range(3)]
    # runs with other parameters or code stay in the file and are not in the summary
    for number, what in enumerate(("setting_hash", "code_hash"), start=3):
        monkeypatch.setattr(crossvalidate, what, lambda *_: "another")
        assert "3 runs, 1 seeds" in run_seeds("3")
        assert len(ran) == len(read_table(tmp_path / "runs.csv")) == 3 * number


class Killed(BaseException):
    """Ends a command as a kill does."""


@pytest.mark.parametrize("writes", range(6))  # before the kill; each fold has two files
def test_a_run_that_a_kill_cut_off_is_repeated_and_its_details_are_there_once(
    writes: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run_fold(run: Run) -> tuple[Any, Any]:
        table = runs((run.seed, run.fold, 10, 0.6)).drop(columns=["seed", "fold"])
        return table, pd.DataFrame({"picked": [0, 1]})

    left = iter(range(writes))

    def append_or_die(*arguments: Any) -> pd.DataFrame:
        if next(left, None) is None:
            raise Killed
        return append(*arguments)

    monkeypatch.setattr(crossvalidate, "run_fold", run_fold)
    arguments = ["reranker", "small", "--folds", "3", "--seeds", "3", "--out", str(tmp_path)]
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(crossvalidate, "append", append_or_die)
        CliRunner().invoke(main, arguments)
    assert CliRunner().invoke(main, arguments).exit_code == 0
    for name, rows in {"runs": 1, "details": 2}.items():
        table = read_table(tmp_path / f"{name}.csv")
        assert table.groupby("fold").size().to_dict() == dict.fromkeys(range(3), rows)


def test_half_of_a_seed_that_was_not_asked_for_is_in_no_mean(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run_fold(run: Run) -> tuple[Any, Any]:
        if (run.seed, run.fold) == (4, 1):
            raise Killed
        table = runs((run.seed, run.fold, 10, run.seed / 10)).drop(columns=["seed", "fold"])
        return table, pd.DataFrame({"label": [0.1, 0.9], "base": [0, 1], "tuned": [0, 1]})

    monkeypatch.setattr(crossvalidate, "run_fold", run_fold)
    arguments = ["reranker", "small", "--folds", "3", "--out", str(tmp_path), "--seeds"]
    with pytest.raises(Killed):
        CliRunner().invoke(main, [*arguments, "3,4"])
    output = CliRunner().invoke(main, [*arguments, "3"], catch_exceptions=False).output
    assert "3 runs, 1 seeds\n" in output
    assert "| recall@10 | 0.3000 |" in output
    assert "| pairs_spearman, all folds together | 1.0000 | 1.0000 |" in output


def test_a_setting_depends_on_parameters_data_and_folds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = Path("params.yaml").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    params, clean = Path("params.yaml"), Path("data/clean/rewriter/a.jsonl")
    clean.parent.mkdir(parents=True)
    params.write_text(text, encoding="utf-8")
    clean.write_text("{}\n", encoding="utf-8")
    settings = [("small", 5), ("small", 5), ("small", 4), ("medium", 5)]
    hashes = [setting_hash("rewriter", *setting) for setting in settings]
    clean.write_text("{} \n", encoding="utf-8")
    hashes.append(setting_hash("rewriter", "small", 5))
    params.write_text(text.replace("eval_seeds: ", "eval_seeds: 1"), encoding="utf-8")
    hashes.append(setting_hash("rewriter", "small", 5))
    content = yaml.safe_load(text)
    content["base"]["embedder"]["small"]["files"] = {"model.safetensors": "of another retriever"}
    params.write_text(yaml.safe_dump(content), encoding="utf-8")
    hashes.append(setting_hash("rewriter", "small", 5))
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 6


@pytest.mark.parametrize("setting", ["012345678901", "1234567e8901"])
def test_a_setting_that_looks_like_a_number_is_known_again(tmp_path: Path, setting: str) -> None:
    append(tmp_path / "runs.csv", pd.DataFrame(), pd.DataFrame({"setting": [setting], "seed": [1]}))
    assert len(rows_of(read_table(tmp_path / "runs.csv"), setting)) == 1


def test_a_seed_that_is_named_twice_counts_once() -> None:
    assert parse_seeds(None, None, "13,14, 13") == [13, 14]  # type: ignore[arg-type]


@pytest.mark.parametrize("seeds", ["a", "1,,2", "1.5", "-1"])
def test_seeds_that_are_no_whole_numbers_are_refused(seeds: str) -> None:
    result = CliRunner().invoke(main, ["rewriter", "small", "--seeds", seeds, "--out", "nowhere"])
    assert result.exit_code == 2
    assert f"{seeds!r} is not a list of whole numbers; write 13,14,15." in result.stderr


def test_a_seed_that_no_generator_takes_is_refused() -> None:
    arguments = ["rewriter", "small", "--out", "nowhere", "--seeds", "13,4294967296"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "a seed must be below 4,294,967,296." in result.stderr


def test_no_scored_pairs_have_no_correlation() -> None:
    details = pd.DataFrame(columns=["label", "base", "tuned"]).assign(seed=1)
    assert "pairs_spearman" not in summary(runs((1, 0, 9, 0.6)), details)
