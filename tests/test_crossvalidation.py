"""Cross-validation: every fold at every seed, once, and one table of them all."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from stages import crossvalidate
from stages.crossvalidate import main, read, setting, summary, written


def runs(*rows: tuple[int, int, int, float]) -> pd.DataFrame:
    """Return runs of seed, fold, queries and the tuned recall@10; the base's is 0.5."""
    frame = pd.DataFrame(rows, columns=["seed", "fold", "queries", "tuned recall@10"])
    return frame.assign(**{"base recall@10": 0.5})


def test_a_measure_is_the_mean_over_all_queries_of_a_seed_and_seeds_count_alike() -> None:
    found = runs((1, 0, 30, 0.6), (1, 1, 10, 1.0), (2, 0, 30, 0.8), (2, 1, 10, 0.8))
    told = summary(found, pd.DataFrame())
    assert told.startswith("4 runs, 2 seeds\n")
    # 0.7 and 0.8, whose standard deviation is a hundredth of the root of 50
    assert "| recall@10 | 0.7500 (0.0707) | 0.5000 (0.0000) |" in told


def test_a_fold_without_a_measure_does_not_count_as_a_bad_one() -> None:
    found = runs((1, 0, 100, 0.6), (1, 1, 100, 0.6)).assign(
        **{"judged_tuned recall@10": [0.8, None], "judged_queries": [50, None]}
    )
    assert "| recall@10 | 0.6000 | 0.5000 | 0.8000 |" in summary(found, pd.DataFrame())


def test_a_measure_is_weighed_by_the_queries_that_have_it() -> None:
    found = runs((1, 0, 100, 0.6), (1, 1, 100, 0.6)).assign(
        **{"judged_tuned recall@10": [0.8, 0.4], "judged_queries": [30, 10]}
    )
    assert "| recall@10 | 0.6000 | 0.5000 | 0.7000 |" in summary(found, pd.DataFrame())


def test_of_one_seed_no_deviation_is_told() -> None:
    assert "| recall@10 | 0.6000 | 0.5000 |" in summary(runs((1, 0, 9, 0.6)), pd.DataFrame())


def test_pairs_are_ranked_over_all_folds_as_one() -> None:
    pairs = pd.DataFrame(
        {"seed": 1, "label": [0.1, 0.5, 0.9], "base": [0.9, 0.5, 0.1], "tuned": [0.0, 0.1, 0.2]}
    )
    told = summary(runs((1, 0, 9, 0.6)), pairs)
    assert "| pairs_spearman, all folds as one | -1.0000 | 1.0000 |" in told


def test_what_was_run_is_kept_and_not_run_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[tuple[int, int]] = []

    def one(_: SimpleNamespace, test: float, fold: int, seed: int) -> tuple[Any, Any]:
        assert test == 1 / 3
        ran.append((seed, fold))
        return runs((seed, fold, 10, 0.6)).drop(columns=["seed", "fold"]), pd.DataFrame()

    for name, value in {"HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"}.items():
        monkeypatch.setenv(name, value)  # the command sets them, and no other test is to see it
    monkeypatch.setattr(crossvalidate, "one", one)
    monkeypatch.setattr(crossvalidate, "import_module", lambda name: name)
    asked = ["rewriter", "small", "--folds", "3", "--out", str(tmp_path), "--seeds"]
    assert CliRunner().invoke(main, [*asked, "3"]).exit_code == 0
    found = CliRunner().invoke(main, [*asked, "3,4"])
    assert found.exit_code == 0
    assert ran == [(seed, fold) for seed in (3, 4) for fold in range(3)]
    assert "6 runs, 2 seeds" in found.output
    # what was run with other parameters stays in the file and counts no more
    monkeypatch.setattr(crossvalidate, "setting", lambda *_: "another")
    found = CliRunner().invoke(main, [*asked, "3"])
    assert len(ran) == 9
    assert "3 runs, 1 seeds" in found.output
    assert len(read(tmp_path / "runs.csv")) == 9


def test_a_setting_hangs_on_parameters_data_and_folds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = Path("params.yaml").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(text, encoding="utf-8")
    clean = Path("data/clean/rewriter/a.jsonl")
    clean.parent.mkdir(parents=True)
    clean.write_text("{}\n", encoding="utf-8")
    first = setting("rewriter", "small", 5)
    assert first == setting("rewriter", "small", 5) != setting("rewriter", "small", 4)
    assert first != setting("rewriter", "medium", 5)
    clean.write_text("{} \n", encoding="utf-8")
    other = setting("rewriter", "small", 5)
    assert other != first
    Path("params.yaml").write_text(text.replace("draws: ", "draws: 1"), encoding="utf-8")
    assert setting("rewriter", "small", 5) not in (first, other)


@pytest.mark.parametrize("seeds", ["a", "1,,2", "", "1.5", "-1"])
def test_seeds_that_are_no_numbers_are_told(seeds: str) -> None:
    result = CliRunner().invoke(main, ["rewriter", "small", "--seeds", seeds, "--out", "nowhere"])
    assert result.exit_code == 2
    assert f"{seeds!r} is no list of whole numbers; write 13,14,15." in result.stderr


def test_a_run_is_added_to_those_before_it(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    assert read(path).empty
    first = written(path, read(path), {"seed": 1, "fold": 0}, pd.DataFrame({"queries": [3]}))
    written(path, first, {"seed": 1, "fold": 1}, pd.DataFrame({"queries": [4]}))
    assert read(path).to_dict("list") == {"queries": [3, 4], "seed": [1, 1], "fold": [0, 1]}
