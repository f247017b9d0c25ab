"""A hash of the code that a fold runs, so that measures of other code are not reused."""

import ast
import hashlib
import sys
from pathlib import Path
from typing import Any

import findtune

# The folders under findtune/ that every fold depends on, besides its own room.
SHARED_CODE = ("core", "examples", "retrieval", "training")
WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# Python 3.13 omits empty lists from a dumped syntax tree, unless it is told to show them.
WITH_EMPTY_LISTS: dict[str, Any] = {"show_empty": True} if sys.version_info >= (3, 13) else {}


def code_hash(model: str) -> str:
    """Return a hash of the code that a fold runs, without its docstrings, comments and layout."""
    package = Path(str(findtune.__file__)).parent
    folders = [package / name for name in (*SHARED_CODE, model)]
    paths = sorted(path for folder in folders for path in folder.rglob("*.py"))
    trees = [tree_text(ast.parse(path.read_text(encoding="utf-8"))) for path in paths]
    return hashlib.sha256("\n".join(trees).encode()).hexdigest()[:12]


def tree_text(tree: ast.AST) -> str:
    """Return a syntax tree without docstrings, dumped alike by all versions of Python.

    So neither a reworded docstring nor a newer Python repeats a fold.
    """
    for node in ast.walk(tree):
        if isinstance(node, WITH_DOCSTRING) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
        if getattr(node, "type_params", None) == []:  # new in 3.12; code for 3.11 has none
            del node.type_params  # type: ignore[attr-defined]
    return ast.dump(tree, **WITH_EMPTY_LISTS)
