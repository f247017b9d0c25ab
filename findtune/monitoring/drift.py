"""Do users ask other questions than the training questions?

Two tests on distinct questions, since a question that many users ask is one observation:

- Novelty. A question's similarity is the cosine to the nearest training question, by TF-IDF of
  character n-grams. Held-out questions show what is normal. One-sided Kolmogorov-Smirnov test: are
  served questions less similar to training than held-out ones?
- Domain classifier. A logistic regression learns on half of the questions to tell served ones from
  known ones; a Mann-Whitney test on the other half asks whether it can. It also detects a shift in
  the mix of questions when each question is like some training question.

Both p-values are uniform or larger if all questions come from one source. Distinct questions of
more searches have a longer tail of rare ones, so both sides need as many searches; see `draw` in
findtune/monitoring/questions.py. The questions of one user are not independent, so they are tested
as one unit and put in the same half; see findtune/monitoring/by_user.py.
Sources: Rabanser, Günnemann & Lipton (NeurIPS 2019); classifier two-sample test, Lopez-Paz & Oquab
(ICLR 2017).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from findtune.core.text import hash_fraction, near_duplicate_key
from findtune.monitoring.by_user import larger_ranks, smaller_values
from findtune.monitoring.questions import KnownQuestions

MIN_QUESTIONS = 30  # on either side; fewer are not tested
NORMAL = 0.05  # the share of held-out questions that counts as unlike training

Array = np.ndarray


def vectorizer() -> TfidfVectorizer:
    """Return TF-IDF of the words' character n-grams, so that forms of one word match."""
    return TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)


@dataclass(frozen=True)
class Novelty:
    """The similarity of questions to the training questions.

    reference: the similarities of the held-out questions, whose groups are reference_groups.
    """

    features: TfidfVectorizer
    trained: Array
    reference: Array
    reference_groups: Sequence[str]

    @classmethod
    def of(cls, known: KnownQuestions) -> "Novelty":
        """Learn what is normal; without held-out questions nothing is tested."""
        features = vectorizer()
        trained = features.fit_transform(known.trained)
        without_reference = cls(features, trained, np.array([]), [])
        reference = without_reference.similarities(known.held_out)
        return cls(features, trained, reference, [*map(known.group_of, known.held_out)])

    @property
    def threshold(self) -> float:
        """The similarity below which a question counts as unlike training."""
        return float(np.quantile(self.reference, NORMAL)) if len(self.reference) else 0.0

    def similarities(self, questions: Sequence[str]) -> Array:
        """Return the cosine of each question to the nearest training question, (questions,)."""
        if not questions:
            return np.array([])
        cosines = self.features.transform(questions) @ self.trained.T
        nearest: Array = cosines.max(axis=1).toarray().ravel()
        return nearest

    def share_unlike(self, similarities: Array) -> float | None:
        """Return the share of questions unlike training; None if nothing says what is normal."""
        if not len(similarities) or not len(self.reference):
            return None
        return float((similarities < self.threshold).mean())

    def p_value(self, similarities: Array, askers: Sequence[str]) -> float | None:
        """Return the p-value of such low similarities; None for too few questions.

        askers: who asked each question.
        """
        if min(len(similarities), len(self.reference)) < MIN_QUESTIONS:
            return None
        return smaller_values(similarities, self.reference, [*askers, *self.reference_groups])


def classifier_test(
    known: KnownQuestions, served: Sequence[str], askers: Sequence[str]
) -> tuple[float, float] | None:
    """Return how well a classifier tells served questions from known ones, and its p-value.

    The first is the area under the ROC curve; 0.5 is chance. None for too few questions. askers:
    who asked each served question. Halves are split by the hash of the user or group. A question
    that the classifier was trained on is not in the other half under the other label.
    """
    before = [*known.trained, *known.held_out]
    texts, labels = np.array([*served, *before]), np.repeat([1, 0], [len(served), len(before)])
    groups = np.array([*askers, *map(known.group_of, before)])
    keys = np.array([*map(near_duplicate_key, texts)])
    learns = np.array([hash_fraction(f"half {group}") < 0.5 for group in groups], dtype=bool)
    tried = ~learns & ~np.isin(keys, keys[learns])
    counts = [(labels[half] == label).sum() for label in (0, 1) for half in (learns, tried)]
    if min(counts) < MIN_QUESTIONS // 2:
        return None
    classifier = make_pipeline(
        vectorizer(), LogisticRegression(class_weight="balanced", max_iter=1000)
    )
    classifier.fit(texts[learns], labels[learns])
    scores, truth = classifier.decision_function(texts[tried]), labels[tried]
    p_value = larger_ranks(scores[truth == 1], scores[truth == 0], groups[tried].tolist())
    return float(roc_auc_score(truth, scores)), p_value
