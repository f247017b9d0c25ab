"""Texts that nearly equal a question of dev or test, in any spelling."""

from collections.abc import Sequence
from dataclasses import dataclass

from findtune.core.text import loose_key, near_duplicate_key
from findtune.examples.hashes import HashSet

# Without the cache: most questions of a log occur once, and keeping them all would fill memory.
question_key = near_duplicate_key.__wrapped__
spelling_key = loose_key.__wrapped__


@dataclass(frozen=True)
class HeldOutQuestions:
    """The questions of dev and test, known by their keys."""

    keys: HashSet

    def __call__(self, texts: Sequence[str]) -> list[bool]:
        """Return for each text whether it nearly equals one of them."""
        spelled = [*map(question_key, texts)]
        spelled += [spelling_key(text) for text in texts if not text.isascii()]
        known = self.keys.contains(spelled)
        others = iter(known[len(texts) :])
        pairs = zip(texts, known, strict=False)
        return [flag | (not text.isascii() and next(others)) for text, flag in pairs]
