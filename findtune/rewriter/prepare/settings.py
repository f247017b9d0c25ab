"""The settings of the rewriter's examples."""

from typing import Annotated

from pydantic import Field

from findtune.core.params import Section
from findtune.examples.splits import SplitShares

Gain = Annotated[float, Field(gt=0)]


class TitleTargets(Section):
    """Targets that need no logged search: titles of picked documents, worded like answers."""

    picks: int = Field(ge=0)  # the first ones of each record
    weight: float = Field(gt=0)  # of the first pick's title


class PrepareSettings(Section):
    """params.yaml: prepare.rewriter.SIZE."""

    questions: SplitShares
    gains: tuple[Gain, ...] = Field(min_length=1)  # of the first pick, the second, ...
    max_targets: int = Field(gt=0)  # best searches learned per record
    max_identity_share: float = Field(ge=0, lt=1)  # of all targets
    title_targets: TitleTargets
    max_corpus_documents: int = Field(gt=0)  # beyond it, only picks of dev and test

    def with_fold(self, test: float, fold: int) -> "PrepareSettings":
        """Return the same settings with another test set, for cross-validation."""
        questions = self.questions.model_copy(update={"test": test, "fold": fold})
        return self.model_copy(update={"questions": questions})
