"""Labels that are likely wrong: a model that was fitted to other labels predicts another one.

Cross-fitting: each label is predicted by a model that saw no label of its question or sentence. The
score of a pair is in doubt if the prediction is off by more than three robust standard deviations.
A pick, or a source passed over, is in doubt if the predicted probability of the other label is at
least its mean over the sources that have that label, or at least 0.9. Sources: Northcutt, Jiang &
Chuang (Confident Learning, JAIR 2021) for that threshold; Rousseeuw & Croux (1993) for the
deviation.

The features compare words, letters and latent vectors of two texts. The rank is not a feature, so
that a pick is in doubt if only its rank explains it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GroupKFold, cross_val_predict

from findtune.core.records import Record
from findtune.core.text import content_stems, near_duplicate_key, normalize
from findtune.ingest.review import PASSED_OVER, PICKED
from findtune.quality.latent_vectors import LatentVectors

FOLDS = 5
MIN_LABELS = 50  # with fewer, no model is fitted
MIN_RESIDUAL = 0.3  # of a score from 0 to 1
DEVIATIONS = 3
TO_DEVIATION = 1.4826  # of a median absolute deviation, for normal errors
MAX_LISTS = 20_000
SURE = 0.9  # at this probability of the other label, any label is in doubt

Array = np.ndarray
uncached_key = near_duplicate_key.__wrapped__


class DoubtfulPair(NamedTuple):
    """A scored pair, the predicted score, and how far off that is."""

    record: Record
    expected: float
    doubt: float


class DoubtfulPick(NamedTuple):
    """A source of a list, its label, the probability of a pick, and the doubt, 0 to 1."""

    record: Record
    source: Record
    label: str
    expected: float
    doubt: float


def doubtful_pairs(records: Sequence[Record], latent: LatentVectors) -> list[DoubtfulPair]:
    """Return the scored pairs that are in doubt, the most doubtful first; records: clean ones."""
    sentences = [[record["sentence_1"], record["sentence_2"]] for record in records]
    groups = [normalize(first) for first, _ in sentences]
    if len(records) < MIN_LABELS or len({*groups}) < FOLDS:
        return []
    first, second = ([*column] for column in zip(*sentences, strict=True))
    features = pair_features(first, second, latent)
    scores = np.array([record["score"] for record in records])
    model = HistGradientBoostingRegressor(max_iter=100, min_samples_leaf=10, random_state=0)
    expected = np.clip(cross_fit(model, features, scores, groups, "predict"), 0, 1)
    residuals = np.abs(scores - expected)
    deviation = TO_DEVIATION * float(np.median(np.abs(residuals - np.median(residuals))))
    limit = max(MIN_RESIDUAL, float(np.median(residuals)) + DEVIATIONS * deviation)
    doubtful = [row for row in np.argsort(-residuals, kind="stable") if residuals[row] > limit]
    return [
        DoubtfulPair(records[row], float(expected[row]), float(residuals[row])) for row in doubtful
    ]


def doubtful_picks(ranked_lists: Sequence[Record], latent: LatentVectors) -> list[DoubtfulPick]:
    """Return the sources of lists whose label is in doubt, the most doubtful first.

    A source that was passed over is in doubt only if a pick stands below it, so that it was seen.
    """
    rows = [*labelled_sources(ranked_lists[:MAX_LISTS])]
    groups = [uncached_key(record["query"]) for record, _, _ in rows]
    labels = np.array([picked for _, _, picked in rows], dtype=int)
    if min(labels.sum(), (1 - labels).sum()) < MIN_LABELS or not teach_both(labels, groups):
        return []
    model = HistGradientBoostingClassifier(max_iter=100, min_samples_leaf=20, random_state=0)
    features = source_features(rows, latent)
    likely = cross_fit(model, features, labels, groups, "predict_proba")[:, 1]
    other = np.where(labels == 1, 1 - likely, likely)  # how likely the other label is
    sure = (1 - likely[labels == 0].mean(), likely[labels == 1].mean())
    limit = np.minimum(np.where(labels == 1, *sure), SURE)
    order = np.argsort(-(other - limit), kind="stable")
    doubtful = [row for row in order if other[row] >= limit[row] and was_seen(*rows[row])]
    return [
        DoubtfulPick(
            record=rows[row][0],
            source=rows[row][1],
            label=PICKED if labels[row] else PASSED_OVER,
            expected=float(likely[row]),
            doubt=float(other[row]),
        )
        for row in doubtful
    ]


def teach_both(labels: Array, groups: Sequence[str]) -> bool:
    """Return whether the rows outside each fold have both labels, as fitting requires."""
    if len({*groups}) < FOLDS:
        return False
    folds = GroupKFold(n_splits=FOLDS).split(labels, labels, groups)
    return all(len({*labels[rows].tolist()}) > 1 for rows, _ in folds)


def labelled_sources(ranked_lists: Sequence[Record]) -> Iterator[tuple[Record, Record, bool]]:
    """Yield each source with a text, its list, and whether it was picked."""
    for record in ranked_lists:
        for source in record["sources"]:
            if source["title"] or source["snippet"]:
                yield record, source, source["url"] in record["picks"]


def was_seen(record: Record, source: Record, picked: bool) -> bool:
    """Return whether a source was picked, or stands above a pick."""
    ranks = {each["url"]: each["rank"] for each in record["sources"]}
    return picked or any(ranks[url] > source["rank"] for url in record["picks"] if url in ranks)


def count_labels(ranked_lists: Iterable[Record]) -> int:
    """Return how many sources were seen: those that were picked, or stand above a pick."""
    count = 0
    for record in ranked_lists:
        ranks = {source["url"]: source["rank"] for source in record["sources"]}
        lowest = max((ranks[url] for url in record["picks"] if url in ranks), default=0)
        count += sum(rank <= lowest for rank in ranks.values())
    return count


def cross_fit(
    model: Any, features: Array, labels: Array, groups: Sequence[str], method: str
) -> Array:
    """Return the prediction for each row, by a model that was fitted to no row of its group."""
    folds = GroupKFold(n_splits=FOLDS)
    predicted: Array = cross_val_predict(
        model, features, labels, groups=groups, cv=folds, method=method
    )
    return predicted


def source_features(rows: Sequence[tuple[Record, Record, bool]], latent: LatentVectors) -> Array:
    """Return the similarity of each source to its question, and how far below the list's best."""
    queries = [record["query"] for record, _, _ in rows]
    texts = [f"{source['title']}. {source['snippet']}" for _, source, _ in rows]
    titles = [source["title"] for _, source, _ in rows]
    columns = (pair_features(queries, each, latent) for each in (texts, titles))
    features = np.hstack([*columns])
    return np.hstack([features, within_lists(features, rows)])


def pair_features(first: Sequence[str], second: Sequence[str], latent: LatentVectors) -> Array:
    """Return features of the two texts of each row: cosines, stems, numbers, lengths, (rows, 8)."""
    words = {"analyzer": "word", "token_pattern": r"\w+"}
    letters = {"analyzer": "char_wb", "ngram_range": (3, 5)}
    cosines = [cosine(first, second, options) for options in (words, letters)]
    cosines.append((latent.encode(first) * latent.encode(second)).sum(axis=1))
    counts = [stem_counts(*texts) for texts in zip(first, second, strict=True)]
    return np.column_stack([*cosines, np.array(counts)])


def cosine(first: Sequence[str], second: Sequence[str], options: Mapping[str, Any]) -> Array:
    """Return the cosine of the TF-IDF vectors of the two texts of each row, (rows,)."""
    texts = [*dict.fromkeys([*first, *second])]
    numbers = {text: number for number, text in enumerate(texts)}
    vectors = csr_array(TfidfVectorizer(**options).fit_transform(texts))
    left, right = (vectors[[numbers[text] for text in column]] for column in (first, second))
    products: Array = np.asarray(left.multiply(right).sum(axis=1)).ravel()
    return products


def stem_counts(first: str, second: str) -> list[float]:
    """Return shares of common stems, whether the numbers agree, and lengths."""
    left, right = {*content_stems(first)}, {*content_stems(second)}
    shared, either = len(left & right), len(left | right)
    numbers = [{word for word in words if word[:1].isdigit()} for words in (left, right)]
    return [
        shared / max(either, 1),
        shared / max(min(len(left), len(right)), 1),
        float(numbers[0] == numbers[1]),
        float(len(left)),
        float(len(right)),
    ]


def within_lists(features: Array, rows: Sequence[tuple[Record, Record, bool]]) -> Array:
    """Return by how much each feature is below the highest one of its list, (rows, features)."""
    numbers: dict[int, int] = {}
    lists = np.array([numbers.setdefault(id(record), len(numbers)) for record, _, _ in rows])
    highest = np.full((len(numbers), features.shape[1]), -np.inf)
    np.maximum.at(highest, lists, features)
    below: Array = highest[lists] - features
    return below
