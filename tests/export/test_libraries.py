"""Without onnxruntime the user is told what to install."""

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.export import libraries


def test_there():
    libraries.check_libraries()


def test_missing(monkeypatch):
    found = libraries.find_spec
    monkeypatch.setattr(libraries, "find_spec", lambda n: None if n == "onnx" else found(n))
    with pytest.raises(UserError, match=r"^onnx: not installed.*espnet_recursive\[onnx\]"):
        libraries.check_libraries()


def test_the_help_needs_none_of_them(run_python):
    code = (
        "import sys; sys.modules['onnx'] = sys.modules['onnxruntime'] = None;"
        "from espnet_recursive.bin.export import main; main(['--help'])"
    )
    done = run_python("-c", code)
    assert done.returncode == 0 and "--loops_as_input" in done.stdout, done.stderr
