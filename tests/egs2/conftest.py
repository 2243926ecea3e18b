"""A copy of the recipes to run in, and finished runs that several tests look at."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.signals import heed_ctrl_c

ROOT = Path(__file__).resolve().parents[2]
#: Options that make the run short; it is the whole chain all the same.
SHORT = [
    *("--asr_args", "--max_epoch 3 --num_att_plot 1 --use_matplotlib true"),
    *("--lm_args", "--max_epoch 2"),
]


class Recipe:
    """egs2/<corpus>/asr1 in a folder of its own."""

    def __init__(self, root: Path, corpus: str = "mini_an4") -> None:
        shutil.copytree(ROOT / "egs2", root / "egs2", symlinks=True, ignore=_WRITTEN)
        shutil.copytree(ROOT / "conf", root / "conf")
        self.dir = root / "egs2" / corpus / "asr1"
        self.env = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }

    def start(self, *options: str) -> subprocess.Popen:
        """Start run.sh without waiting for it."""
        return subprocess.Popen(
            ["./run.sh", *options],
            cwd=self.dir,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # so that Ctrl-C reaches its processes and not the tests
            preexec_fn=heed_ctrl_c,
        )

    def run(self, *options: str) -> tuple[int, str]:
        """Run run.sh to its end; return the status and what it printed."""
        process = self.start(*options)
        try:
            output, _ = process.communicate(timeout=1800)
        finally:
            process.kill()  # with all that it started, where it did not end in time
        return process.returncode, output

    def stop_when(self, exists: str, *options: str, ctrl_c: bool = False) -> str:
        """Run run.sh and stop it once a file matches `exists`.

        Args:
            exists: A pattern of paths.
            options: Those of run.sh.
            ctrl_c: Whether as Ctrl-C does, by SIGINT to all of its processes; otherwise by SIGKILL
                to the script alone.

        Returns:
            What it printed until then.
        """
        process = self.start(*options)
        deadline = time.monotonic() + 600
        while not list(self.dir.glob(exists)):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline, f"{exists} did not appear"
            time.sleep(0.05)
        if ctrl_c:
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.send_signal(signal.SIGKILL)
        output = process.communicate()[0]
        assert process.returncode == (130 if ctrl_c else -signal.SIGKILL), output
        return output


_WRITTEN = shutil.ignore_patterns("data", "dump", "exp", "downloads")


@pytest.fixture
def recipe(tmp_path):
    """A fresh copy of the recipe."""
    return Recipe(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A recipe that was stopped in five places, started again each time, and came to its end."""
    recipe = Recipe(tmp_path_factory.mktemp("finished"))
    recipe.output = ""
    for place, ctrl_c in (
        ("dump/raw/org/train/data/*.flac", False),
        ("exp/lm_stats_*/logdir/stats.1.log", True),
        ("exp/lm_train_*/1epoch.pth", False),
        ("exp/asr_train_*/1epoch.pth", True),
        ("exp/asr_train_*/*/test/logdir/asr_inference.1.log", False),
    ):
        recipe.output += recipe.stop_when(place, *SHORT, ctrl_c=ctrl_c)
    status, output = recipe.run(*SHORT)
    assert status == 0, output
    recipe.output += output
    return recipe
