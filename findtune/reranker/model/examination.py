"""Position bias: how likely users were to look at each rank, and how picks are corrected for it.

In the position-based model a document is picked if it was examined and attracts the user:

    P(pick of document d at rank k for query q) = theta_k * gamma(q, d)    theta_k = k ** -eta

(Craswell et al., WSDM 2008). At eta 0 users read everything, and nothing is corrected. Otherwise a
pick at a late rank is stronger evidence than one at an early rank, and a document that nobody saw
is no evidence. Gains divided by theta estimate what a measure would be without the bias (Joachims,
Swaminathan & Schnabel, WSDM 2017; Ai et al., SIGIR 2018). nDCG divides by its ideal, so its
estimate is approximate, and a list with a single pick keeps its value.
"""

from pathlib import Path

import numpy as np
from pydantic import Field

from findtune.core.files import read_json
from findtune.core.params import Section
from findtune.core.records import Record

MAX_WEIGHT = 10.0  # of a late pick, so that a few of them don't decide everything

Array = np.ndarray


class Examination(Section):
    """How steeply attention falls with the rank, and the evidence for it; see `examination.json`.

    eta: 0 where the log shows no clear bias. fitted_eta: the estimate before that decision.
    bic_difference: BIC (Schwarz 1978) without a bias minus BIC with fitted_eta. lists: the number
    of lists used. graded: whether relevance was estimated from grades. repeated: the number of
    documents that one query showed at several ranks.
    """

    eta: float = Field(ge=0)
    fitted_eta: float = Field(ge=0)
    bic_difference: float
    lists: int = Field(ge=0)
    graded: bool
    repeated: int = Field(ge=0)


NO_BIAS = Examination(eta=0, fitted_eta=0, bic_difference=0, lists=0, graded=False, repeated=0)


def write_examination(path: Path, examination: Examination) -> None:
    """Write an examination with all digits."""
    path.write_text(examination.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_examination(path: Path) -> Examination:
    """Return the examination in a file."""
    return Examination(**read_json(path))


def display_ranks(ranked_list: Record) -> Array:
    """Return the rank at which each document was shown, from 1, (documents,).

    A document without a rank counts as shown after the last one. If no document has a rank, their
    order counts.
    """
    ranks = [document.get("rank") for document in ranked_list["documents"]]
    last = max((rank for rank in ranks if rank), default=0)
    if not last:
        return np.arange(1, len(ranks) + 1)
    return np.array([rank or last + 1 for rank in ranks])


def inverse_propensity(ranked_list: Record, eta: float) -> Array:
    """Return 1 / theta of each document, at most MAX_WEIGHT, (documents,)."""
    weights: Array = np.minimum(display_ranks(ranked_list) ** float(eta), MAX_WEIGHT)
    return weights


def corrected(gains: Array, ranked_list: Record, eta: float) -> Array:
    """Return the gains of a list, weighted by inverse propensity; unchanged if eta is 0.

    gains: (documents,).
    """
    return gains * inverse_propensity(ranked_list, eta) if eta else gains


def reading_probabilities(ranked_list: Record, picks: Array, eta: float) -> Array:
    """Return the probability that the user has seen each document, (documents,).

    picks: above 0 for each picked document, (documents,). Users read from the top down to their
    last pick, as in the cascade model (Craswell et al. 2008). They read on to a rank k below it
    with probability theta_k / theta_last.
    """
    ranks = display_ranks(ranked_list)
    last = ranks[picks > 0].max(initial=1)
    probabilities: Array = np.minimum((ranks / last) ** -float(eta), 1.0)
    return probabilities
