"""The layout of the package: imports go one way, modules stay short."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "espnet_recursive"
MODULES = sorted(PACKAGE.rglob("*.py"))

#: Each room imports only from rooms before it, and from itself.
ROOMS = (
    "errors",
    "extras",
    "files",
    "espnet_versions",
    "recursion",
    "speed",
    "asr",
    "registry",
    "recipe",
    "corpora",
    "model",
    "publish",
    "transcription",
    "convert",
    "analysis",
    "onnx_recognizer",
    "export",
    "run",
    "bin",
)


def name_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path) for path in MODULES}


def imports_of(path):
    """Modules of this package that a module imports, wherever in it the import stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in NAMES else node.module for name in whole}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name in NAMES and name != name_of(path)}


def room_of(name):
    return name.split(".")[1] if "." in name else ""


def rank_of(name):
    return ROOMS.index(room_of(name))


def test_every_room_has_a_place():
    assert {room_of(name) for name in NAMES} - {""} == set(ROOMS)


def test_no_import_climbs():
    climbing = [
        f"{name_of(path)} -> {imported}"
        for path in MODULES
        if path != PACKAGE / "__init__.py"
        for imported in imports_of(path)
        if room_of(imported)
        and ROOMS.index(room_of(imported)) > ROOMS.index(room_of(name_of(path)))
    ]
    assert climbing == []


def test_no_circle_of_imports():
    # The package itself is imported before any of its modules; what it imports is tested above.
    graph = {name_of(path): imports_of(path) - {"espnet_recursive"} for path in MODULES}
    TopologicalSorter(graph).prepare()  # CycleError names the circle


def test_no_module_is_too_long():
    lines = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: count for name, count in lines.items() if count > 300} == {}


def test_nothing_of_tests_is_used_at_run_time():
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & {"unittest", "pytest", "tests"}
