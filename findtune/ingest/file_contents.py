"""Recognizes files that are not text, such as Excel, gzip or HTML, by their first bytes.

Names do not tell: a workbook may be called .csv. Sources: the signatures of Wikipedia's list of
file signatures, and Git LFS's specification of pointers. Git writes the marks of a merge conflict.
"""

import re

from findtune.core.errors import InputError

SIGNATURES = {
    b"PK\x03\x04": ("a zip file, such as an Excel workbook", "save the sheet as CSV in UTF-8"),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "save the sheet as CSV in UTF-8"),
    b"PAR1": ("a Parquet file", "write it as text, with to_csv or to_json of pandas"),
    b"\x1f\x8b": ("packed by gzip", "end its name with .gz, or unpack it"),
    b"BZh": ("packed by bzip2", "unpack it"),
    b"\xfd7zXZ": ("packed by xz", "unpack it"),
    b"7z\xbc\xaf": ("packed by 7-Zip", "unpack it"),
    b"\x28\xb5\x2f\xfd": ("packed by Zstandard", "unpack it"),
    b"%PDF-": ("a PDF", "write it as text"),
    b"SQLite format 3": ("a SQLite database", "write the table as text"),
    b"version https://git-lfs": ("a pointer of Git LFS", "fetch the file with `git lfs pull`"),
}
HTML = re.compile(
    rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body|\?xml)\b", re.IGNORECASE
)
CONFLICT_MARKS = ("<<<<<<< ", "=======", ">>>>>>> ", "||||||| ")
CONFLICT = "a mark of a merge conflict"
CONFLICT_REMEDY = "keep one of the two sides, and delete the marks"


def refuse_no_text(head: bytes, file: str) -> None:
    """Raise InputError for a file that is not text, or is HTML or XML; head: its first bytes."""
    for signature, (content, remedy) in SIGNATURES.items():
        if head.startswith(signature):
            raise InputError(f"{file} is {content}; {remedy}.")
    if HTML.match(head):
        raise InputError(
            f"{file} is a page of HTML or XML, perhaps one that asks to log in; fetch it again."
        )


def is_conflict_mark(line: str) -> bool:
    """Return whether a line is a mark that git writes at a merge conflict."""
    return line.startswith(CONFLICT_MARKS) and (line[0] != "=" or not line.strip("=\r\n "))
