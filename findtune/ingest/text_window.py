"""A window on a UTF-8 text file, so that a large JSON file need not fit into memory.

Only the text between the position and the end of the last chunk is kept.
"""

import codecs
import re
from typing import IO

from findtune.ingest.report import Advance

# JSON knows these four blanks and no others; a joined file brings its byte order mark along.
NOT_BLANK = re.compile("[^ \t\n\r\ufeff]")


class TextWindow:
    """The part of a file that is in memory, as text, and the position in it.

    text: the part in memory. index: the position of the next character in it. complete: whether
    the text reaches to the end of the file. bad_byte: the error for bytes after the text that are
    not UTF-8.
    """

    def __init__(self, file: IO[bytes], *, chunk_bytes: int, advance: Advance) -> None:
        self.file, self.chunk_bytes, self.advance = file, chunk_bytes, advance
        self.decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self.text, self.index = "", 0
        self.first_line, self.first_column = 1, 1  # of the first character of the text
        self.complete = False
        self.bad_byte: UnicodeDecodeError | None = None

    def drop_read_text(self) -> None:
        """Forget the text before the position."""
        self.first_line, self.first_column = self.locate(self.index)
        self.text, self.index = self.text[self.index :], 0

    def read_chunk(self) -> None:
        """Append a chunk of the file, at least as long as the text.

        A long value is parsed again after each chunk, so the chunks must grow with it.
        """
        raw = self.file.read(max(self.chunk_bytes, len(self.text)))
        self.advance(len(raw))
        self.complete = not raw
        try:
            self.text += self.decoder.decode(raw, final=self.complete)
        except UnicodeDecodeError as error:
            self.text += error.object[: error.start].decode()
            self.bad_byte, self.complete = error, False

    def locate(self, index: int) -> tuple[int, int]:
        """Return line and column of a character of the text; both count from 1."""
        if newlines := self.text.count("\n", 0, index):
            return self.first_line + newlines, index - self.text.rfind("\n", 0, index)
        return self.first_line, self.first_column + index

    def skip_blanks(self) -> str:
        """Move to the next character that is not blank and return it; "" at the text's end."""
        match = NOT_BLANK.search(self.text, self.index)
        self.index = match.start() if match else len(self.text)
        return match[0] if match else ""

    def skip_all(self) -> None:
        """Move to the end of the text."""
        self.index = len(self.text)
