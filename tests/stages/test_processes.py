"""Ingest and preparation write the same bytes with one process and with two."""

import json
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest

from findtune.core import params, processes
from findtune.core.files import write_jsonl
from findtune.core.processes import VARIABLE
from findtune.embedder.prepare.examples import PrepareSettings as EmbedderSettings
from findtune.embedder.prepare.examples import write_examples as write_embedder
from findtune.reranker.prepare.examples import PrepareSettings as RerankerSettings
from findtune.reranker.prepare.examples import write_examples as write_reranker
from findtune.rewriter.prepare import corpus as corpus_module
from findtune.rewriter.prepare.examples import PrepareSettings as RewriterSettings
from findtune.rewriter.prepare.examples import write_examples as write_rewriter
from stages.ingest import clean

RECORDS = 300
ROOMS = ("embedder", "reranker", "rewriter")
# Two spellings that the stemmer takes for one word and, without accents, for two.
ACCENTS = ("salariés", "salariées", "tea", "méxico", "mexico")


def write_feedback(folder: Path) -> None:
    """Write records that share questions, users, topics, documents and mistakes."""
    rng = Random(1)
    lists, searches = [], []
    for number in range(RECORDS):
        query = f"question {rng.randrange(80)} about {rng.choice(ACCENTS)}"
        shown = [
            {"url": f"https://example.org/{row}", "title": f"Tea {row}", "snippet": text}
            for row in rng.sample(range(400), 6)
            for text in [f"Page {row} tells of tea." if rng.random() < 0.7 else ""]
        ]
        picks = [source["url"] for source in rng.sample(shown, 2)]
        same = {"user_id": f"u{rng.randrange(60)}"} if number % 3 == 0 else {}
        same |= {"topic": f"t{rng.randrange(90)}"} if number % 5 == 0 else {}
        time = {"timestamp": f"2025-01-{1 + number % 7:02d}T00:00:00Z"}
        lists.append(
            {"query": query, "all_sources": shown, "positive_sources": picks} | same | time
        )
        mapping = {query: {"sources": shown[:3]}, f"tea {number % 50}": {"sources": shown[3:]}}
        row = {"original_query": query, "query_source_mapping": mapping}
        searches.append(row | {"selected_sources": picks} | same | time)
    lists[7:7] = [lists[3], {"query": "broken"}]
    searches += searches[:2]
    for name, rows in (
        ("reranker_training_data.json", {"reranker_data": lists}),
        ("query_rewriting_training_data.json", {"query_rewriting_data": searches}),
    ):
        (folder / name).write_text(json.dumps(rows))


def bytes_of(folder: Path) -> Mapping[str, bytes]:
    """Return the bytes of each file under a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_two_processes_write_the_bytes_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "training_data").mkdir()
    write_feedback(tmp_path / "training_data")
    reranker = params.read("prepare.reranker.small", RerankerSettings)
    rewriter = params.read("prepare.rewriter.small", RewriterSettings)
    rewriter = rewriter.model_copy(update={"max_corpus_documents": 40})  # so that it gets full
    embedder = params.read("prepare.embedder.small", EmbedderSettings)
    embedder = embedder.model_copy(update={"learn_from": ("feedback",)})
    for number, piece_bytes in (("1", 1 << 23), ("2", 5000), ("3", 1)):
        monkeypatch.setenv(VARIABLE, number)
        monkeypatch.setattr(processes.pieces, "__defaults__", (piece_bytes,))
        out = tmp_path / number
        for kind in ("ranked_lists", "searches", "judgments", "corpus"):
            clean(kind, data=tmp_path, out=out)
        write_reranker(out, out / "reranker", reranker)
        write_rewriter(out, out / "rewriter", rewriter)
        for kind in ("sentence_pairs", "guard"):
            write_jsonl(out / f"{kind}.jsonl", [])
        write_embedder(out, out / "embedder", embedder)
    one = bytes_of(tmp_path / "1")
    assert one == bytes_of(tmp_path / "2") == bytes_of(tmp_path / "3")
    assert all(len(one[f"{room}/train.jsonl"]) > 1000 for room in ROOMS)
    assert len(one["rewriter/corpus.jsonl"].splitlines()) > 40


def test_a_document_gets_what_it_lacks_from_later_pieces_and_nothing_else(tmp_path: Path) -> None:
    def mention(url: int, text: str, required: bool = False) -> corpus_module.Mention:
        return corpus_module.Mention(url, {"url": f"{url}", "title": "T", "text": text}, required)

    with corpus_module.Corpus(2, tmp_path) as corpus:
        corpus.add([mention(1, ""), mention(2, "two"), mention(3, "three")], 0)
        corpus.add([mention(1, "one"), mention(4, "four", required=True), mention(1, "other")], 1)
        corpus.write(tmp_path / "corpus.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "corpus.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows] == ["one", "two", "four"]
