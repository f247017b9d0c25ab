"""A GGUF header that can't be right is refused at once, before a library believes its numbers."""

import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findtune.bases.gguf_header import refuse_absurd
from findtune.core.errors import UnsafeModelError

HUGE = 2**63


def string(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def header(
    pairs: bytes = b"",
    tensors: bytes = b"",
    *,
    counts: tuple[int, int] = (0, 0),
    start: bytes = b"GGUF\3\0\0\0",
) -> bytes:
    """Return a file; counts: of tensors and of pairs."""
    return start + struct.pack("<QQ", *counts) + pairs + tensors + b"\0" * 64


def pair(kind: int, value: bytes) -> bytes:
    return string("key") + struct.pack("<I", kind) + value


def listed(kind: int, items: int, values: bytes = b"") -> bytes:
    return pair(9, struct.pack("<IQ", kind, items) + values)


def tensor(*shape: int, offset: int = 0) -> bytes:
    dimensions = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return string("weight") + dimensions + struct.pack("<IQ", 0, offset)


def refusal(tmp_path: Path, content: bytes) -> str:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    start = time.monotonic()
    with pytest.raises(UnsafeModelError) as error:
        refuse_absurd(path)
    assert time.monotonic() - start < 5
    return str(error.value)


def test_a_header_that_fits_its_file_passes(tmp_path: Path) -> None:
    pairs = pair(8, string("llama")) + pair(4, struct.pack("<I", 7))
    pairs += listed(8, 2, string("a") + string("b")) + listed(6, 3, b"\0" * 12)
    path = tmp_path / "model.gguf"
    path.write_bytes(header(pairs, tensor(4, 4), counts=(1, 4)))
    refuse_absurd(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it begins otherwise"),
        (b"GGUF", "it breaks off"),
        (header(start=b"GGUF\1\0\0\0"), "version 1"),
        (header(start=b"PK\3\4\3\0\0\0"), "it begins otherwise"),
        (header(counts=(HUGE, 0)), f"{HUGE:,} tensors"),
        (header(counts=(0, HUGE)), f"{HUGE:,} key-value pairs"),
        (header(struct.pack("<Q", HUGE), counts=(0, 1)), "bytes in one string"),
        (header(pair(8, struct.pack("<Q", 1000)), counts=(0, 1)), "1,000 bytes where"),
        (header(pair(13, b""), counts=(0, 1)), "a value of type 13"),
        (header(listed(0, HUGE), counts=(0, 1)), "items in one list"),
        (header(listed(12, 60), counts=(0, 1)), "480 bytes where"),
        (header(listed(9, 1, struct.pack("<IQIQ", 9, 1, 9, 1)), counts=(0, 1)), "of type 9"),
        (header(tensors=tensor(*[1] * 5), counts=(1, 0)), "a tensor of 5 dimensions"),
        (header(tensors=tensor(2**40, 2**40), counts=(1, 0)), "weights in"),
        (header(tensors=tensor(1, offset=HUGE), counts=(1, 0)), "bytes before a tensor"),
        (header(counts=(9, 0)), "it breaks off"),
    ],
)
def test_a_number_that_the_file_cannot_hold_is_named(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    message = refusal(tmp_path, content)
    assert reason in message
    assert message.endswith("fetch it again.")


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], None]:
    """Return the function that checks some bytes; it raises nothing but a refusal."""
    path = tmp_path_factory.mktemp("fuzzed") / "model.gguf"

    def run(content: bytes) -> None:
        path.write_bytes(content)
        try:
            refuse_absurd(path)
        except UnsafeModelError as error:
            assert "fetch it again" in str(error)

    return run


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_refusal(check: Callable[[bytes], None], tail: bytes) -> None:
    check(b"GGUF\3\0\0\0" + tail)
