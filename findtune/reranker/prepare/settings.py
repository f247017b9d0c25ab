"""The settings of the reranker's examples."""

from typing import Annotated

from pydantic import Field

from findtune.core.params import Section
from findtune.examples.splits import SplitShares

Gain = Annotated[float, Field(gt=0)]


class TitleListSettings(Section):
    """Lists that need no feedback: a document's title is the query, its snippet the answer."""

    count: int = Field(ge=0)
    hard_negatives: int = Field(gt=0)  # snippets of similar documents, per list


class PrepareSettings(Section):
    """params.yaml: prepare.reranker.SIZE."""

    lists: SplitShares
    gains: tuple[Gain, ...] = Field(min_length=1)  # of the first pick, the second, ...
    random_negatives: int = Field(ge=0)  # per list
    title_lists: TitleListSettings

    def with_fold(self, test: float, fold: int) -> "PrepareSettings":
        """Return the same settings with another test set, for cross-validation."""
        lists = self.lists.model_copy(update={"test": test, "fold": fold})
        return self.model_copy(update={"lists": lists})
