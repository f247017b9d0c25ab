"""Checking the header of a GGUF file before a library reads it and trusts every number.

Source of the format: the description in ggml, versions 2 and 3. All numbers are little-endian.
A file begins with GGUF, its version, and the numbers of tensors and key-value pairs that follow. A
key is a string: its length in 8 bytes, then UTF-8. A value is its type number in 4 bytes, then its
bytes; those of a list start with the type and the number of its items. A tensor is described by its
name, its shape, its type and the offset of its bytes.
"""

import math
import struct
from pathlib import Path
from typing import BinaryIO

from findtune.core.errors import UnsafeModelError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
STRING, LIST = 8, 9
# Type number of a value -> its size in bytes; strings and lists have no fixed size.
WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
MAX_PAIRS, MAX_TENSORS = 10_000, 100_000
MAX_STRING_BYTES = 1 << 24  # a chat template has some kB
MAX_LIST_DEPTH = 2
MAX_DIMENSIONS = 4
MIN_BITS = 1  # per weight, in any quantization


class HeaderReader:
    """Reads the numbers and strings of a header, never beyond the end of the file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, size

    @property
    def left(self) -> int:
        """How many bytes follow."""
        return self.size - self.file.tell()

    def number(self, form: str) -> int:
        """Return the next number; form: its `struct` format. Raises struct.error at the end."""
        return int(struct.unpack(f"<{form}", self.file.read(struct.calcsize(form)))[0])

    def count(self, limit: int, what: str) -> int:
        """Return the next number, which counts something; raise ValueError above a limit."""
        number = self.number("Q")
        if number > limit:
            raise ValueError(f"{number:,} {what}")
        return number

    def skip(self, size: int) -> None:
        """Pass over bytes; raise ValueError if the file has fewer."""
        if size > self.left:
            raise ValueError(f"{size:,} bytes where {self.left:,} are left")
        self.file.seek(size, 1)

    def skip_string(self) -> None:
        """Pass over a string."""
        self.skip(self.count(MAX_STRING_BYTES, "bytes in one string"))

    def skip_value(self, kind: int, depth: int = 0) -> None:
        """Pass over the value of a pair."""
        if kind == STRING:
            self.skip_string()
        elif kind == LIST and depth < MAX_LIST_DEPTH:
            self.skip_list(depth)
        elif kind in WIDTHS:
            self.skip(WIDTHS[kind])
        else:
            raise ValueError(f"a value of type {kind}")

    def skip_list(self, depth: int) -> None:
        """Pass over a list; a list of numbers in one step."""
        kind, items = self.number("I"), self.count(self.left, "items in one list")
        if kind in WIDTHS:
            self.skip(items * WIDTHS[kind])
            return
        for _ in range(items):
            self.skip_value(kind, depth + 1)

    def skip_tensor(self) -> None:
        """Pass over the description of a tensor; raise ValueError if the file can't hold it."""
        self.skip_string()
        dimensions = self.number("I")
        if dimensions > MAX_DIMENSIONS:
            raise ValueError(f"a tensor of {dimensions:,} dimensions")
        weights = math.prod([self.number("Q") for _ in range(dimensions)])
        if weights * MIN_BITS > self.size * 8:
            raise ValueError(f"a tensor of {weights:,} weights in {self.size:,} bytes")
        self.number("I")
        self.count(self.size, "bytes before a tensor")


def refuse_absurd(path: Path) -> None:
    """Raise UnsafeModelError unless the header of a GGUF file fits the file."""
    with path.open("rb") as file:
        reader = HeaderReader(file, path.stat().st_size)
        try:
            check_header(reader)
        except (ValueError, struct.error) as error:
            reason = "it breaks off" if isinstance(error, struct.error) else error
            raise UnsafeModelError(f"{path} is no GGUF file ({reason}); fetch it again.") from None


def check_header(reader: HeaderReader) -> None:
    """Read a header to its end; raise ValueError or struct.error for what can't be right."""
    if reader.file.read(4) != MAGIC:
        raise ValueError("it begins otherwise")
    if (version := reader.number("I")) not in VERSIONS:
        raise ValueError(f"version {version}")
    tensors = reader.count(MAX_TENSORS, "tensors")
    for _ in range(reader.count(MAX_PAIRS, "key-value pairs")):
        reader.skip_string()
        reader.skip_value(reader.number("I"))
    for _ in range(tensors):
        reader.skip_tensor()
