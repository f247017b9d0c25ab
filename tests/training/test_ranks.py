"""Several ranks compute what one process would, and agree on what rank 0 finds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer

from findtune.core.errors import CollapseError, InputError
from findtune.retrieval.encoder import load_encoder
from findtune.training import encoding, ranks
from findtune.training.encoding import encode, encode_in_ranks
from findtune.training.launch import Launch


@pytest.fixture
def as_rank(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Return the function that makes this process look like one of several ranks."""

    def be(number: int, count: int) -> None:
        monkeypatch.setattr(ranks, "count", lambda: count)
        monkeypatch.setattr(ranks, "number", lambda: number)

    return be


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_the_weighted_shares_have_the_mean_of_the_batch(
    as_rank: Callable[[int, int], None], count: int, size: int
) -> None:
    losses, means = torch.arange(1.0, size + 1), []
    for number in range(count):
        as_rank(number, count)
        means.append(losses[ranks.rows_of(size)].mean() * ranks.weight_of(size))
    torch.testing.assert_close(torch.stack(means).mean(), losses.mean())


@pytest.mark.parametrize("number_of_texts", [1, 4, 5])
def test_each_rank_encodes_its_share_and_all_get_every_vector(
    as_rank: Callable[[int, int], None],
    monkeypatch: pytest.MonkeyPatch,
    tiny_base: Path,
    number_of_texts: int,
) -> None:
    encoder: SentenceTransformer = load_encoder(tiny_base).eval()
    texts = [(2, *range(5, 12 - row), 3) for row in range(number_of_texts)]
    wrapped = torch.nn.Module()
    wrapped.module, wrapped.forward = encoder, encoder.forward  # type: ignore[method-assign]
    shares: list[torch.Tensor] = []
    monkeypatch.setattr(encoding, "all_gather_with_grad", shares.append)
    for number in range(2):
        as_rank(number, 2)
        with pytest.raises(AttributeError):  # of None, which was gathered
            encode_in_ranks(wrapped, texts)
    assert len(shares[0]) == len(shares[1]) == -(-number_of_texts // 2)
    monkeypatch.setattr(encoding, "all_gather_with_grad", lambda _: torch.cat(shares))
    gathered = encode_in_ranks(wrapped, texts)
    torch.testing.assert_close(gathered, encode(encoder, texts), rtol=1e-4, atol=1e-5)


def test_one_process_joins_nobody_and_calls_functions_itself() -> None:
    ranks.join(Launch(processes=1, nodes=1))
    assert not torch.distributed.is_initialized()
    assert (ranks.count(), ranks.number()) == (1, 0)
    made = object()
    assert ranks.on_first(lambda: made) is ranks.kept_on_first(lambda: made) is made
    assert ranks.gather(made) == [made]


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(InputError, match="asks for 2 processes, and this machine has 1 GPUs"):
        ranks.join(Launch(processes=2, nodes=1))


@pytest.mark.parametrize(("threads", "local", "used"), [(8, 2, 4), (2, 2, 1), (1, 4, 1), (3, 2, 1)])
def test_the_ranks_of_a_machine_share_its_threads(
    as_rank: Callable[[int, int], None],
    monkeypatch: pytest.MonkeyPatch,
    threads: int,
    local: int,
    used: int,
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", seen.append)
    ranks.use_threads(threads)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(local))
    as_rank(0, local)
    ranks.use_threads(threads)
    assert seen == [threads, threads if local == 1 else used]


def test_rank_0_runs_what_it_calls_in_turn_while_the_others_wait(
    as_rank: Callable[[int, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(
        ranks.dist, "broadcast_object_list", lambda answer, **_: sent.append([*answer])
    )
    as_rank(0, 2)
    assert ranks.on_first(lambda: ranks.on_first(lambda: 7) + 1) == 8
    assert sent == [[8, None]]


def test_the_other_ranks_return_and_raise_what_rank_0_sends(
    as_rank: Callable[[int, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [[8, None], [None, CollapseError("collapsed")]]

    def receive(answer: list[Any], **_: Any) -> None:
        answer[:] = answers.pop(0)

    monkeypatch.setattr(ranks.dist, "broadcast_object_list", receive)
    as_rank(1, 2)

    def never() -> int:
        raise AssertionError("rank 1 waits")

    assert ranks.on_first(never) == 8
    with pytest.raises(CollapseError):
        ranks.on_first(never)
