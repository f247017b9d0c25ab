"""Tags are ordered by their time, so a clock that was wrong may not decide what is live."""

from datetime import UTC, datetime, timedelta

import pytest

from findtune.core.errors import InputError
from findtune.registry.tags import Assignment, wait_for_next_second


def assigned(time: datetime) -> Assignment:
    return Assignment("prod", "v1.0.0", "abc123d", time, "ada", "live", ends=False)


def test_a_tag_of_the_future_is_an_error_and_hides_no_later_promotion() -> None:
    now = datetime.now(UTC)
    wait_for_next_second([assigned(now - timedelta(days=1))])
    with pytest.raises(InputError, match="is of the future, by .* set the clock right"):
        wait_for_next_second([assigned(now + timedelta(days=1)), assigned(now)])
