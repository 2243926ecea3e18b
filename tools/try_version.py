"""Tries this package with the installed ESPnet, step by step; tools/check_versions.sh calls it.

try_version.py --missing                            requirements of ESPnet that are not there
try_version.py --corpus SITE --output RESULT.json   all steps, in the current folder
try_version.py --table RESULT.json ...              the results as a table
"""

import argparse
import json
import subprocess
import sys
import tarfile
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

#: Of the encoders, so that they are built in no time.
SMALL = {"output_size": 16, "attention_heads": 2, "input_layer": "conv2d", "dropout_rate": 0.1}
OPTIONS: dict[str, dict[str, Any]] = {
    "transformer": {"linear_units": 24},
    "branchformer": {"cgmlp_linear_units": 24, "cgmlp_conv_kernel": 3},
    "conformer": {"linear_units": 24, "cnn_module_kernel": 3, "rel_pos_type": "latest"},
    "e_branchformer": {"linear_units": 24, "cgmlp_linear_units": 24, "cgmlp_conv_kernel": 3,
                       "use_ffn": True, "macaron_ffn": True},
}  # fmt: skip


def missing() -> list[str]:
    """Whatever the installed ESPnet requires, also through others, that is not installed."""
    found: list[str] = []
    seen, names = set(), ["espnet"]
    while names:
        name = names.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            needed = [Requirement(text) for text in requires(name) or []]
        except PackageNotFoundError:
            found.append(name)
            continue
        # Without those of extras, whose marker does not hold.
        names += [r.name for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})]
    return found


def registration() -> str:
    """Import every task there is; each must have all encoders in each of its choices."""
    from espnet_recursive.registry import ENCODERS, TASK_CHOICES

    tasks: list[str] = []
    for name, attributes in TASK_CHOICES.items():
        try:
            if find_spec(name) is None:
                continue
        except ModuleNotFoundError:  # a package above it
            continue
        try:
            task = import_module(name)
        except ModuleNotFoundError as error:
            if str(error.name).startswith("espnet"):
                raise
            continue  # needs a library of an extra
        for attribute in attributes:
            lacking = ENCODERS.keys() - getattr(task, attribute).classes.keys()
            assert not lacking, f"{name}.{attribute} lacks {lacking}"
        tasks.append(name)
    assert "espnet2.tasks.asr" in tasks, "espnet2.tasks.asr cannot be imported"
    return f"{len(tasks)} of {len(TASK_CHOICES)} tasks"


def equality() -> str:
    """As ESPnet's encoder of N layers, bit for bit, in training: output and gradients."""
    import torch

    from espnet_recursive.registry import encoder_class

    for name, options in OPTIONS.items():
        stock_class = next(
            base
            for base in encoder_class(f"latent_recursive_{name}").__mro__
            if base.__module__.startswith("espnet2.asr.encoder") and "former" in base.__module__
        )
        stock = stock_class(20, num_blocks=3, **SMALL, **options)
        ours = encoder_class(f"latent_recursive_{name}")(20, num_blocks=3, **SMALL, **options)
        ours.load_state_dict(stock.state_dict())
        x, lengths = torch.randn(2, 48, 20), torch.tensor([48, 35])
        results = []
        for encoder in (stock, ours):
            torch.manual_seed(1)
            encoder.zero_grad()
            out = encoder(x, lengths)[0]
            out.square().sum().backward()
            results.append([out, *(p.grad for p in encoder.parameters() if p.grad is not None)])
        assert len(results[0]) == len(results[1]) > 10
        assert all(map(torch.equal, *results)), f"{name} differs from ESPnet's"
        recursive = encoder_class(f"latent_recursive_{name}")(
            20, num_loops=3, prelude_blocks=1, recurrent_blocks=1, coda_blocks=1, use_sdpa=True,
            **SMALL, **options,
        )  # fmt: skip
        assert recursive.eval()(x, lengths)[0].isfinite().all()
    return f"{len(OPTIONS)} encoders"


def recipe(corpus: Path) -> str:
    """mini_an4 from data preparation to the packed model, in a recipe's folder of its own."""
    _run("espnet-recursive", "recipe", "new", "mini", "--from", "mini_an4")
    archive = corpus / "egs3/mini_an4/esp2_asr/downloads.tar.gz"  # not in all versions
    with tarfile.open(archive) as tar:
        tar.extractall("mini", filter="data")
    few = ("--use_lm", "false", "--asr_args", "--max_epoch 3")
    _run("./run.sh", "--stage", "1", "--stop_stage", "14", *few, cwd=Path("mini"))
    (results,) = Path("mini/exp").glob("asr_*/RESULTS.md")
    return results.read_text(encoding="utf-8").splitlines()[-1]


def packed(_: Path) -> str:
    """The pack, loaded by our command at another depth than it was trained at."""
    (pack,) = Path("mini/exp").glob("asr_*/asr_*.zip")
    (audio, *_) = sorted(Path("mini/dump").rglob("*.flac"))
    files = [str(audio)] * 2
    said = _run("espnet-recursive", "transcribe", *files, "--model", str(pack), "--format", "json",
                "--num_loops", "2", "--batch_size", "2")  # fmt: skip
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert [line["loops"] for line in lines] == [2, 2], said
    return "2 loops"


def _run(*command: str, cwd: Path | None = None) -> str:
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)}: {(result.stdout + result.stderr)[-2000:]}")
    return result.stdout


STEPS: dict[str, Callable[[Path], str]] = {
    "registration": lambda _: registration(),
    "equal to stock": lambda _: equality(),
    "mini_an4, stages 1 to 14": recipe,
    "its pack": packed,
}


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--missing", action="store_true")
    p.add_argument("--corpus", type=Path)
    p.add_argument("--output", type=Path)
    p.add_argument("--table", nargs="*", type=Path)
    args = p.parse_args()
    if args.missing:
        print(*missing(), sep="\n", end="\n" * bool(missing()))
        return 0
    if args.table is not None:
        _table([json.loads(path.read_text(encoding="utf-8")) for path in args.table])
        return 0
    warnings.simplefilter("ignore")
    result: dict[str, Any] = {"espnet": version("espnet"), "torch": version("torch"), "steps": {}}
    for name, step in STEPS.items():
        begin = time.time()
        try:
            said = step(args.corpus)
            result["steps"][name] = f"yes ({said})" if "|" not in said else "yes"
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
            result["steps"][name] = "no"
        print(f"{name}: {result['steps'][name]}, {time.time() - begin:.0f} s", flush=True)
    args.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return int("no" in result["steps"].values())


def _table(results: list[dict[str, Any]]) -> None:
    print(f"| ESPnet | {' | '.join(STEPS)} |\n|---{'|---' * len(STEPS)}|")
    for result in results:
        print(f"| {result['espnet']} | {' | '.join(result['steps'].values())} |")


if __name__ == "__main__":
    raise SystemExit(main())
