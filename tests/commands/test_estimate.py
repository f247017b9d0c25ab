"""estimate prints what users would pick of another order, and what it lacks, in one line."""

from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from commands import estimate
from findtune.core.errors import InputError
from findtune.core.files import write_jsonl
from findtune.traffic.log import SERVED, append, week_file
from findtune.traffic.records import PickRecord, SearchRecord, now
from findtune.traffic.shuffling import shuffle

RANKING_OF = estimate.ranking_of


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk, and let the stack rank the best source first."""
    monkeypatch.setattr("os.fsync", lambda file: None)
    monkeypatch.setattr(estimate, "ranking_of", lambda folder, corpus: lambda question: "edcbaxy")


def serve(number: int, version: str = "old", share: float = 1.0) -> None:
    """Record a search that ranked the worst source first; its user finds "e" at any rank."""
    sources = [{"url": url, "rank": rank} for rank, url in enumerate("abcde", start=1)]
    fields = {"id": f"{number:032x}", "time": now(), "version": version, "milliseconds": 1.0}
    search = SearchRecord.model_validate({**fields, "question": f"{number}", "sources": sources})
    search = shuffle(search, share) if share else search
    append(SERVED / week_file(search.time), search)
    ranks = {row.url: row.rank for row in search.sources}
    picks = ["e"] if Random(number).random() < 1 / ranks["e"] else []
    append(SERVED / "picks.jsonl", PickRecord(search=search.id, time=search.time, picks=picks))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(estimate.main, ["small", *arguments])


def test_the_better_order_wins_without_having_been_shown(project: Path) -> None:
    for number in range(200):
        serve(number)
    output = run().stdout
    assert output.startswith("200 answered searches of old, of which chance has changed ")
    assert "as it ranks, 1.0000 as models/stack/small ranks the same sources, +0." in output
    assert "of the stack's own first 5, 100% were among these sources" in output
    assert output.endswith("VERDICT: WIN\n")


def test_each_search_of_the_stack_moves_a_bar(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        serve(number)
    monkeypatch.setattr("click._termui_impl.isatty", lambda _: True)
    result = run()
    assert "Searching 3 questions" in result.stderr
    assert [f"{share}%" in result.stderr for share in (0, 33, 66, 100)] == [True] * 4
    assert result.stdout.startswith("3 answered searches of old")


def test_few_searches_are_warned_of_and_decide_nothing(project: Path) -> None:
    for number in range(140):  # each rests on a fifth of a search
        serve(number)
    output = run().stdout
    assert "it rests on 28 searches" in output
    assert "warning: fewer than 30 say too little" in output
    assert output.endswith("VERDICT: INCONCLUSIVE\n")


def test_no_value_is_printed_of_what_was_never_shown(project: Path) -> None:
    for number in range(7):
        serve(number, share=0.001)
    output = run().stdout
    assert "as it ranks, unknown as models/stack/small ranks: at some rank no search sh" in output
    assert output.endswith("VERDICT: INCONCLUSIVE\n")
    assert "+" not in output


def test_without_shuffled_searches_it_says_how_to_get_some(project: Path) -> None:
    serve(1, share=0)
    result = run()
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: data/served has no answered search that a sh")
    assert "SHUFFLE=0.2" in result.stderr


def test_what_the_stack_may_have_learned_from_is_left_out(project: Path) -> None:
    serve(1)
    serve(2)
    rows = [{"id": f"{number:032x}"} for number in (1, 2)]
    folder = Path("data/training_data")
    folder.mkdir(parents=True)
    write_jsonl(folder / "reranker_training_data.served.jsonl", rows[:1])
    assert run().stdout.startswith("1 answered search of old")
    write_jsonl(folder / "reranker_training_data.served.jsonl", rows)
    assert "all such searches (2) were collected" in run().stderr


def test_versions_are_not_mixed(project: Path) -> None:
    serve(1)
    serve(2, version="new")
    assert "name one version with SHOWN=...; there are: new, old." in run().stderr
    assert run("--shown", "ne").stdout.startswith("1 answered search of new")


def test_the_stack_ranks_a_question_by_its_whole_search(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def search(question: str, top_k: int, history: object, *, rewrite: bool) -> Any:
        hits = [SimpleNamespace(url=f"{question}{number}") for number in range(2)]
        return SimpleNamespace(documents=hits if rewrite else []), {}

    served = SimpleNamespace(searches={"stack/small": SimpleNamespace(search=search)})
    loading = {"findtune.serving.loading": SimpleNamespace(load_served=lambda *args: served)}
    monkeypatch.setattr(estimate, "import_module", loading.__getitem__)
    folder = Path("models/stack/small")
    folder.mkdir(parents=True)
    assert RANKING_OF(folder, Path("corpus.jsonl"))("q") == ["q0", "q1"]
    with pytest.raises(InputError, match="no corpus to search; name one: make estimate CORPUS="):
        RANKING_OF(folder, None)
    with pytest.raises(InputError, match="`make train SIZE=medium` makes it"):
        RANKING_OF(Path("models/stack/medium"), None)
    with pytest.raises(InputError, match="no size huge; its sizes are small, medium"):
        RANKING_OF(Path("models/stack/huge"), None)
