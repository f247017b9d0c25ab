"""The base and tuned models of a stack; each is loaded when it is first used."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

import torch

from findtune.core.files import read_json
from findtune.embedder.model.folder import evaluated_folder
from findtune.reranker.model.blending import read_weights
from findtune.reranker.model.cross_encoder import has_head
from findtune.reranker.model.cross_encoder import load as load_cross_encoder
from findtune.reranker.model.reranker import Reranker as TunedReranker
from findtune.reranker.model.reranker import load as load_reranker
from findtune.reranker.model.reranker import load_for_dev
from findtune.retrieval.encoder import load_encoder
from findtune.rewriter.model.lexicon import read_lexicon
from findtune.rewriter.model.rewriter import load as load_rewriter
from findtune.rewriter.model.rewriter import load_as_rewriter
from findtune.rewriter.model.settings import RewriterSettings
from findtune.stack.caches import LogitCache, VectorCache
from findtune.stack.cells import Queries, Reranker
from findtune.stack.query_writer import QueryWriter
from findtune.stack.scorers import CosineScorer, CrossEncoderScorer, RerankerScorer, Scorer
from findtune.stack.settings import TitleFeedback, without_rewrites

Level = Literal["base", "tuned"]


@dataclass(frozen=True, eq=False)
class Parts:
    """The models in some folders.

    bases, tuned: room -> folder; `tuned` has only the rooms that have a tuned model. prf: how
    titles are searched if no rewriter's training has chosen that.
    """

    bases: Mapping[str, Path]
    tuned: Mapping[str, Path]
    prf: TitleFeedback

    @cache  # noqa: B019  # the parts live as long as the process
    def writer(self, queries: Queries) -> QueryWriter:
        """Return a query writer; base and tuned share one where training kept the base."""
        if queries == "question":
            return QueryWriter(without_rewrites(None))
        if queries == "prf":
            return QueryWriter(self.prf_settings)
        if queries == "tuned":
            rewriter = load_rewriter(self.tuned["rewriter"])
            base = self.writer("base") if rewriter.settings.ships == "base" else None
            same = base and base.rewriter and rewriter.writes_as(base.rewriter)
            return base if base and same else QueryWriter(rewriter.settings, rewriter)
        folder = self.tuned["rewriter"]
        settings = RewriterSettings(**read_json(folder / "base.json"))
        rewriter = load_as_rewriter(
            self.bases["rewriter"], settings, read_lexicon(folder), rewriter_dtype(folder)
        )
        return QueryWriter(settings, rewriter)

    @property
    def prf_settings(self) -> RewriterSettings:
        """How titles are searched: as the rewriter's training chose on dev, or else as `prf`."""
        path = self.tuned.get("rewriter", Path()) / "prf.json"
        if path.exists():
            return RewriterSettings(**read_json(path))
        return without_rewrites(self.prf)

    @cache  # noqa: B019
    def encoder(self, level: Level) -> VectorCache:
        """Return an embedder; for a refitted one, the model before the refit."""
        if level == "base":
            return VectorCache(load_encoder(self.bases["embedder"]))
        return VectorCache(load_encoder(evaluated_folder(self.tuned["embedder"])))

    @cache  # noqa: B019
    def scorer(self, level: Reranker) -> Scorer | None:
        """Return a reranker; a base without a ranking head is replaced by the base embedder."""
        if level == "none":
            return None
        if level == "tuned":
            return self.tuned_scorer(load_reranker(self.tuned["reranker"]))
        if has_head(self.bases["reranker"]):
            model = load_cross_encoder(self.bases["reranker"], self.max_length)
            return CrossEncoderScorer(LogitCache(model))
        return CosineScorer(self.encoder("base"))

    @cache  # noqa: B019
    def dev_scorer(self, level: Reranker) -> Scorer | None:
        """Return a reranker to evaluate on dev; unlike the one that ships, it never learned dev."""
        if level == "tuned":
            return self.tuned_scorer(load_for_dev(self.tuned["reranker"]))
        return self.scorer(level)

    def has_cross_encoder(self, level: Reranker) -> bool:
        """Return whether a reranker reads documents for each question; False if there is none."""
        if level == "none" or "reranker" not in self.tuned:
            return False
        scorer = self.dev_scorer(level)
        if isinstance(scorer, RerankerScorer):
            return bool(scorer.reranker.weights.cross_encoder)
        return isinstance(scorer, CrossEncoderScorer)

    def tuned_scorer(self, reranker: TunedReranker) -> RerankerScorer:
        """Return a tuned reranker's scorer; its base retriever may be the shared base embedder."""
        reranker = reranker.for_search()
        own, shared = VectorCache(reranker.base_retriever), self.encoder("base")
        same = own.fingerprint() == shared.fingerprint()
        return RerankerScorer.of(reranker, shared if same else own)

    @cached_property
    def max_length(self) -> int:
        """The maximum tokens that the cross-encoder reads, as in training."""
        return read_weights(self.tuned["reranker"] / "weights.json").max_length


def rewriter_dtype(folder: Path) -> torch.dtype:
    """Return the precision of a saved rewriter; its base runs in the same precision."""
    dtype: torch.dtype = getattr(torch, read_json(folder / "config.json")["dtype"])
    return dtype
