"""The results of an evaluation, from which metrics and details are computed."""

from dataclasses import dataclass

import numpy as np

from findtune.retrieval.kinds import Retriever
from findtune.rewriter.model.lexicon import Lexicon
from findtune.rewriter.model.settings import Family

Array = np.ndarray
MethodMeasures = dict[str, dict[str, Array]]  # search method -> measure -> (questions,)


@dataclass(frozen=True)
class ModelRewrites:
    """The rewrites that one model wrote for each question, sampled with one seed.

    samples: all of them; searched: the usable ones that are searched; recall: recall@10 of each
    searched rewrite by itself.
    """

    samples: list[list[str]]
    searched: list[list[str]]
    recall: list[list[float]]


@dataclass(frozen=True)
class Evaluation:
    """The rewrites of base and tuned, one item per seed, and the measures of each search method.

    ships, retriever: what the tuned rewriter searches, and with which retriever; by_retriever: the
    measures with each retriever; graded: the measures with the rewriter's own retriever if the
    documents that people graded count as relevant instead of the picks. Measures are means over
    seeds.
    """

    ships: Family
    retriever: Retriever
    rewrites: dict[str, list[ModelRewrites]]
    by_retriever: dict[Retriever, MethodMeasures]
    graded: MethodMeasures
    lexicon: Lexicon

    @property
    def decisive(self) -> MethodMeasures:
        """The measures with the retriever that the rewriter was selected with."""
        return self.by_retriever[self.retriever]

    @property
    def others(self) -> dict[Retriever, MethodMeasures]:
        """The measures with the other retrievers."""
        return {
            name: measures for name, measures in self.by_retriever.items() if name != self.retriever
        }
