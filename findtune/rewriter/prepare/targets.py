"""The rewrites that a record of logged searches teaches."""

from collections.abc import Iterator, Set
from dataclasses import dataclass

from findtune.core.records import Record
from findtune.core.text import hash_fraction, near_duplicate_key
from findtune.rewriter.model.entities import extract_entities, keeps_entities
from findtune.rewriter.prepare.gains import better_searches
from findtune.rewriter.prepare.settings import PrepareSettings

# Without the cache: most questions of a log occur once, and keeping them all would fill memory.
question_key = near_duplicate_key.__wrapped__


@dataclass(frozen=True)
class TargetRules:
    """What decides whether a text may be learned.

    names: the words of the corpus that are names; held_out: keys of the questions of dev and test;
    identity_threshold: unbeaten questions with a smaller hash fraction are learned.
    """

    settings: PrepareSettings
    names: Set[str]
    held_out: Set[str]
    identity_threshold: float = 0.0

    def is_held_out(self, text: str) -> bool:
        """Return whether a text is nearly a question of dev or test."""
        return question_key(text) in self.held_out


def target_records(record: Record, rules: TargetRules) -> Iterator[Record]:
    """Yield a record for each target of a question: searches, or the question itself, and titles.

    No target is nearly a held-out question.
    """
    better = better_searches(record, rules.settings.gains)
    yield from search_targets(record, better, rules)
    if not better and hash_fraction(record["query"]) < rules.identity_threshold:
        reason = "no search found more than the question"
        yield {"kind": "identity", "target": record["query"], "weight": 1.0, "why": reason}
    yield from title_targets(record, rules)


def search_targets(
    record: Record, better: list[tuple[str, float]], rules: TargetRules
) -> Iterator[Record]:
    """Yield the best searches that keep the question's entities, weighted by their margin."""
    entities = extract_entities(record["query"], rules.names)
    keeping = [pair for pair in better if keeps_entities(pair[0], entities, rules.names)]
    for query, margin in keeping[: rules.settings.max_targets]:
        if not rules.is_held_out(query):
            reason = f"found {margin:.0%} more of the picks"
            yield {"kind": "rewrite", "target": query, "weight": margin, "why": reason}


def title_targets(record: Record, rules: TargetRules) -> Iterator[Record]:
    """Yield the titles of the first picks; the weight of a title falls with the rank of its pick.

    A title may lack an entity: it teaches how answers are worded, not what to keep.
    """
    settings = rules.settings.title_targets
    sources = (source for search in record["searches"] for source in search["sources"])
    titles = {source["url"]: source["title"] for source in sources if source["title"]}
    for rank, url in enumerate(record["selected"][: settings.picks], start=1):
        title = titles.get(url)
        if title and not rules.is_held_out(title):
            weight = settings.weight / rank
            yield {"kind": "title", "target": title, "weight": weight, "why": "title of a pick"}
