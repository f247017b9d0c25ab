"""Search a corpus with the stack that ships, and print what each part did.

    python -m commands.search small 'how many people are out of work in kenya?'
    python -m commands.search small --corpus documents.jsonl 'bread prices'

It prints users' questions, so it is not a stage: no file should hold them.

Reads   models/stack/SIZE/
        with --int8: models/export/
        the corpus, by default data/examples/rewriter/SIZE/corpus.jsonl
Writes  .scratch/index-HASH/   the index of this corpus by this stack, or by its int8 copies
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from findtune.core.errors import InputError
from findtune.core.files import sha256
from findtune.core.printing import printable
from findtune.health.missing import how_to_get
from stages.command import TorchStage

CHARACTERS = 100  # of a text


@click.command(cls=TorchStage)
@click.argument("size")
@click.argument("question")
@click.option("--corpus", type=click.Path(path_type=Path), help="A JSONL file: url, title, text.")
@click.option("--top-k", default=10, show_default=True, type=click.IntRange(min=1))
@click.option("--int8", is_flag=True, help="Run on the int8 copies that `make export` made.")
def main(size: str, question: str, corpus: Path | None, top_k: int, int8: bool) -> None:
    """Search for QUESTION with the stack of SIZE."""
    if not question.strip():
        raise InputError("the question is empty; ask one: make search Q='...'")
    folder = Path("models", "stack", size)
    if not folder.exists():
        raise InputError(f"there is no {folder}; {how_to_get(size)}.")
    documents = corpus or Path("data", "examples", "rewriter", size, "corpus.jsonl")
    if not documents.is_file():
        raise InputError(f"there is no file {documents}; name one: make search CORPUS=FILE Q='...'")
    exports = Path("models", "export") if int8 else None
    stack = import_module("findtune.stack").load(folder, exports)
    # The name has hashes of the stack and the corpus: when one changes, a new index is made.
    version = sha256(folder / "stack.json")
    if int8:
        version = import_module("findtune.stack.int8.loading").version(stack, folder)
    name = f"index-{version[:12]}-{sha256(documents)[:12]}"
    index = stack.index(documents, Path(".scratch", name))
    result = stack.search(question, index, top_k=top_k)
    click.echo("\n".join(result_lines(result, stack)))


def result_lines(result: Any, stack: Any) -> list[str]:
    """Return the lines that show a result."""
    lines = [f"{stack.cell.name.replace('|', ', ')} (queries, retriever, reranker)", "searched:"]
    lines += [f"  {query}" for query in result.queries]
    lines.append(f"{len(result.candidates)} candidates, of which the first are:")
    for hit in result.documents:
        relevance = "" if hit.relevance is None else f"  relevance {hit.relevance:.2f}"
        title, text = one_line(hit.title), one_line(hit.text[:CHARACTERS])
        lines.append(f"{hit.rank:3}. {title}{relevance}  (retrieved as {hit.retrieved_rank})")
        lines.append(f"     {text}")
    times = ", ".join(f"{part} {seconds:.2f} s" for part, seconds in result.seconds.items())
    return [*lines, times]


def one_line(text: str) -> str:
    """Return a corpus text, which anybody may have written, in a form safe for a terminal."""
    return printable(" ".join(text.split()))


if __name__ == "__main__":
    main()
