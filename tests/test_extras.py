"""What is installed with the package and what with its extras, and what is said without one."""

import ast
import re
import subprocess
import sys
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest

from espnet_recursive.extras import EXTRAS, MissingLibrary, missing_library
from espnet_recursive.registry import import_quietly

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def required(tmp_path_factory):
    """Extra, or "" -> the names of the distributions that it requires."""
    folder = tmp_path_factory.mktemp("metadata")
    subprocess.run(
        [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    text = next(folder.glob("*.egg-info/requires.txt")).read_text()
    found, extra = {"": set()}, ""
    for line in filter(None, text.splitlines()):
        if line.startswith("["):
            extra = line.strip("[]")
            found[extra] = set()
        else:
            found[extra].add(normal(re.split(r"[\[<>=]", line)[0]))
    return found


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def imported():
    """Modules outside this package and Python's own that it imports -> the modules that do."""
    found = {}
    for path in (ROOT / "espnet_recursive").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names = [node.module]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in (name.partition(".")[0] for name in names):
                if name not in sys.stdlib_module_names and name != "espnet_recursive":
                    found.setdefault(name, set()).add(path.name)
    return found


def test_whatever_is_imported_is_declared(required):
    """By the package itself, or by an extra that extras.py knows, so that the message names it."""
    distributions = packages_distributions()
    optional = {"av"}  # taken where it is there, beside ffmpeg
    for module, where in imported().items():
        names = {normal(name) for name in distributions.get(module, [module])}
        extras = [extra for extra, modules in EXTRAS.items() if module in modules]
        assert module in optional or any(names & required[e] for e in extras or [""]), (
            module,
            where,
        )


def test_the_package_alone_leaves_the_users_espnet(required):
    """And the libraries of recipes, and of all who require ESPnet themselves."""
    alone = required[""]
    assert not alone & {"espnet", "espnet-model-zoo", "dask", "matplotlib", "lhotse", "onnx"}
    for name in alone:
        text = " ".join(distribution(name).requires or [])
        assert "espnet" not in text, name
    assert "espnet" in required["espnet"] and required["espnet"] <= required["test"]


def test_the_message_names_the_extra():
    for extra, modules in EXTRAS.items():
        for module in modules:
            said = str(missing_library(ModuleNotFoundError(name=module)))
            assert "pip install 'espnet_recursive[" in said
            assert f"[{extra}]" in said or sum(module in m for m in EXTRAS.values()) > 1
    assert missing_library(ModuleNotFoundError(name="speechbrain")) is None


def test_a_module_of_this_package_is_no_library():
    with pytest.raises(ModuleNotFoundError) as raised:
        import_quietly("espnet_recursive.no_such_module")
    assert not isinstance(raised.value, MissingLibrary)


WITHOUT = """
import sys

class Without:
    def find_spec(self, name, path=None, target=None):
        if name in {modules!r}:
            raise ModuleNotFoundError("No module named " + name, name=name)

sys.meta_path.insert(0, Without())
{then}
"""


@pytest.mark.parametrize(
    ("modules", "command", "said"),
    [
        (("espnet2",), "transcribe x.wav --model y", "needs ESPnet.*espnet_recursive\\[espnet\\]"),
        (("espnet2",), "parameter-table L1", "needs ESPnet.*espnet_recursive\\[espnet\\]"),
        (("distributed", "dask"), "run-jobs --log x -- true", "espnet_recursive\\[recipe\\]"),
        (("matplotlib",), "plot-results .", "espnet_recursive\\[analysis\\]|RESULTS_PAPER"),
    ],
)
def test_commands_without_a_library(run_python, modules, command, said):
    then = f"from espnet_recursive.bin.main import main; main({command.split()})"
    result = run_python("-c", WITHOUT.format(modules=modules, then=then))
    assert result.returncode == 1
    assert re.search(said, result.stderr), result.stderr
    assert "Traceback" not in result.stderr


def test_encoders_without_espnet(run_python):
    then = """
import espnet_recursive
try:
    espnet_recursive.LatentRecursiveTransformerEncoder
except ImportError as error:
    print(error)
"""
    result = run_python("-c", WITHOUT.format(modules=("espnet2",), then=then))
    assert "This needs ESPnet, which is not installed here" in result.stdout, result.stderr
