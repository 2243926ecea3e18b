"""The stubs say what the constructors take, and mypy and editors read them."""

import ast
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from espnet_recursive.registry import ENCODERS, encoder_class
from tools.encoder_stubs import stub, stub_path

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ENCODERS)
def test_a_stub_is_that_of_the_constructor(name):
    written = stub_path(name).read_text(encoding="utf-8")
    assert written == stub(name), "run python tools/encoder_stubs.py, and commit what it writes"
    (cls,) = (node for node in ast.parse(written).body if isinstance(node, ast.ClassDef))
    init = next(node for node in cls.body if isinstance(node, ast.FunctionDef))
    names = [a.arg for a in (*init.args.args, *init.args.kwonlyargs)]
    assert names == ["self", *inspect.signature(encoder_class(name)).parameters]


@pytest.fixture(scope="module")
def mypy(tmp_path_factory):
    """A function that gives what mypy says of a program, by line."""
    folder = tmp_path_factory.mktemp("mypy")
    # Types of torch are not asked for, and reading them takes most of a minute.
    settings = "[mypy]\nignore_missing_imports = true\nfollow_imports = silent\n"
    (folder / "mypy.ini").write_text(f"{settings}[mypy-torch.*,numpy.*]\nfollow_imports = skip\n")

    def run(code):
        (folder / "program.py").write_text(code)
        result = subprocess.run(
            [sys.executable, "-m", "mypy", "--no-error-summary", "program.py"],
            cwd=folder,
            env=os.environ | {"MYPYPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert result.returncode in (0, 1), result.stdout + result.stderr
        found = (line.split(":", 2) for line in result.stdout.splitlines() if ": error:" in line)
        return {int(number): said for _, number, said in found}

    return run


def test_mypy_checks_programs(mypy):
    """What is wrong and what is right, each in a line of its own."""
    said = mypy(
        """\
from espnet_recursive import LatentRecursiveConformerEncoder as Conformer, load_encoder
Conformer(80, output_size=256, num_loops=3, cnn_module_kernel=15, input_layer="conv2d2")
Conformer(80, num_lops=3)
Conformer(80, num_loops="three")
Conformer(80, input_layer="conv2d3")
Conformer("80")
loops: int = load_encoder("L1", input_size=80).num_loops
load_encoder("L1").num_loops = "seven"
Conformer(80).loop_policy = 3
reveal: str = Conformer(80).num_loops
load_encoder(1.5)
"""
    )
    assert sorted(said) == [3, 4, 5, 6, 10, 11], said
    assert 'Unexpected keyword argument "num_lops"' in said[3]
    assert 'incompatible type "str"; expected "int"' in said[4]
