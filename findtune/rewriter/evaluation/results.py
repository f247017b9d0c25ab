"""The results of an evaluation, from which metrics and details are computed."""

from dataclasses import dataclass

import numpy as np

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

    bm25, dense: searching by words, or with the embedder's base; graded: by words, where the
    documents that people graded are relevant instead of the picks. Measures are means over seeds.
    """

    rewrites: dict[str, list[ModelRewrites]]
    bm25: MethodMeasures
    dense: MethodMeasures
    graded: MethodMeasures
    names: frozenset[str]
