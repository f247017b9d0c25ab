"""The documents are true: tables, counts and code agree with the files that they describe."""

import csv
import json
import re
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

# Measures


def metrics_are_committed() -> bool:
    """Return whether the metrics in the workspace are those of the last commit."""
    git = ["git", "diff", "--quiet", "HEAD", "--", "metrics"]
    return subprocess.run(git, capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("document", "entry_of"), [("README.md", summary_row), ("docs/measures.md", section)]
)
def test_a_document_shows_the_measures_of_the_last_commit(
    document: str, entry_of: Callable[[str, Any], str]
) -> None:
    if not metrics_are_committed():
        pytest.skip("metrics/ differs from the last commit; `make readme` updates the documents")
    entries = entries_between_markers(Path(document).read_text(encoding="utf-8"))
    assert {"embedder/small", "reranker/small", "rewriter/small"} <= set(entries)
    for name, entry in entries.items():
        metrics = json.loads(Path(f"metrics/{name}.json").read_text(encoding="utf-8"))
        assert entry == entry_of(name, metrics), "run `make readme`"


# The README


def test_the_readme_is_short_and_its_first_screen_has_the_two_commands() -> None:
    lines = README.splitlines()
    assert len(lines) <= 120
    assert max(map(len, lines)) <= 100
    start = "\n".join(lines[:40])
    assert "make train" in start
    assert "make test" in start


def test_the_readme_names_every_folder_of_the_code() -> None:
    for name in ("params.yaml", "dvc.yaml", "Makefile"):
        assert re.search(rf"^    {name}\b", README, re.MULTILINE)
    folders = [path.parent for path in Path().glob("*/__init__.py")]
    folders += [path.parent for path in Path("findtune").glob("*/__init__.py")]
    for folder in folders:
        assert f"{folder.name}/" in README, folder


def test_links_between_documents_lead_to_files() -> None:
    documents = [*Path().glob("*.md"), *Path("docs").glob("*.md"), Path("data/README.md")]
    for document in documents:
        text = document.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (document.parent / target.strip()).exists(), (document, target)


# Code blocks


def python_blocks(document: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", document, re.MULTILINE | re.DOTALL)


@pytest.fixture
def project(
    tiny_base: Path, tiny_t5: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Enter a folder with tiny models, untrained, where the documents expect trained ones."""
    models = tmp_path / "models"
    models.joinpath("embedder").mkdir(parents=True)
    models.joinpath("embedder", "small").symlink_to(tiny_base)
    save_reranker(tiny_base, models / "reranker" / "small")
    save_rewriter(tiny_t5, models / "rewriter" / "small")
    titles = ("Ukrainians in Poland", "Who lives in Poland", "Poland", "Polish wolves", "Bread")
    corpus = [
        {"url": f"https://a.example/{title}", "title": title, "text": f"{title}. {title}"}
        for title in titles
    ]
    write_jsonl(tmp_path / "data/examples/rewriter/small/corpus.jsonl", corpus)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save_reranker(encoder: Path, folder: Path) -> None:
    from sentence_transformers import CrossEncoder, SentenceTransformer

    from findtune.reranker.model.blending import CROSS_ENCODER_ONLY
    from findtune.reranker.model.reranker import Reranker

    cross_encoder = CrossEncoder(str(encoder), num_labels=1, max_length=40, device="cpu")
    retriever = SentenceTransformer(str(encoder), device="cpu")
    weights = CROSS_ENCODER_ONLY.model_copy(update={"max_length": 40, "retriever": 1.0})
    Reranker(cross_encoder, retriever, weights).save(folder)


def save_rewriter(language_model: Path, folder: Path) -> None:
    import torch

    from findtune.rewriter.model.rewriter import RewriterSettings, load_as_rewriter

    settings = RewriterSettings(
        prompt="",
        num_return_sequences=24,
        temperature=0.8,
        top_k=50,
        max_input_tokens=24,
        max_new_tokens=8,
        num_rewrites=4,
        fb_docs=2,
        query_repeats=0,
        rank_constant=10,
        original_query_weight=2,
    )
    load_as_rewriter(language_model, settings, frozenset(), torch.float32).save(folder)


def test_the_code_of_the_readme_runs_as_printed(project: Path) -> None:
    [block] = python_blocks(README)
    exec(block, {})


def test_the_code_of_the_guide_runs_as_printed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    namespace: dict[str, Any] = {}
    blocks = python_blocks(USING)
    assert len(blocks) == 4
    for block in blocks:  # a later block may go on from an earlier one
        exec(block, namespace)
    assert capsys.readouterr().out.splitlines()[-1] == "True"


# The data card


def rows(pattern: str) -> list[dict[str, str]]:
    """Return the rows of all CSV files under data/ that match a pattern."""
    paths = sorted(Path("data").glob(pattern))
    return [
        row
        for path in paths
        for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    ]


def count_items(table: list[dict[str, str]], column: str) -> int:
    return sum(len(row[column].split(";")) for row in table if row[column])


@pytest.mark.needs_starter_catalog
def test_the_data_card_counts_the_catalogs_and_the_scored_pairs() -> None:
    small, medium = rows("autogen_input/small/*.csv"), rows("autogen_input/medium/*.csv")
    others = count_items(rows("alternatives/*.csv"), "Alternatives")
    scores = [float(row["score"]) for row in rows("finetuning/*.csv")]
    cases = {
        "that must stay apart": (0.0, 0.1),
        "with another population": (0.2, 0.4),
        "not wrong but no priority": (0.5, 0.6),
        "the same in other words": (0.8, 1.0),
    }
    for text in (
        f"{len(small)} variables: a name each, {count_items(small, 'Description')} descriptions, "
        f"{count_items(small, 'Curated_Alternatives')} curated",
        f"{others} further alternatives",
        f"{len(medium)} variables with {count_items(medium, 'Curated_Alternatives')} alternatives",
        f"{len(scores)} scored pairs",
        *(
            f"{sum(low <= score <= high for score in scores)} {case}"
            for case, (low, high) in cases.items()
        ),
        f"{len(rows('guard/*.csv'))} pairs of everyday English",
    ):
        assert text in DATA_CARD
