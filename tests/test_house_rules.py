"""The layout keeps its rules: layers, names, packages without code, and a fast command line."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOMS = ("embedder", "reranker", "rewriter")
CELLS = ("prepare", "model", "training", "evaluation")
FRONT_DOOR = Path("findtune/stack/__init__.py")  # findtune.stack.load, for people
QUIET = ("stages", "commands")  # when Ctrl+C is pressed, from their first line on
INTERRUPTS = "from stages import interrupts as interrupts"
TOPS = ("findtune", "stages", "commands", "starter")
CODE = sorted(path for top in TOPS for path in Path(top).rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in CODE}
NODES = {path: list(ast.walk(tree)) for path, tree in TREES.items()}
# Layer -> the layers below it that its modules may import. ROOM is the module's own room.
LAYERS = {
    "core": set(),
    **dict.fromkeys(("bases", "cluster", "examples", "evaluation"), {"core"}),
    "ingest": {"core", "pages"},
    "retrieval": {"core", "bases"},
    "training": {"core", "retrieval"},
    "pages": set(),
    "report": {"core", "bases", "pages"},
    "tracking": {"core"},
    "importing": {"core", "ingest"},
    "quality": {"core", "ingest", "retrieval", "evaluation"},
    "health": {"core", "bases", "tracking"},
    "registry": {"core", "evaluation", "tracking"},
    "stack": {"core", "bases", "examples", "retrieval", "evaluation"}
    | {f"{room}.model" for room in ROOMS},
    "stack.int8": {"core", "bases", "retrieval", "evaluation", "stack", "training"}
    | {f"{room}.{cell}" for room in ROOMS for cell in ("model", "evaluation")},
    "traffic": {"core"},
    "monitoring": {"core", "evaluation", "examples", "pages", "quality", "report", "traffic"}
    | {"rewriter.model"},
    "serving": {"core", "pages", "retrieval", "stack", "stack.int8", "traffic"}
    | {f"{room}.model" for room in ROOMS},
    "benchmark": {"core", "health", "retrieval", "training", "stack"}
    | {f"{room}.{cell}" for room in ROOMS for cell in ("model", "training", "evaluation")},
    "ROOM.prepare": {"core", "examples", "retrieval", "ROOM.model"},
    "ROOM.model": {"core", "bases", "retrieval"},
    "ROOM.training": {"core", "bases", "retrieval", "training", "ROOM.model"},
    "ROOM.evaluation": {"core", "bases", "retrieval", "evaluation", "ROOM.model"},
}


def layer(parts: tuple[str, ...]) -> str:
    """Return the layer of a module, given its name's parts after `findtune`."""
    is_layer = parts[0] in ROOMS or parts[:2] == ("stack", "int8")
    return ".".join(parts[:2]) if is_layer else parts[0]


def imported_names(path: Path) -> set[str]:
    names = set()
    for node in NODES[path]:
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("path", sorted(Path("findtune").rglob("[!_]*.py")), ids=str)
def test_a_module_imports_only_its_own_layer_and_those_below(path: Path) -> None:
    own = layer(path.parts[1:])
    room = own.partition(".")[0]
    rule = own.replace(room, "ROOM") if room in ROOMS else own
    allowed = {name.replace("ROOM", room) for name in LAYERS[rule]}
    names = [name.split(".") for name in imported_names(path)]
    layers = {layer(tuple(parts[1:])) for parts in names if parts[0] == "findtune"}
    assert layers - {own} <= allowed
    assert not {parts[0] for parts in names} & {"stages", "commands", "starter", "click"}


def test_every_room_has_the_same_cells() -> None:
    for room in ROOMS:
        folders = {path.name for path in Path("findtune", room).iterdir() if path.is_dir()}
        assert folders - {"__pycache__"} == set(CELLS)


def test_a_package_holds_one_docstring_and_no_code() -> None:
    # so no stage has to depend on it
    for path in CODE:
        assert (path.parent / "__init__.py").exists(), path
        if path.name == "__init__.py" and path != FRONT_DOOR:
            [docstring, *rest] = TREES[path].body
            quiet = path.parent.name in QUIET
            assert [ast.unparse(node) for node in rest] == [INTERRUPTS] * quiet, path
            assert isinstance(docstring, ast.Expr), path
            assert isinstance(docstring.value, ast.Constant), path


def test_no_function_is_longer_than_40_lines() -> None:
    for path, nodes in NODES.items():
        for node in nodes:
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 40, (path, node.name)


# Words that say nothing of a subject, and private words that were replaced by those of the field.
BAD_NAMES = """
utils common helpers misc
licence likeliest sharpness detectable certificate company signals drawing draws joins patience
judged ranker pool fused delta told said enlist
"""


def test_no_bad_name_is_a_module_a_function_an_argument_a_field_or_a_parameter() -> None:
    names = set(re.findall(r"^ *([\w]+):", Path("params.yaml").read_text("utf-8"), re.MULTILINE))
    for path, nodes in NODES.items():
        names |= {*path.parts, path.stem}
        for node in nodes:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                names.add(node.name)
            elif isinstance(node, ast.arg):
                names.add(node.arg)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names.add(node.target.id)
    assert names & set(BAD_NAMES.split()) == set()
    assert [path for path in CODE if path.stem == "base"] == [Path("stages/base.py")]


HELP = """
import contextlib, importlib, io, json, sys

screens = {}
for name in sys.argv[1:]:
    main = importlib.import_module(name).main
    with contextlib.redirect_stdout(io.StringIO()) as screen:
        main(["--help"], standalone_mode=False)
    screens[name] = [screen.getvalue(), "torch" in sys.modules]
print(json.dumps(screens))
"""


def test_help_of_every_stage_and_command_does_not_load_torch() -> None:
    paths = [path for path in CODE if "@click.command" in path.read_text(encoding="utf-8")]
    names = [".".join(path.with_suffix("").parts) for path in paths]
    screens = json.loads(subprocess.check_output([sys.executable, "-c", HELP, *names]))
    assert len(screens) >= 13
    for name, (screen, with_torch) in screens.items():
        assert screen.startswith("Usage:"), name
        assert not with_torch, name
