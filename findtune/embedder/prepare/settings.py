"""The settings of the embedder's examples."""

from typing import Literal

from pydantic import Field

from findtune.core.params import Section
from findtune.embedder.prepare.positives import Labels
from findtune.examples.splits import SplitShares


class PrepareSettings(Section):
    """params.yaml: prepare.embedder.SIZE."""

    learn_from: tuple[Literal["catalog", "feedback"], ...] = Field(min_length=1)
    catalogs: tuple[Literal["small", "medium"], ...]
    wordings: SplitShares  # of the alternatives of known variables
    new_variables: SplitShares
    scored_pairs: SplitShares
    lists: SplitShares
    query_share: float = Field(gt=0, le=1)  # of a new variable's alternatives
    hard_negatives: int = Field(ge=0)  # per positive pair
    feedback_negatives: int = Field(ge=1)  # per pick
    labels: Labels

    def with_fold(self, test: float, fold: int) -> "PrepareSettings":
        """Return the same settings with another test set, for cross-validation.

        The share of new variables stays small, so that most variables are known in every fold.
        """
        shares = {
            name: getattr(self, name).model_copy(update={"test": test, "fold": fold})
            for name in ("wordings", "scored_pairs", "lists")
        }
        new_variables = self.new_variables.model_copy(update={"fold": fold})
        return self.model_copy(update={**shares, "new_variables": new_variables})
