"""What a check finds: its status, in one line, and what to do about it."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

SHOWN = 5  # findings of one check; the others are counted


class Finding(NamedTuple):
    """One line of `make doctor`. A finding that is not ok has a remedy."""

    check: str
    status: Literal["ok", "warn", "fail"]
    text: str
    remedy: str = ""

    def line(self) -> str:
        """Return the finding as people read it."""
        text = f"{self.text}: {self.remedy}" if self.remedy else self.text
        return f"{self.status:<5} {self.check:<9} {text}"


def at_most(findings: Sequence[Finding], limit: int = SHOWN) -> list[Finding]:
    """Return the first findings, and one that counts those left out."""
    if len(findings) <= limit:
        return list(findings)
    shown, rest = list(findings[:limit]), findings[limit:]
    worst = "fail" if any(finding.status == "fail" for finding in rest) else rest[0].status
    count = f"and {len(rest)} more of these"
    return [*shown, Finding(shown[0].check, worst, count, "repair them the same way")]
