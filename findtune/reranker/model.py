"""A ranker: a cross-encoder, a retriever, and how much each counts.

A source's score is the sum of three signals, each with its weight:

    cross-encoder   what it says of question and source, a logit
    retriever       the cosine of question and source
    company         the mean cosine of the source and the others of its list, those that the
                    retriever likes counting more: what answers a question resembles what else
                    does (the cluster hypothesis, van Rijsbergen 1979; score regularization,
                    Diaz, CIKM 2005); once of whole sources, once of their titles

The score ranks; relevance, which people see, is its calibrated sigmoid and never reorders.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from scipy.special import expit
from sentence_transformers import CrossEncoder, SentenceTransformer
from torch.nn import Identity
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging

from findtune import jina
from findtune.bases import refuse_unsafe
from findtune.cards import About
from findtune.encoders import load as load_encoder
from findtune.errors import CollapseError
from findtune.files import read_json
from findtune.params import Section
from findtune.records import Record

ABOUT = About(
    "text-ranking",
    "sentence-transformers",
    "`findtune.reranker.model.load(path)` loads all of it: the cross-encoder, the "
    "retriever in `retriever/`, and `weights.json`, which tells how much each counts. The "
    "cross-encoder alone: `CrossEncoder(path)`, or, if its `model_type` is `findtune-jina-bert`, "
    "`onnx/model.onnx`, which needs nothing of ours. To compare with: `base/`, the cross-encoder "
    "before it was tuned on picks, and `signals.json`, what counts without it.",
)
SIGNALS = ("retriever", "company", "title_company")  # the columns of what the retriever says
PAIRS_AT_ONCE = 64
TEXTS_AT_ONCE = 128
Array = np.ndarray


class Weights(Section):
    """How much each signal counts, how sharply the retriever weighs company, and the sigmoid.

    The weights.json of a saved ranker.
    """

    cross_encoder: float
    retriever: float
    company: float
    title_company: float
    sharpness: float = Field(gt=0)
    temperature: float = Field(gt=0)
    threshold: float
    max_length: int = Field(gt=0)  # tokens of question and source that the cross-encoder reads


@dataclass(frozen=True)
class Ranker:
    """What scores sources against a question."""

    cross_encoder: CrossEncoder
    retriever: SentenceTransformer
    weights: Weights

    def scores(self, lists: Sequence[Record], *, progress: bool = False) -> list[Array]:
        """Return the raw score of each source of each list, (sources,).

        lists: records with `query` and `sources`, each with its `text` and `title`. Raises
        CollapseError when a score is no number.
        """
        near = signals(self.retriever, lists, self.weights.sharpness, progress=progress)
        read = logits(self.cross_encoder, lists, progress=progress)
        return blended(read, near, self.weights)

    def relevance(self, scores: Array) -> Array:
        """Return raw scores as relevance in [0, 1], in the same order."""
        return relevance(scores, self.weights)

    def weighing(self, **changes: float) -> "Ranker":
        """Return the same models with other weights."""
        return replace(self, weights=self.weights.model_copy(update=changes))

    def save(self, folder: Path) -> None:
        """Write the cross-encoder, the retriever and the weights to a folder."""
        self.cross_encoder.save_pretrained(str(folder), create_model_card=False)
        self.retriever.save_pretrained(str(folder / "retriever"), create_model_card=False)
        write_weights(folder / "weights.json", self.weights)


def write_weights(path: Path, weights: Weights) -> None:
    """Write weights with every digit: a score is to be the same when they are loaded."""
    path.write_text(weights.model_dump_json(indent=2) + "\n", encoding="utf-8")


def load(folder: Path) -> Ranker:
    """Return the ranker in a folder.

    Raises UnsafeModelError when the folder holds a pickle, code or a broken file.
    """
    weights = Weights(**read_json(folder / "weights.json"))
    return Ranker(
        cross_encoder=reading(folder, weights.max_length),
        retriever=load_encoder(folder / "retriever"),
        weights=weights,
    )


def cross_encoder(folder: Path, max_length: int, seed: int) -> CrossEncoder:
    """Return the cross-encoder in a folder; an encoder gets a new head, drawn by the seed.

    Raises UnsafeModelError when the folder holds a pickle, code or a broken file.
    """
    refuse_unsafe(folder)
    if has_head(folder):
        return reading(folder, max_length)
    torch.manual_seed(seed)
    # it would tell that the head is new, which is what we want
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=1, dtype=torch.float32, use_safetensors=True, local_files_only=True
    )
    logging.set_verbosity_warning()  # type: ignore[no-untyped-call]
    with tempfile.TemporaryDirectory() as scratch:
        model.save_pretrained(scratch)
        AutoTokenizer.from_pretrained(folder, local_files_only=True).save_pretrained(scratch)
        return reading(Path(scratch), max_length)


def reading(folder: Path, max_length: int) -> CrossEncoder:
    """Return the classifier in a folder; it reads max_length tokens, or as many as it can."""
    model = jina.load(folder, max_length)
    positions: int = getattr(model.config, "max_position_embeddings", max_length)
    model.max_seq_length = min(max_length, positions)
    return model


def has_head(folder: Path) -> bool:
    """Return whether a folder's model classifies, as its config tells."""
    told = read_json(folder / "config.json").get("architectures") or []
    return any(name.endswith("ForSequenceClassification") for name in told)


def signals(
    retriever: SentenceTransformer,
    lists: Sequence[Record],
    sharpness: float,
    *,
    progress: bool = False,
) -> list[Array]:
    """Return what the retriever says of each list, (sources, 3).

    The columns: cosine with the question, company, company of the titles. Sums are in fp64: how a
    BLAS rounds them hangs on the processor, and training would make two models of that.
    """
    texts = sorted({text for it in lists for text in (it["query"], *texts_of(it), *titles_of(it))})
    places = {text: at for at, text in enumerate(texts)}
    vectors = retriever.encode(
        texts, batch_size=TEXTS_AT_ONCE, normalize_embeddings=True, show_progress_bar=progress
    ).astype(np.float64)
    found = []
    for it in lists:
        question = vectors[places[it["query"]]]
        whole, titles = (
            vectors[[places[text] for text in its]] for its in (texts_of(it), titles_of(it))
        )
        kept = [whole @ question, *(company(its, question, sharpness) for its in (whole, titles))]
        found.append(np.stack(kept, axis=1).astype(np.float32))
    return found


def company(sources: Array, question: Array, sharpness: float) -> Array:
    """Return the mean cosine of each source with the others, (sources,); 0 for one alone.

    Of no source there is none.

    sources: unit vectors, (sources, dimensions); question: (dimensions,). The others are weighed
    by their cosine with the question: one that is lower by `sharpness` counts 1/e as much.
    """
    cosines: Array = sources @ question
    if not len(cosines):
        return cosines
    likes = np.exp((cosines - cosines.max()) / sharpness)
    weights = likes * (1 - np.eye(len(cosines)))
    total = np.maximum(weights.sum(axis=1), np.finfo(np.float64).tiny)
    found: Array = (sources @ sources.T * weights).sum(axis=1) / total
    return found


def logits(model: CrossEncoder, lists: Sequence[Record], *, progress: bool = False) -> list[Array]:
    """Return the cross-encoder's logit of each source of each list, (sources,)."""
    pairs = [(it["query"], text) for it in lists for text in texts_of(it)]
    if not pairs:
        return [np.zeros(0, dtype=np.float32) for _ in lists]
    found = model.predict(
        pairs,
        batch_size=PAIRS_AT_ONCE,
        activation_fn=Identity(),
        convert_to_numpy=True,
        show_progress_bar=progress,
    ).astype(np.float32)
    return np.split(found, np.cumsum([len(it["sources"]) for it in lists])[:-1])


def texts_of(it: Record) -> list[str]:
    return [source["text"] for source in it["sources"]]


def picked(it: Record) -> Array:
    """Return 1 for each picked source of a list, else 0, (sources,)."""
    return np.array([int(source["url"] in it["picks"]) for source in it["sources"]])


def titles_of(it: Record) -> list[str]:
    return [source["title"] or source["text"] for source in it["sources"]]


def blended(read: Sequence[Array], near: Sequence[Array], weights: Weights) -> list[Array]:
    """Return the scores of each list; raise CollapseError when one is no number."""
    by_retriever = np.array([getattr(weights, name) for name in SIGNALS])
    found = [
        (weights.cross_encoder * one + two @ by_retriever).astype(np.float32)
        for one, two in zip(read, near, strict=True)
    ]
    if not all(np.isfinite(scores).all() for scores in found):
        raise CollapseError("a score is no number; lower learning_rate, or use fp32.")
    return found


def relevance(scores: Array, weights: Weights) -> Array:
    """Return raw scores as relevance in [0, 1]."""
    # fp64, so that distinct scores stay distinct
    away = (np.asarray(scores, dtype=np.float64) - weights.threshold) / weights.temperature
    found: Array = expit(away)
    return found
