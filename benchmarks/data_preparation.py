"""Time and memory of stages 1 and 3 on trees in the shape of LibriSpeech, of two sizes.

    python benchmarks/data_preparation.py --sizes 2800 28000

A tree has the seven parts of LibriSpeech in their proportions, with real speech of AN4 in short
FLAC files, 48 in a chapter, and transcripts of LibriSpeech's length. Each command runs in a process
of its own, right after its input was written, so from memory rather than from the disk. What
starting the command takes is measured and taken off; time per thousand utterances for training then
tells how it grows, and what all of LibriSpeech would take, and a line through both sizes how much
memory.
"""

import argparse
import gzip
import os
import random
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import soundfile
from tabulate import tabulate

from espnet_recursive.corpora.librispeech import LM_TEXT
from espnet_recursive.corpora.mini_an4 import prepare_mini_an4
from espnet_recursive.recipe.data_dir import read_table

#: Utterances of each part
PARTS = {
    "train-clean-100": 28539,
    "train-clean-360": 104014,
    "train-other-500": 148688,
    "dev-clean": 2703,
    "dev-other": 2864,
    "test-clean": 2620,
    "test-other": 2939,
}
TRAINING = 281241
CHAPTER = 48
#: Characters of a transcript, on average, and lines of the text for language models per utterance
TRANSCRIPT, LM_LINES = 185, 40418261 / TRAINING


def write_tree(root: Path, utterances: int) -> int:
    """Write LibriSpeech, its archives in 12/, and 11/ with the text for language models.

    Args:
        root: Where.
        utterances: How many for training, about; the other parts are smaller by the same factor.

    Returns:
        How many for training they are, in whole chapters.
    """
    speech = _shortest_speech(root / "an4")
    words = random.Random(0)
    written = 0
    for number, (part, count) in enumerate(PARTS.items()):
        for chapter in range(max(round(count * utterances / TRAINING / CHAPTER), 1)):
            speaker = f"{1000 * (number + 1) + chapter // 3}"
            folder = root / "LibriSpeech" / part / speaker / f"{chapter}"
            folder.mkdir(parents=True)
            lines = []
            for utterance in range(CHAPTER):
                key = f"{speaker}-{chapter}-{utterance:04d}"
                (folder / f"{key}.flac").write_bytes(words.choice(speech))
                lines.append(f"{key} {_transcript(words)}\n")
                written += part.startswith("train-")
            (folder / f"{speaker}-{chapter}.trans.txt").write_text("".join(lines))
        archive = root / "12" / f"{part}.tar.gz"
        archive.parent.mkdir(exist_ok=True)
        with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
            tar.add(root / "LibriSpeech" / part, f"LibriSpeech/{part}")
    (root / LM_TEXT).parent.mkdir()
    with gzip.open(root / LM_TEXT, "wt", compresslevel=1) as file:
        for _ in range(round(utterances * LM_LINES)):
            file.write(f"{_transcript(words, 100)}\n")
    return written


def measure(root: Path, repeats: int) -> dict[str, tuple[float, float, float]]:
    """Run the commands; return seconds, seconds of starting, and peak memory in MB, by work."""
    prepare = "prepare_data librispeech --lm_text"
    works = {
        "stage 1, tables": f"{prepare} false --corpus_dir LibriSpeech",
        "stage 1, unpacking and tables": f"{prepare} false --base_url .",
        "stage 1, tables and text for language models": f"{prepare} true --corpus_dir LibriSpeech "
        "--base_url .",
        "stage 3": "format_audio data/train_960 dump/train_960 --fs 16k",
    }
    results = {}
    for name, work in works.items():
        command, *options = work.split()
        start = min(run(root, command, "--help")[0] for _ in range(repeats))
        runs = []
        for _ in range(repeats):
            for written in ("downloads", "dump", "data/local"):
                shutil.rmtree(root / written, ignore_errors=True)
            runs.append(run(root, command, *options))
        seconds = statistics.median(seconds for seconds, _ in runs)
        results[name] = (seconds, start, max(memory for _, memory in runs))
    return results


def run(root: Path, command: str, *options: str) -> tuple[float, float]:
    """Run a command in a process; return its seconds and its peak memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", f"espnet_recursive.bin.{command}", *options],
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    said = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} {' '.join(options)} failed: {said}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def report(small: int, large: int, results: list[dict[str, tuple[float, float, float]]]) -> str:
    """A table of both sizes, their ratio, and a line through them at the size of LibriSpeech."""
    rows = []
    for work in results[0]:
        (seconds, start, memory), (more_seconds, _, more_memory) = (r[work] for r in results)
        rate, more_rate = (seconds - start) / small, (more_seconds - start) / large
        rows.append(
            [
                work,
                1000 * rate,
                1000 * more_rate,
                more_rate / rate,
                more_memory,
                start + more_rate * TRAINING,
                memory + (more_memory - memory) / (large - small) * (TRAINING - small),
            ]
        )
    headers = [
        "work",
        f"s per thousand of {small}",
        f"of {large}",
        "ratio",
        f"MB at {large}",
        f"s at {TRAINING}",
        "MB there",
    ]
    formats = ("", ".3f", ".3f", ".2f", ".0f", ".0f", ".0f")
    return tabulate(rows, headers, "github", floatfmt=formats)


def _shortest_speech(folder: Path) -> list[bytes]:
    """The three shortest utterances of AN4, as FLAC."""
    sets = prepare_mini_an4(folder / "data", folder / "downloads")
    audio = [path for directory in sets for path in read_table(directory / "wav.scp").values()]
    speech = []
    for number, path in enumerate(sorted(audio, key=lambda path: soundfile.info(path).frames)[:3]):
        samples, rate = soundfile.read(path, dtype="int16")
        soundfile.write(folder / f"{number}.flac", samples, rate, subtype="PCM_16")
        speech.append((folder / f"{number}.flac").read_bytes())
    return speech


def _transcript(words: random.Random, length: int = TRANSCRIPT) -> str:
    letters = "".join(words.choices("ETAOINSHRDLU     ", k=length))
    return " ".join(letters.split())


def main() -> None:
    """Measure both sizes and print the table."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--sizes", nargs=2, type=int, default=[2800, 28000], help="utterances to train")
    p.add_argument("--repeats", type=int, default=3, help="runs of each command; the median counts")
    args = p.parse_args()
    sizes, results = [], []
    for size in args.sizes:
        with tempfile.TemporaryDirectory() as folder:
            sizes.append(write_tree(Path(folder), size))
            results.append(measure(Path(folder), args.repeats))
    print(report(*sizes, results))


if __name__ == "__main__":
    main()
