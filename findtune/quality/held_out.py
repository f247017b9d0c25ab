"""How much data is held out for the test, and the smallest effect that the test could show.

Nothing is trained yet, so two rankings that need no training stand in for base and tuned: BM25,
which ranks by words, and latent semantic analysis, which ranks by meaning. The difference between
their results should vary over the questions about as much as that between base and tuned. The
effect is that of `findtune.evaluation.significance.compare`: seen in four of five tests at the 5 %
level.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from findtune.core.files import iter_jsonl, read_jsonl
from findtune.core.records import Record
from findtune.core.text import hash_fraction
from findtune.evaluation.significance import compare
from findtune.quality.decisive import decisive_questions, group_of
from findtune.quality.latent_vectors import LatentVectors
from findtune.retrieval.bm25 import BM25Index
from findtune.retrieval.metrics import evaluate, qrels_from_gains, run_from_scores

MAX_QUESTIONS = 500  # to rank; the effect for more questions is extrapolated
MAX_CORPUS = 20_000
MEASURES = {"embedder": "ndcg@10", "reranker": "ndcg@10", "rewriter": "recall@10"}
SEED = 13  # of the bootstrap, whose interval is not printed

Array = np.ndarray
Scored = tuple[Array, Array, Array]  # gains, scores by words, scores by meaning


class HeldOut(NamedTuple):
    """The numbers of training examples, and of dev and test questions, of one model.

    groups: test questions, where those of one topic or variable count once.

    effect: the smallest difference of the measure that the test set could show; 1 if none.
    """

    model: str
    train: int
    dev: int
    test: int
    groups: int
    measure: str
    effect: float


def measure_held_out(model: str, examples: Path) -> HeldOut:
    """Return what is held out of one model's examples; examples: the folder that prepare wrote."""
    # A rewriter's examples of kind question repeat the questions of its other examples.
    train = sum(row["kind"] != "question" for row in iter_jsonl(examples / "train.jsonl"))
    dev, test = (
        decisive_questions(model, examples / f"{split}.jsonl") for split in ("dev", "test")
    )
    groups = {group_of(row) for row in test}
    sample = sorted(test, key=lambda row: hash_fraction(question_of(row)))[:MAX_QUESTIONS]
    ranked = {group_of(row) for row in sample}
    effect = 1.0
    if len(groups) > 1:
        share = len(ranked) / len(groups)
        effect = min(1.0, detectable_effect(model, sample, examples) * share**0.5)
    return HeldOut(model, train, len(dev), len(test), len(groups), MEASURES[model], effect)


def question_of(row: Record) -> str:
    """Return the text of a held-out question."""
    return str(row.get("query") or row["text"])


def detectable_effect(model: str, rows: Sequence[Record], examples: Path) -> float:
    """Return the smallest effect that these questions, of several groups, could show."""
    has_lists = rows[0]["kind"] == "list"
    scored = [*score_lists(rows)] if has_lists else [*score_corpus(rows, examples)]
    gains, *rankings = ([*column] for column in zip(*scored, strict=True))
    qrels, measure = qrels_from_gains(gains), MEASURES[model]
    by_words, by_meaning = (
        evaluate(qrels, run_from_scores(scores, gains), [measure])[measure] for scores in rankings
    )
    groups = [group_of(row) for row in rows]
    difference = compare(by_words, by_meaning, measure, SEED, groups)
    return float(difference["minimum_detectable_effect"])


def score_lists(rows: Sequence[Record]) -> Iterator[Scored]:
    """Yield the gains of each list, and its scores by words and by meaning."""
    lists = [*map(texts_and_gains, rows)]
    texts = [members for members, _ in lists]
    scorer = TwoScorers([text for members in texts for text in members])
    start = 0
    for row, (members, gains) in zip(rows, lists, strict=True):
        span = slice(start, start + len(members))
        start += len(members)
        by_words, by_meaning = scorer.scores(question_of(row))
        yield gains, by_words[span], by_meaning[span]


def texts_and_gains(row: Record) -> tuple[list[str], Array]:
    """Return the texts of a list and the gain of each; an embedder has 1 for a pick, else 0."""
    documents = row["documents"]
    if "picked" in row:
        return documents, np.array(row["picked"], dtype=float)
    texts = [document["text"] for document in documents]
    return texts, np.array([document["gain"] for document in documents])


def score_corpus(rows: Sequence[Record], examples: Path) -> Iterator[Scored]:
    """Yield each question's gains and both scores, of relevant and first-ranked documents."""
    answers = [[*(row.get("dcids") or row.get("picks") or [])] for row in rows]
    wanted = {name for names in answers for name in names}
    corpus = read_jsonl(examples / "corpus.jsonl")
    corpus.sort(key=lambda document: name_of(document) not in wanted)  # relevant documents first
    needed = sum(name_of(document) in wanted for document in corpus)
    corpus = corpus[: max(MAX_CORPUS, needed)]
    scorer = TwoScorers([document_text(document) for document in corpus])
    names = np.array([name_of(document) for document in corpus])
    for row, relevant in zip(rows, answers, strict=True):
        gains = np.isin(names, relevant).astype(float)
        scores = scorer.scores(question_of(row))
        best = np.unique(np.concatenate([np.flatnonzero(gains), *map(first_positions, scores)]))
        yield gains[best], scores[0][best], scores[1][best]


def first_positions(scores: Array, count: int = 50) -> Array:
    """Return the positions of the highest scores, (count,) at most."""
    return np.argpartition(-scores, min(count, len(scores)) - 1)[:count]


def name_of(document: Record) -> str:
    """Return the name of a document of a corpus: its variable, or its URL."""
    return str(document.get("dcid", document.get("url")))


def document_text(document: Record) -> str:
    """Return the title and the text of a document of a corpus."""
    return " ".join(filter(None, (document.get("title", ""), document["text"])))


class TwoScorers:
    """Scores texts by words and by meaning, without a trained model."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.bm25 = BM25Index(texts)
        self.latent = LatentVectors(texts)
        self.vectors = self.latent.encode(texts)

    def scores(self, question: str) -> tuple[Array, Array]:
        """Return the scores of all texts by BM25 and by the cosine of latent vectors."""
        cosines: Array = self.vectors @ self.latent.encode([question])[0]
        return self.bm25.scores(question), cosines
