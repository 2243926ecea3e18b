"""The mini_an4 recipe in a folder of its own: running it, ending it, comparing what it wrote."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
#: Two jobs, so that processes beside each other are met too; trainings short enough for many runs.
OPTIONS = (
    *("--nj", "2", "--inference_nj", "2"),
    *("--asr_tag", "faults", "--asr_args", "--max_epoch 3"),
    *("--lm_exp", "exp/lm_faults", "--lm_args", "--max_epoch 2", "--inference_tag", "decode"),
)
#: What is the same in each run. Reports of times and logs are not, nor checkpoint.pth, with times.
_SAME = (
    *("data/**/text", "data/**/wav.scp", "data/**/utt2spk", "data/**/bpe.*", "data/**/tokens.txt"),
    *(
        "dump/**/text",
        "dump/**/wav.scp",
        "dump/**/utt2*",
        "dump/**/*.flac",
        "dump/raw/lm_train.txt",
    ),
    *("exp/*_stats*/*/*_shape*", "exp/*_stats*/*/*_stats.npz", "exp/*/perplexity_test/ppl"),
    *("exp/*/*epoch.pth", "exp/*/*.best.pth", "exp/*/*.ave.pth"),
    *("exp/asr_faults/decode/*/text", "exp/asr_faults/decode/*/score"),
    *("exp/asr_faults/decode/*/score_*/result.json", "exp/asr_faults/*.zip"),
)
#: A run ends with these trials, where util-linux can ask for that.
_END_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
#: Stage -> what it writes and nothing before it; what stages after it write stays.
WRITTEN = {
    1: ("data/[!e]*", "downloads"),
    3: ("dump/raw/org", "dump/raw/test"),
    4: ("dump/raw/train", "dump/raw/dev"),
    5: ("data/en_token_list",),
    6: ("exp/lm_stats*", "dump/raw/lm_train.txt"),
    7: ("exp/lm_faults/[!p]*",),
    8: ("exp/lm_faults/perplexity_test",),
    10: ("exp/asr_stats*",),
    11: tuple(f"exp/asr_faults/{name}" for name in ("*.pth", "*.yaml", "t*", ".done.[ct]*")),
    12: tuple(f"exp/asr_faults/decode/*/{name}" for name in ("[!.s]*", "score", ".done.[!s]*")),
    13: (
        "exp/asr_faults/decode/*/score_*",
        "exp/asr_faults/decode/*/.done.score",
        "exp/*/RESULTS*",
    ),
    14: ("exp/asr_faults/*.zip", "exp/asr_faults/.done.pack", "exp/asr_faults/pack.log*"),
}
_RESULTS = shutil.ignore_patterns("data", "dump", "exp", "downloads")
#: Seconds within which all processes of a run must be gone after it was ended.
_GRACE = 15.0
_LONGEST = 3600.0


class Recipe:
    """A copy of the recipe.

    Args:
        root: Where egs2 and conf are or go.
        like: A recipe whose files are copied too; in the copy everything looks finished as there.
    """

    def __init__(self, root: Path, like: "Recipe | None" = None) -> None:
        self.root, self.dir = root, root / "egs2" / "mini_an4" / "asr1"
        if like is not None:
            # Copies keep times, which stamps look at. Paths of data/ lead to the first downloads.
            shutil.copytree(like.root, root, symlinks=True)
        elif not self.dir.exists():
            shutil.copytree(ROOT / "egs2", root / "egs2", symlinks=True, ignore=_RESULTS)
            shutil.copytree(ROOT / "conf", root / "conf")

    def stage_seconds(self, seconds: float) -> dict[int, float]:
        """How long each stage took, by the times of its files, of a run of so many seconds."""
        ends = {stage: [p.stat().st_mtime for p in self._files(stage)] for stage in WRITTEN}
        begin = max(max(times, default=0.0) for times in ends.values()) - seconds
        lasted = {}
        for stage, times in ends.items():
            end = max(times, default=begin)
            lasted[stage] = max(end - begin, 1.0)
            begin = end
        return lasted

    def _files(self, stage: int) -> Iterator[Path]:
        for found in (path for pattern in WRITTEN[stage] for path in self.dir.glob(pattern)):
            yield from (p for p in (found, *found.glob("**/*")) if p.is_file())

    def forget(self, stage: int) -> tuple[str, ...]:
        """Remove what a stage wrote, and return the options that run this stage alone."""
        for path in [path for pattern in WRITTEN[stage] for path in self.dir.glob(pattern)]:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)  # two patterns may find it
        return ("--stage", str(stage), "--stop_stage", str(stage))

    def start(self, *options: str) -> "Run":
        """Start run.sh without waiting for it."""
        return Run([*_END_WITH_PARENT, "./run.sh", *OPTIONS, *options], self.dir)

    def run(self, *options: str) -> tuple[int, str]:
        """Run run.sh to its end: the status and what it printed."""
        return self.start(*options).wait()


class Run:
    """A command that was started, with all of its processes, however they are grouped."""

    def __init__(self, command: list[str], directory: Path) -> None:
        self._mark = str(uuid.uuid4())
        self._log = tempfile.NamedTemporaryFile()  # not on a disk that is filled
        self.process = subprocess.Popen(
            command, cwd=directory, env=os.environ | {"FAULTS_RUN": self._mark},
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT,
            start_new_session=True, preexec_fn=_heed_ctrl_c,
        )  # fmt: skip

    def wait(self) -> tuple[int, str]:
        """The status and what was printed, at the end of the command and of all that is its."""
        try:
            status = self.process.wait(_LONGEST)
        except subprocess.TimeoutExpired:
            status = 124
        self.end_others()
        return status, self.output()

    def output(self) -> str:
        """The output so far."""
        return Path(self._log.name).read_text(errors="replace")

    def stage(self) -> str:
        """The stage that was begun last."""
        return ([*re.findall(r"\(stage (\w+)\)", self.output())] or ["-"])[-1]

    def end_others(self) -> int:
        """Wait until nothing of the run is left; end what is left then, and count it."""
        deadline = time.monotonic() + _GRACE
        while (left := list(self._left())) and time.monotonic() < deadline:
            time.sleep(0.1)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return len(left)

    def _left(self) -> Iterator[int]:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if f"FAULTS_RUN={self._mark}".encode() in (process / "environ").read_bytes():
                    yield int(process.name)
            except OSError:  # gone, or of another user
                continue


def _heed_ctrl_c() -> None:
    # It is ignored in all that a script starts in the background.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def differences(undisturbed: Recipe, other: Recipe) -> list[str]:
    """Results that are missing or differ, a few words each."""
    found = []
    for pattern in _SAME:
        for path in sorted(undisturbed.dir.glob(pattern)):
            name = path.relative_to(undisturbed.dir)
            counterpart = other.dir / name
            if not counterpart.exists():
                found.append(f"{name} is missing")
            elif content(path, undisturbed.root) != content(counterpart, other.root):
                found.append(f"{name} differs")
    parts = sorted(str(p.relative_to(other.dir)) for p in other.dir.glob("**/*.part"))
    return found + [f"{part} was left" for part in parts]


def content(path: Path, root: Path) -> object:
    """The content of a file, but for the folder that the recipe is in."""
    if path.suffix == ".pth":
        weights = torch.load(path, map_location="cpu", weights_only=True)
        return {key: value.numpy().tobytes() for key, value in weights.items()}
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return {key: arrays[key].tobytes() for key in arrays.files}
    if path.suffix == ".zip":
        import zipfile

        with zipfile.ZipFile(path) as archive:
            return sorted(archive.namelist())
    if path.suffix in (".flac", ".model"):
        return path.read_bytes()
    if path.suffix == ".json":
        values = json.loads(path.read_text().replace(str(root), ""))
        return {key: value for key, value in values.items() if key != "rtf"}  # a time
    # Data directories of a copy name the downloads of the first.
    return re.sub(
        r"\S*/egs2/mini_an4/", "", path.read_text(errors="replace").replace(str(root), "")
    )


def pick(rng: random.Random, recipe: Recipe, *patterns: str) -> Path:
    """One of the files of these patterns, relative to the recipe's folder."""
    files = {
        path
        for pattern in patterns
        for path in recipe.dir.glob(pattern)
        if path.is_file() and path.stat().st_size
    }
    return rng.choice(sorted(files)).relative_to(recipe.dir)


if sys.platform != "linux":  # processes are found in /proc
    raise SystemExit("tools/check_faults.sh needs Linux")
