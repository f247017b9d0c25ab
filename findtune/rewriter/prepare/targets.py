"""The rewrites that are learned from a record of logged searches."""

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass

from findtune.core.records import Record
from findtune.core.text import hash_fraction
from findtune.examples.left_out import LeftOut
from findtune.rewriter.model.entities import extract_entities, lost_entities
from findtune.rewriter.prepare.gains import Better
from findtune.rewriter.prepare.settings import PrepareSettings

LOST_ENTITY = "searches that found more, but lost a name or number of the question"
TOO_MANY = "searches that found more, but beyond the best max_targets of their record"
HELD_OUT_SEARCH = "searches that found more, but nearly are a question of dev or test"
HELD_OUT_TITLE = "titles of picks that nearly are a question of dev or test"
NO_TITLE = "picks without a title"
NO_GAIN = "questions that no search beat"


@dataclass(frozen=True)
class TargetRules:
    """What decides whether a text may be learned.

    names: the words of the corpus that are names; are_held_out: returns for each text whether it
    nearly equals a question of dev or test; identity_threshold: unbeaten questions with a smaller
    hash fraction are learned.
    """

    settings: PrepareSettings
    names: Set[str]
    are_held_out: Callable[[Sequence[str]], list[bool]]
    identity_threshold: float = 0.0


def target_records(
    record: Record, better: Sequence[Better], rules: TargetRules, left_out: LeftOut
) -> Iterator[Record]:
    """Yield a record for each target of a question: searches, or the question itself, and titles.

    Searches and titles that nearly equal a held-out question are left out. better: the searches
    that found more than the question; left_out: counts what is not learned.
    """
    if better:
        yield from search_targets(record, better, rules, left_out)
    elif hash_fraction(record["query"]) < rules.identity_threshold:
        reason = "no search found more than the question"
        yield {"kind": "identity", "target": record["query"], "weight": 1.0, "why": reason}
    else:
        left_out.add(NO_GAIN, record["query"], record=record["record"])
    yield from title_targets(record, rules, left_out)


def search_targets(
    record: Record, better: Sequence[Better], rules: TargetRules, left_out: LeftOut
) -> Iterator[Record]:
    """Yield the best searches that keep the question's entities, weighted by their margin."""
    entities = extract_entities(record["query"], rules.names)
    kept = 0
    for query, margin in better:
        lost = lost_entities(query, entities, rules.names)
        kept += not lost
        why_not = ""
        if lost:
            why_not = LOST_ENTITY
        elif kept > rules.settings.max_targets:
            why_not = TOO_MANY
        elif rules.are_held_out([query])[0]:
            why_not = HELD_OUT_SEARCH
        if why_not:
            text = f"{query}  (lacks {', '.join(lost)})" if lost else query
            left_out.add(why_not, record["query"], text=text, record=record["record"])
        else:
            reason = f"found {margin:.0%} more of the picks"
            yield {"kind": "rewrite", "target": query, "weight": margin, "why": reason}


def title_targets(record: Record, rules: TargetRules, left_out: LeftOut) -> Iterator[Record]:
    """Yield the titles of the first picks; later picks have lower weights.

    A title may lack an entity: it teaches how answers are worded, not what to keep.
    """
    settings = rules.settings.title_targets
    sources = (source for search in record["searches"] for source in search["sources"])
    titles = {source["url"]: source["title"] for source in sources if source["title"]}
    picks = record["selected"][: settings.picks]
    held_out = rules.are_held_out([titles.get(url, "") for url in picks])
    for rank, url in enumerate(picks, start=1):
        title = titles.get(url)
        if not title:
            left_out.add(NO_TITLE, record["query"], text=url, record=record["record"])
        elif held_out[rank - 1]:
            left_out.add(HELD_OUT_TITLE, record["query"], text=title, record=record["record"])
        else:
            weight = settings.weight / rank
            yield {"kind": "title", "target": title, "weight": weight, "why": "title of a pick"}
