"""Compose the lists and searches of the starter's feedback from its sources and grades.

    python -m starter.compose_feedback

The questions, their sources and their grades were written. This command decides the rest by the
rules of starter/feedback.py: the order in which the sources of a list were shown, what was picked,
and what each search returned. A second run changes no byte; a test checks this.

Nothing in the pipeline runs this command. Run it by hand after an edit of a question, source or
grade, and commit the files. If you replace the starter's feedback with your own, delete this file.

Reads   data/training_data/corpus.jsonl, judgments.json
Reads and writes   data/training_data/{reranker,query_rewriting}_training_data.json
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from findtune.core.files import atomic_open, read_json, read_jsonl
from findtune.retrieval.bm25 import BM25Index
from stages.command import Stage
from starter.feedback import order_shown, pick

FOLDER = Path("data/training_data")
LISTS, SEARCHES = "reranker_training_data.json", "query_rewriting_training_data.json"
NUM_RESULTS = 5

Record = dict[str, Any]


class Engine:
    """BM25 over the title and text of all sources."""

    def __init__(self, corpus: Sequence[Mapping[str, str]]) -> None:
        self.sources = {source["url"]: source for source in corpus}
        self.urls = [*self.sources]
        self.index = BM25Index([f"{source['title']}. {source['text']}" for source in corpus])

    def scores(self, query: str) -> dict[str, float]:
        """Return the score of every source by its URL."""
        return dict(zip(self.urls, self.index.scores(query).tolist(), strict=True))

    def results(self, query: str) -> list[str]:
        """Return the URLs that a search returns, best first."""
        return [self.urls[row] for row in self.index.top_k(query, NUM_RESULTS)]

    def shown(self, url: str) -> dict[str, str]:
        """Return a source as a list shows it; a source without a text has no snippet."""
        title, text = self.sources[url]["title"], self.sources[url]["text"]
        return {"url": url, "title": title} | ({"snippet": text} if text else {})


def compose_list(record: Record, grades: Mapping[str, int], engine: Engine) -> Record:
    """Return a ranked list with its sources in the order shown, and with its picks."""
    session = " ".join([*record.get("history", []), record["query"]])
    urls = [source["url"] for source in record["all_sources"]]
    shown = order_shown(record["query"], urls, engine.scores(session))
    picks = pick(record["query"], shown, grades)
    return record | {
        "all_sources": [engine.shown(url) for url in shown],
        "positive_sources": picks,
        "negative_sources": [url for url in shown if url not in picks],
    }


def compose_searches(record: Record, picks: Sequence[str], engine: Engine) -> Record:
    """Return a record with each search's results; a source has its title only the first time."""
    seen: set[str] = set()
    mapping: Record = {}
    for query, search in record["query_source_mapping"].items():
        sources = []
        for url in engine.results(query):
            title = {} if url in seen else {"title": engine.sources[url]["title"]}
            sources.append({"url": url} | title)
            seen.add(url)
        mapping[query] = {"reasoning": search["reasoning"], "sources": sources}
    head = {name: record[name] for name in ("original_query", "history") if name in record}
    tail = {"query_source_mapping": mapping, "timestamp": record["timestamp"]}
    return head | {"selected_sources": [*picks]} | tail


def write_records(path: Path, key: str, records: Sequence[Record]) -> None:
    """Write a file of feedback, one record a line."""
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in records]
    with atomic_open(path) as file:
        file.write(f'{{"{key}":[\n' + ",\n".join(lines) + "\n]}\n")


def compose(folder: Path) -> int:
    """Compose the lists and searches in a folder; return how many questions there are."""
    engine = Engine([*read_jsonl(folder / "corpus.jsonl")])
    grades = read_json(folder / "judgments.json")
    lists = [
        compose_list(record, grades[record["query"]], engine)
        for record in read_json(folder / LISTS)["reranker_data"]
    ]
    picks = {record["query"]: record["positive_sources"] for record in lists}
    searches = [
        compose_searches(record, picks[record["original_query"]], engine)
        for record in read_json(folder / SEARCHES)["query_rewriting_data"]
    ]
    write_records(folder / LISTS, "reranker_data", lists)
    write_records(folder / SEARCHES, "query_rewriting_data", searches)
    return len(lists)


@click.command(cls=Stage)
def main() -> None:
    """Compose the lists and searches of the starter's feedback."""
    click.echo(f"{FOLDER}: {compose(FOLDER)} questions")


if __name__ == "__main__":
    main()
