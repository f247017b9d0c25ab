"""stack_table prints what the stage wrote, the verdict last."""

from pathlib import Path

from click.testing import CliRunner

from commands.stack_table import main

VERDICT = "VERDICT: WIN | ndcg@10 +0.1"


def test_the_times_stand_before_the_verdict(project: Path) -> None:
    folder = project / "metrics" / "stack"
    folder.mkdir(parents=True)
    (folder / "small.md").write_text(f"| a table |\n\n{VERDICT}\n", encoding="utf-8")
    command = ["small"]
    assert CliRunner().invoke(main, command).output == f"| a table |\n\n{VERDICT}\n"
    times = "cell,part,p50_ms,p95_ms\nquestion|bm25|none,total,1.5,2.5\n"
    (folder / "small.latency.csv").write_text(times, encoding="utf-8")
    paragraphs = CliRunner().invoke(main, command).output.split("\n\n")
    assert paragraphs[1].endswith("| question, bm25, none | total | 1.5 | 2.5 |")
    assert paragraphs[2] == f"{VERDICT}\n"


def test_a_stack_that_was_not_judged_is_one_line(project: Path) -> None:
    result = CliRunner().invoke(main, ["medium"])
    assert result.stderr == (
        "Error: there is no metrics/stack/medium.md; `make train SIZE=medium` makes it.\n"
    )
