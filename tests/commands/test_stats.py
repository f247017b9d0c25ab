"""The command `stats`: what the data are, before training and without torch, with warnings."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest
import yaml
from click.testing import CliRunner, Result

from commands.stats import main
from findtune.core.files import write_json, write_jsonl

DATA = Path("data")
QUALITY = sorted(Path("findtune/quality").glob("[!_]*.py"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a project with 24 clean lists, 60 scored pairs, and a test set of ten lists."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(
        yaml.safe_dump({"models": ["embedder", "reranker"]}), encoding="utf-8"
    )
    for name, records in {
        "reranker/ranked_lists": lists(),
        "embedder/sentence_pairs": pairs(),
    }.items():
        path = DATA / "clean" / name
        write_jsonl(path.with_name(f"{path.name}.jsonl"), records)
        write_json(path.with_name(f"{path.name}.counts.json"), {"rejected": 1})
        header = "action,file,line,column,value,reason,remedy\n"
        path.with_name(f"{path.name}.report.csv").write_text(header, encoding="utf-8")
    for split in ("train", "dev", "test"):
        write_jsonl(DATA / "examples/reranker/small" / f"{split}.jsonl", examples())
    for name in ("finetuning", "training_data"):
        (DATA / name).mkdir()
    return tmp_path


def lists() -> list[dict[str, object]]:
    sources = [
        {"url": f"u{rank}", "title": f"Title {rank}", "snippet": f"Text {rank}.", "rank": rank}
        for rank in (1, 2, 3)
    ]
    fields = {"sources": sources, "record": "f.json:1"}
    return [
        {"query": f"how many jobs {number // 2}?", "picks": [f"u{number % 3 + 1}"], **fields}
        for number in range(24)
    ]


def pairs() -> list[dict[str, object]]:
    """Return pairs of equal sentences, of which one has a low score."""
    return [
        {
            "sentence_1": f"jobs in region {number}",
            "sentence_2": f"{'the jobs' if number % 2 else 'bread'} of region {number}",
            "score": 0.05 if number == 7 else 0.95 if number % 2 else 0.04,
            "source": f"f.csv:{number}",
        }
        for number in range(60)
    ]


def examples() -> list[dict[str, object]]:
    documents = [{"text": f"text {rank}", "gain": float(rank == 1)} for rank in range(3)]
    fields = {"kind": "list", "documents": documents}
    return [{"query": f"text {n % 3}", "group": f"{n}", **fields} for n in range(10)]


def run(*options: str) -> Result:
    result = CliRunner().invoke(main, ["small", *options])
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.usefixtures("project")
def test_the_statistics_name_counts_ranks_agreement_and_what_is_too_few() -> None:
    output = run("--no-review").stdout
    assert "| ranked_lists   | 24      | 1 " in output
    assert "languages: short 24" in output
    assert "- 24 questions in 12 wordings" in output
    assert "| 1    | 24    | 8      | 33%   | 8 " in output
    assert "12 questions were asked by several; of 12 pairs of their lists, 100% have no" in output
    assert "| reranker | 10    | 10  | 10   | 10        | ndcg@10 |" in output
    assert "warning: only 10 different questions are left to test the reranker" in output
    assert "warning: the reranker has only 10 examples to learn from; add data." in output
    assert not Path("review").exists()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("arguments", [(), ("reranker",)])
def test_clean_data_of_a_model_that_is_not_chosen_are_not_described(
    arguments: tuple[str, ...],
) -> None:
    old = {**lists()[0], "query": "an old question"}
    for room, name in [("embedder", "ranked_lists"), ("rewriter", "searches")]:
        for ending in (".counts.json", ".report.csv"):
            shutil.copy(
                DATA / f"clean/reranker/ranked_lists{ending}", ensured(room) / f"{name}{ending}"
            )
        write_jsonl(ensured(room) / f"{name}.jsonl", [old] * 30)
    if not arguments:
        Path("params.yaml").write_text("models: [reranker]\n", encoding="utf-8")
    output = run(*arguments).stdout
    assert "- 24 questions in 12 wordings" in output
    assert "| ranked_lists | 24 " in output
    assert "searches" not in output
    assert "- 0 scored pairs wait" in output
    assert "the embedder" not in output
    assert "(48 labels)" in output


def ensured(room: str) -> Path:
    """Return the folder of the clean data of a model; make it if needed."""
    path = DATA / "clean" / room
    path.mkdir(exist_ok=True)
    return path


@pytest.mark.usefixtures("project")
def test_labels_in_doubt_are_listed_for_review() -> None:
    assert "- 1 scored pairs wait for a decision in review/pairs.csv" in run().stdout
    assert not [*DATA.glob("*/review.csv")]
    [_, row] = Path("review/pairs.csv").read_text(encoding="utf-8").splitlines()
    assert row.startswith("jobs in region 7,the jobs of region 7,0.05,0.9")


@pytest.mark.usefixtures("project")
def test_a_model_without_examples_is_named() -> None:
    copytree(DATA / "examples/reranker/small", DATA / "examples/reranker/other")
    (DATA / "examples/reranker/small/test.jsonl").unlink()
    assert "warning: the reranker has no examples of small" in run("--no-review").stdout


def test_threads_that_wait_for_others_soon_sleep(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies: list[tuple[str | None, ...]] = []
    names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")

    def doubtful_picks(*_: object) -> list[object]:
        policies.append(tuple(map(os.environ.get, names)))
        return []

    for name in names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("findtune.quality.doubtful_labels.doubtful_picks", doubtful_picks)
    run()
    assert policies == [("PASSIVE", "1000")]


@pytest.mark.slow
def test_the_statistics_need_no_torch() -> None:
    modules = ["commands.stats", *(f"findtune.quality.{path.stem}" for path in QUALITY)]
    code = f"import sys, {', '.join(modules)}; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


@pytest.mark.usefixtures("project")
def test_labels_are_the_picks_and_what_was_passed_over_above_them() -> None:
    # eight lists each have the only pick on rank 1, 2 and 3
    assert "picks and passed-over sources wait for a decision (48 labels)" in run().stdout
