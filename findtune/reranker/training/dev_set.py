"""The dev split: ranked lists, their grades or picks, and the retriever's features."""

from collections.abc import Sequence

import numpy as np
import torch
from sentence_transformers import CrossEncoder

from findtune.core.records import Record
from findtune.reranker.model.blending import CROSS_ENCODER_ONLY, BlendWeights, blend
from findtune.reranker.model.cross_encoder import predict_logits
from findtune.reranker.model.ranked_lists import decisive_gains, measure_lists, picked
from findtune.reranker.training.collapse import has_collapsed
from findtune.training.callback import DevResult

DECISIVE = "ndcg@10"

Array = np.ndarray


class RerankerDevSet:
    """The lists of dev, evaluated during training and again for model selection.

    eta: the position bias for which picks are corrected.
    """

    def __init__(
        self,
        lists: Sequence[Record],
        features: Sequence[Array],
        precision: str,
        eta: float = 0.0,
    ) -> None:
        self.lists, self.features, self.bf16 = lists, features, precision == "bf16"
        self.groups = [ranked_list["group"] for ranked_list in lists]
        self.picks = [picked(ranked_list) for ranked_list in lists]
        self.gains = [decisive_gains(ranked_list, eta) for ranked_list in lists]

    def evaluate(self, model: CrossEncoder) -> DevResult:
        """Return the result of a cross-encoder alone; the payload is its logits.

        If the cross-encoder has collapsed, the score is 0, so that any other result is better.
        Raises CollapseError when a logit is not finite.
        """
        logits = self.logits(model)
        collapsed = has_collapsed(logits)
        measures = self.measure(logits, CROSS_ENCODER_ONLY)
        return DevResult(measures, 0.0 if collapsed else measures[DECISIVE], payload=logits)

    def logits(self, model: CrossEncoder) -> list[Array]:
        """Return a cross-encoder's logits of each list, in the precision of training."""
        with torch.autocast(model.device.type, dtype=torch.bfloat16, enabled=self.bf16):
            return predict_logits(model, self.lists)

    def measure(self, logits: Sequence[Array], weights: BlendWeights) -> dict[str, float]:
        """Return the mean of each measure, with the logits blended with the features."""
        values = self.measure_each(logits, weights)
        return {name: float(per_list.mean()) for name, per_list in values.items()}

    def measure_each(self, logits: Sequence[Array], weights: BlendWeights) -> dict[str, Array]:
        """Return each measure of each list, (lists,), on its grades, else on its picks."""
        return measure_lists(self.blend(logits, weights), self.gains)

    def blend(self, logits: Sequence[Array], weights: BlendWeights) -> list[Array]:
        """Return the blended scores of each list, (documents,)."""
        return blend(logits, self.features, weights)
