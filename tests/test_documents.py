"""The documents are true: tables, counts and code agree with the files that they describe."""

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from findtune.core.files import write_jsonl
from findtune.report.markdown import entries_between_markers, section, summary_row

README = Path("README.md").read_text(encoding="utf-8")
USING = Path("docs/using.md").read_text(encoding="utf-8")
DATA_CARD = Path("data/README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("document", "entry_of"), [("README.md", summary_row), ("docs/measures.md", section)]
)
def test_a_document_shows_the_measures_of_the_last_commit(
    document: str, entry_of: Callable[[str, Any], str]
) -> None:
    git = ["git", "diff", "--quiet", "HEAD", "--", "metrics"]
    if subprocess.run(git, capture_output=True).returncode:
        pytest.skip("metrics/ differs from the last commit; `make readme` updates the documents")
    entries = entries_between_markers(Path(document).read_text(encoding="utf-8"))
    assert {"embedder/small", "reranker/small", "rewriter/small"} <= set(entries)
    for name, entry in entries.items():
        metrics = json.loads(Path(f"metrics/{name}.json").read_text(encoding="utf-8"))
        assert entry == entry_of(name, metrics), "run `make readme`"


def test_the_readme_is_short_and_its_first_screen_has_the_two_commands() -> None:
    lines = README.splitlines()
    first_screen = "\n".join(lines[:40])
    assert len(lines) <= 120
    assert max(len(line) for line in lines if not line.startswith("|")) <= 100
    assert "make train" in first_screen
    assert "make test" in first_screen


def test_the_readme_names_every_folder_of_the_code() -> None:
    packages = [*Path().glob("*/__init__.py"), *Path("findtune").glob("*/__init__.py")]
    names = ["    params.yaml", "    dvc.yaml", "    Makefile"]
    for name in names + [f"{path.parent.name}/" for path in packages]:
        assert name in README, name


def test_links_between_documents_lead_to_files() -> None:
    for document in [*Path().glob("*.md"), *Path("docs").glob("*.md"), Path("data/README.md")]:
        text = document.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (document.parent / target.strip()).exists(), (document, target)


@pytest.fixture
def project(
    tiny_base: Path, tiny_t5: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Enter a folder with tiny models, untrained, where the documents expect trained ones."""
    shutil.copytree(tiny_base, tmp_path / "models/embedder/small")
    save_reranker(tiny_base, tmp_path / "models/reranker/small")
    save_rewriter(tiny_t5, tmp_path / "models/rewriter/small")
    save_stack(tiny_base, tmp_path / "models")
    titles = ("Ukrainians in Poland", "Who lives in Poland", "Poland", "Polish wolves", "Bread")
    corpus = [{"url": title, "title": title, "text": f"{title}. {title}"} for title in titles]
    write_jsonl(tmp_path / "data/examples/rewriter/small/corpus.jsonl", corpus)
    monkeypatch.chdir(tmp_path)


def save_reranker(encoder: Path, folder: Path) -> None:
    from sentence_transformers import CrossEncoder, SentenceTransformer

    from findtune.reranker.model.blending import CROSS_ENCODER_ONLY
    from findtune.reranker.model.reranker import Reranker

    cross_encoder = CrossEncoder(str(encoder), num_labels=1, max_length=40, device="cpu")
    retriever = SentenceTransformer(str(encoder), device="cpu")
    weights = CROSS_ENCODER_ONLY.model_copy(update={"max_length": 40, "retriever": 1.0})
    Reranker(cross_encoder, retriever, retriever, weights, weights).save(folder)


def save_rewriter(language_model: Path, folder: Path) -> None:
    from findtune.rewriter.model.lexicon import Lexicon
    from findtune.rewriter.model.rewriter import load_as_rewriter
    from findtune.rewriter.model.settings import RewriterSettings

    generation = {"prompt": "", "num_return_sequences": 24, "temperature": 0.8, "top_k": 50}
    generation |= {"max_input_tokens": 24, "max_new_tokens": 8}
    search = {"num_rewrites": 4, "fb_docs": 2, "query_repeats": 0}
    search |= {"ships": "tuned", "retriever": "bm25"}
    fusion = {"rank_constant": 10, "original_query_weight": 2}
    settings = RewriterSettings.model_validate(generation | search | fusion)
    load_as_rewriter(language_model, settings, Lexicon(frozenset(), frozenset())).save(folder)


def save_stack(encoder: Path, models: Path) -> None:
    from findtune.stack.artifact import save
    from findtune.stack.cells import Cell
    from findtune.stack.parts import Parts
    from findtune.stack.settings import TitleFeedback

    parts = Parts(
        bases={"embedder": encoder},
        tuned={room: models / room / "small" for room in ("embedder", "reranker", "rewriter")},
        prf=TitleFeedback(fb_docs=1, rank_constant=10, original_query_weight=2),
    )
    save(Cell("tuned", "tuned", "tuned"), parts, models / "stack/small", rerank_depth=5, seed=13)


@pytest.mark.parametrize(("document", "count"), [(README, 1), (USING, 5)], ids=["readme", "guide"])
def test_the_code_of_a_document_runs_as_printed(
    project: None, document: str, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", document, re.MULTILINE | re.DOTALL)
    assert len(blocks) == count
    namespace: dict[str, Any] = {}
    for block in blocks:  # a later block may go on from an earlier one
        exec(block, namespace)
    assert capsys.readouterr().out.splitlines()[-1] == ("(1, 32)" if count == 1 else "True")


def rows(pattern: str) -> list[dict[str, str]]:
    """Return the rows of all CSV files under data/ that match a pattern."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(Path("data").glob(pattern))]
    return [row for text in texts for row in csv.DictReader(text.splitlines())]


def count_items(table: list[dict[str, str]], column: str) -> int:
    return sum(len(row[column].split(";")) for row in table if row[column])


@pytest.mark.needs_starter_catalog
def test_the_data_card_counts_the_catalogs_and_the_scored_pairs() -> None:
    small, medium = rows("autogen_input/small/*.csv"), rows("autogen_input/medium/*.csv")
    others = count_items(rows("alternatives/*.csv"), "Alternatives")
    scores = [float(row["score"]) for row in rows("finetuning/*.csv")]
    for text in (
        f"{len(small)} variables: a name each, {count_items(small, 'Description')} descriptions, "
        f"{count_items(small, 'Curated_Alternatives')} curated",
        f"{others} further alternatives",
        f"{len(medium)} variables with {count_items(medium, 'Curated_Alternatives')} alternatives",
        f"{len(scores)} scored pairs",
        f"{sum(score <= 0.1 for score in scores)} that must stay apart",
        f"{sum(0.2 <= score <= 0.4 for score in scores)} with another population",
        f"{sum(0.5 <= score <= 0.6 for score in scores)} not wrong but no priority",
        f"{sum(score >= 0.8 for score in scores)} the same in other words",
        f"{len(rows('guard/paraphrases.csv'))} pairs of everyday English",
    ):
        assert text in DATA_CARD
