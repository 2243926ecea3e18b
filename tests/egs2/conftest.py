"""A copy of the recipes to run in, and finished runs that several tests look at."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from espnet_recursive.recipe.data_dir import read_table
from tests.signals import heed_ctrl_c

ROOT = Path(__file__).resolve().parents[2]
CONF = Path(__file__).parent / "conf"
#: Options of a run with tiny models.
TINY = [
    *("--ngpu", "0", "--nj", "2", "--inference_nj", "2", "--nbpe", "30"),
    *("--asr_config", str(CONF / "train_asr_tiny.yaml"), "--asr_tag", "tiny"),
    *("--lm_config", str(CONF / "train_lm_tiny.yaml"), "--lm_tag", "tiny"),
    *("--inference_config", str(CONF / "decode_tiny.yaml"), "--inference_tag", "decode"),
]
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


def run_paper(recipe, *options, script="../../TEMPLATE/asr1/paper_rows.sh"):
    """Run the driver of the rows in the folder of a recipe: the status and what it printed."""
    result = subprocess.run(
        [script, *options],
        cwd=recipe.dir,
        env=recipe.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1800,
    )
    return result.returncode, result.stdout


def pack_of(recipe) -> Path:
    (pack,) = recipe.exp.glob("*.zip")
    return pack


def transcribe(recipe, test_set, folder, *options):
    """What the packed model makes of a test set in another folder, without the recipe."""
    audio = read_table(recipe.dir / f"dump/raw/{test_set}/wav.scp")
    paths = [recipe.dir / path for path in audio.values()]
    result = subprocess.run(
        [sys.executable, "-m", "espnet_recursive.bin.transcribe", *paths, "--format", "json",
         "--model", pack_of(recipe), "--config", CONF / "decode_tiny.yaml", *options],
        cwd=folder, env=recipe.env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {Path(r["file"]).stem: r["text"] for r in map(json.loads, result.stdout.splitlines())}


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
