"""Say which of two interleaved pipelines users prefer, or how many more answers it takes.

    python -m commands.compare
    python -m commands.compare --first 3f2c1aa90b17 --second 77d0c1e45a2b

You may look as often as you like: the test is sequential, see findtune/monitoring/preference.py.

Reads   data/served/
"""

import click

from findtune.core.errors import InputError
from findtune.monitoring.preference import (
    ALPHA,
    MAX_SEARCHES,
    Preference,
    compared_versions,
    credits_of,
    preference,
    repeated_sessions,
    searches_needed,
)
from findtune.traffic.log import SERVED
from findtune.traffic.reader import Traffic, read_traffic
from findtune.traffic.wording import counted
from stages.command import Stage

MANY = 0.1  # share of the answers that come from one session
EXAMPLE_SHARE = 0.55  # assumed share of wins as long as all answers are ties


@click.command(cls=Stage)
@click.option("--first", default="", help="Version A, or a prefix of it.")
@click.option("--second", default="", help="Version B, or a prefix of it.")
def main(first: str, second: str) -> None:
    """Compare two versions that were interleaved, by what users picked."""
    traffic = read_traffic(SERVED)
    versions = choose_versions(traffic, first, second)
    click.echo("\n".join(lines(traffic, versions)))


def choose_versions(traffic: Traffic, first: str, second: str) -> tuple[str, str]:
    """Return the two versions to compare; raise InputError unless exactly one pair fits."""
    pairs = compared_versions(traffic)
    pairs_both_ways = dict.fromkeys([*pairs, *((second, first) for first, second in pairs)])
    names = (first, second)
    fitting = [
        pair
        for pair in (pairs_both_ways if any(names) else pairs)
        if all(version.startswith(name) for version, name in zip(pair, names, strict=True))
    ]
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(
        f"A={a} B={b} ({counted(count, 'search')})" for (a, b), count in pairs.items()
    )
    if not known:
        raise InputError(
            f"no search in {SERVED} compared two pipelines; docs/monitoring.md says how."
        )
    raise InputError(f"name one comparison with A=... B=...; there are: {known}.")


def lines(traffic: Traffic, versions: tuple[str, str]) -> list[str]:
    """Return what is printed."""
    credits = credits_of(traffic, versions)
    result = preference(credits)
    return [
        f"A {versions[0]}, B {versions[1]}: {counted(len(credits), 'answered search')}, of which A "
        f"won {result.wins_a}, B {result.wins_b}, and {result.ties} ended in a tie",
        f"A wins {result.share:.1%} [{result.low:.1%}, {result.high:.1%}] of those without "
        f"a tie; p = {result.p_value:.4f}, whenever you look",
        *session_lines(traffic, versions, len(credits)),
        verdict_line(result, len(credits)),
    ]


def session_lines(traffic: Traffic, versions: tuple[str, str], answers: int) -> list[str]:
    """Return a warning if one user gave many of the answers, which are then not independent."""
    most = max(repeated_sessions(traffic, versions).values(), default=0)
    if most <= MANY * answers or answers < 20:
        return []
    return [
        f"warning: one session gave {most} of the answers, so this may be one user's preference"
    ]


def verdict_line(result: Preference, answers: int) -> str:
    """Return who won, or how many more answers are needed."""
    if result.winner:
        return f"VERDICT: {result.winner} is preferred; the test may stop."
    share = result.share if result.decided else EXAMPLE_SHARE
    needed = searches_needed(share, result.wins_a, result.wins_b)
    if needed >= MAX_SEARCHES:
        return (
            "VERDICT: open | no preference is in sight; at this rate no number of picks decides it."
        )
    # Ties are answers too, and are assumed to stay as frequent.
    per_answer = result.decided / answers if result.decided else 1.0
    return (
        f"VERDICT: open | about {needed / per_answer:,.0f} more answers, if A goes on to win "
        f"{share:.1%}; equal pipelines are called different with probability {ALPHA} at most."
    )


if __name__ == "__main__":
    main()
