"""Commands that are stopped while they load."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.signals import heed_ctrl_c

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(("arguments", "quiet"), [
    (["-m", "espnet_recursive.bin.results"], True),
    (["-m", "espnet_recursive.run"], True),
    (["-c", "import espnet_recursive"], False),
])  # fmt: skip
def test_ctrl_c_while_a_command_loads(arguments, quiet, tmp_path):
    """A library that takes long to load stands in for one that does so on a slow disk."""
    (tmp_path / "wrapt.py").write_text(
        "import pathlib, time\npathlib.Path('loading').touch()\ntime.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=heed_ctrl_c,
    )  # fmt: skip
    while not (tmp_path / "loading").exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)[0]
    assert said == "" if quiet else "KeyboardInterrupt" in said
    assert process.returncode == -signal.SIGINT
