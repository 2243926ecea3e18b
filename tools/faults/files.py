"""Bits that are flipped in files of a finished recipe, and keys edited in configurations."""

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tools.faults import commands
from tools.faults.recipe import Recipe, content, differences, pick
from tools.faults.trials import Outcome, judged

_BEST = f"{commands.DECODING}/output.1/1best_recog"


@dataclass(frozen=True)
class Reader:
    """A reader of a file that has a fault.

    Attributes:
        command: Makes the command from the recipe.
        written: What it writes.
    """

    command: Callable[[Recipe], list[str]]
    written: tuple[str, ...]


DECODE = Reader(commands.decode, (f"{_BEST}/text", f"{_BEST}/score", f"{_BEST}/token"))
RESUME_ASR = Reader(commands.resume_asr, ("exp/asr_faults/4epoch.pth",))
RESUME_LM = Reader(commands.resume_lm, ("exp/lm_faults/3epoch.pth",))
TRANSCRIBE = Reader(commands.transcribe, ("transcript.json",))
#: What is flipped, and what reads it then; None is the whole recipe, as a user starts it again.
ARTEFACTS: tuple[tuple[str, Reader | None], ...] = (
    ("exp/asr_faults/train.loss.best.pth", DECODE),
    ("exp/asr_faults/checkpoint.pth", RESUME_ASR),
    ("exp/asr_faults/config.yaml", DECODE),
    ("exp/lm_faults/valid.loss.ave.pth", DECODE),
    ("exp/lm_faults/checkpoint.pth", RESUME_LM),
    ("exp/lm_faults/config.yaml", DECODE),
    ("exp/asr_faults/*.zip", TRANSCRIBE),
    ("exp/asr_stats*/train/feats_stats.npz", DECODE),
    ("exp/asr_stats*/train/feats_stats.npz", RESUME_ASR),
    ("exp/asr_stats*/train/*_shape*", RESUME_ASR),
    ("data/en_token_list/*/bpe.model", DECODE),
    ("data/en_token_list/*/bpe.model", RESUME_ASR),
    ("data/en_token_list/*/tokens.txt", RESUME_ASR),
    ("data/en_token_list/*/tokens.txt", RESUME_LM),
    ("dump/raw/org/train/data/*.flac", RESUME_ASR),
    ("dump/raw/test/data/*.flac", DECODE),
    ("dump/raw/train/[tw]*", RESUME_ASR),
    ("dump/raw/lm_train.txt", RESUME_LM),
    ("dump/raw/test/[tw]*", None),
    ("**/.done.*[a-z0-9]", None),
)
#: Bytes that are an end of a file.
_END = 200
#: Configurations that are edited.
CONFIGS = ("exp/asr_faults/config.yaml", "exp/lm_faults/config.yaml")


def flipped(undisturbed: Recipe, folder: Path, rng: random.Random, number: int) -> Outcome:
    """A bit of a file that is not what was written; the files take turns.

    Args:
        undisturbed: A recipe that came to its end without a fault.
        folder: A new folder.
        rng: Where the bit comes from.
        number: The number of the trial.
    """
    pattern, reader = ARTEFACTS[number % len(ARTEFACTS)]
    recipe = Recipe(folder, undisturbed)
    name = pick(rng, recipe, pattern)
    path = (recipe.dir / name).resolve()
    data, status = bytearray(path.read_bytes()), path.stat()
    # Both ends, which say what a file is, are as likely as all that is between.
    begin, end = rng.choice([(0, len(data)), (0, _END), (-_END, len(data))])
    bit = rng.randrange(8 * max(0, begin % len(data)), 8 * min(end, len(data)))
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # as a disk's fault leaves them
    return _read(undisturbed, recipe, f"bit {bit} of {name}", reader, name)


def edited(undisturbed: Recipe, folder: Path, rng: random.Random, number: int) -> Outcome:
    """A key of a config.yaml that was edited beside trained weights; arguments as of `flipped`."""
    recipe = Recipe(folder, undisturbed)
    edits = edits_of(undisturbed)
    name, path, value = edits[number % len(edits)]
    config = yaml.safe_load((recipe.dir / name).read_text())
    inner = config
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    (recipe.dir / name).write_text(yaml.safe_dump(config, sort_keys=False))
    fault = f"{name}: {'.'.join(path)} becomes {str(value)[:60]}"
    return _read(undisturbed, recipe, fault, DECODE, Path(name))


def edits_of(recipe: Recipe) -> list[tuple[str, tuple[str, ...], Any]]:
    """A configuration, a key of it and another value, for every key."""
    return [
        (name, path, other(value))
        for name in CONFIGS
        for path, value in _leaves(yaml.safe_load((recipe.dir / name).read_text()))
    ]


def other(value: Any) -> Any:
    """Another value, of the same kind where that has one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    if isinstance(value, list):
        return [*value[:1], *value[2:], value[1]] if len(value) > 2 else [*value, "x"]
    return "x" if value is None else {"x": 1}


def _leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and value:
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, (*path, key))]
    return [(path, value)]


def _read(
    undisturbed: Recipe, recipe: Recipe, fault: str, reader: Reader | None, name: Path
) -> Outcome:
    if reader is None:
        status, output = recipe.run()
        found = differences(undisturbed, recipe) if status == 0 else []
        found = [text for text in found if not text.startswith(f"{name} ")]
        # What a run does again because of a file, it names.
        named = [line for line in output.splitlines() if "because of" in line]
        if found and named:
            return Outcome("refused", fault, named[0])
    else:
        status, output = commands.run(recipe, reader.command(recipe))
        expected = _undisturbed(undisturbed, reader)
        found = [] if status or _results(recipe, reader) == expected else ["other results"]
    outcome = judged(fault, status, output, found)
    shutil.rmtree(recipe.root)
    return outcome


@cache
def _undisturbed(undisturbed: Recipe, reader: Reader) -> list[object]:
    """The output of the reader where there is no fault."""
    folder = undisturbed.root.parent / "read"
    shutil.rmtree(folder, ignore_errors=True)
    recipe = Recipe(folder, undisturbed)
    status, output = commands.run(recipe, reader.command(recipe))
    if status:
        raise SystemExit(f"without a fault it failed: {output}")
    results = _results(recipe, reader)
    shutil.rmtree(recipe.root)
    return results


def _results(recipe: Recipe, reader: Reader) -> list[object]:
    return [content(recipe.dir / name, recipe.root) for name in reader.written]
