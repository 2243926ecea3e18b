"""ONNX files of L1 against those of the stock encoder of row B: sizes, memory, speed, errors.

    python benchmarks/onnx_export.py --repeats 15 --json onnx_export.json

Both are built from conf/encoder with random weights and exported the same way, in every format.
"layers" are files without an input layer. All files run in turn within each repeat, so that a busy
machine slows all of them, and each is divided by B in float32 of the same repeat; medians. Memory
is the peak of a process that opens the file and runs it, less that of one that opens nothing.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from tabulate import tabulate
from tqdm import tqdm

from espnet_recursive.export.encoder_graph import encoder_graph
from espnet_recursive.export.formats import CONVERSIONS
from espnet_recursive.export.runtime import open_session
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.registry import encoder_class, import_quietly

CONF = Path(__file__).resolve().parents[1] / "conf" / "encoder"
FEATURES = 80


def build(row: str, layers_only: bool) -> tuple[Any, int]:
    """The encoder of a row of conf/encoder with random weights, and the size of its input.

    B is ESPnet's own, the others are this package's.
    """
    config = read_yaml(CONF / f"{row}.yaml")
    name, conf = config["encoder"], dict(config["encoder_conf"])
    size = FEATURES
    if layers_only:
        conf["input_layer"], size = None, conf["output_size"]
    torch.manual_seed(0)
    if row != "B":
        return encoder_class(name)(size, **conf).eval(), size
    num_blocks = RecursionShape.from_conf(conf).unique_blocks
    for field in fields(RecursionShape):
        conf.pop(field.name, None)
    stock = import_quietly("espnet2.asr.encoder.transformer_encoder").TransformerEncoder
    return stock(size, num_blocks=num_blocks, **conf).eval(), size


def write_files(folder: Path, rows: Sequence[str]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Export; (row, part, precision) -> file, its bytes, its error."""
    files = {}
    for row in tqdm(rows, desc="export", unit="row"):
        for part in ("layers", "encoder"):
            encoder, size = build(row, part == "layers")
            graph = encoder_graph(encoder, size)
            for precision, convert in CONVERSIONS.items():
                model = convert(graph)
                file = folder / f"{row}_{part}_{precision}.onnx"
                file.write_bytes(model.SerializeToString())
                files[row, part, precision] = {
                    "file": str(file),
                    "bytes": file.stat().st_size,
                    "difference": difference(encoder, model, size),
                }
    return files


def difference(encoder: Any, model: onnx.ModelProto, size: int) -> float:
    """Mean over frames of ||y - x|| / ||x||, x being PyTorch's output on random features."""
    features = torch.randn(1, 300, size, generator=torch.Generator().manual_seed(1))
    lengths = torch.tensor([300])
    with torch.inference_mode():
        x = encoder(features, lengths)[0].numpy()
    inputs = {"features": features.numpy(), "lengths": lengths.numpy()}
    y = open_session(model).run(["encoder_out"], inputs)[0]
    return float(np.mean(np.linalg.norm(y - x, axis=-1) / np.linalg.norm(x, axis=-1)))


def utterance(seconds: float) -> dict[str, np.ndarray]:
    """Random features of one utterance, 100 frames a second."""
    frames = int(100 * seconds)
    random = np.random.default_rng(0)
    features = random.standard_normal((1, frames, FEATURES)).astype(np.float32)
    return {"features": features, "lengths": np.array([frames])}


def times(files: Sequence[str], seconds: float, repeats: int, threads: int) -> list[list[float]]:
    """Seconds of each repeat of each file, the files in turn."""
    sessions = [open_session(file, threads) for file in files]
    inputs, measured = utterance(seconds), [[] for _ in files]  # type: ignore[var-annotated]
    for repeat in tqdm(range(repeats + 1), desc="run", unit="repeat"):
        for session, own in zip(sessions, measured, strict=True):
            start = time.perf_counter()
            session.run(None, inputs)
            if repeat:  # the first is for warming up
                own.append(time.perf_counter() - start)
    return measured


# Run by itself, since what a process has imported counts: it has onnxruntime and numpy alone.
# VmHWM, in kB: the peak that getrusage tells is that of whoever started the process, if larger.
_PEAK = """
import sys
import numpy as np, onnxruntime
file, frames, features, threads = sys.argv[1], *map(int, sys.argv[2:])
if file:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(0).standard_normal((1, frames, features)).astype(np.float32)
    for _ in range(3):
        session.run(None, {"features": x, "lengths": np.array([frames])})
(line,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(line.split()[1])
"""


def peak_mb(file: str, seconds: float, threads: int) -> float:
    """Peak resident memory, MB, of a process that runs a file, or with "" does nothing."""
    arguments = [file, str(int(100 * seconds)), str(FEATURES), str(threads)]
    command = [sys.executable, "-c", _PEAK, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout) * 1024 / 1e6


def measure(args: argparse.Namespace) -> list[dict[str, Any]]:
    """One row a file of an encoder in all, with the file of its layers beside it."""
    with TemporaryDirectory() as folder:
        files = write_files(Path(folder), ("B", args.row))
        keys = [(row, precision) for row in ("B", args.row) for precision in CONVERSIONS]
        names = [files[row, "encoder", precision]["file"] for row, precision in keys]
        seconds = times(names, args.seconds, args.repeats, args.threads)
        nothing = peak_mb("", args.seconds, args.threads)
        peaks = [peak_mb(name, args.seconds, args.threads) - nothing for name in names]
    rows = []
    for (row, precision), own, peak in zip(keys, seconds, peaks, strict=True):
        ratios = [a / b for a, b in zip(own, seconds[0], strict=True)]
        entry: dict[str, Any] = {"row": row, "precision": precision}
        for part in ("layers", "encoder"):
            file = files[row, part, precision]
            entry[f"{part} MB"] = round(file["bytes"] / 1e6, 2)
            entry[f"{part} / B"] = round(file["bytes"] / files["B", part, precision]["bytes"], 3)
        rows.append(
            entry
            | {
                "peak MB": round(peak),
                "RTF": round(statistics.median(own) / args.seconds, 4),
                "time / B float32": round(statistics.median(ratios), 3),
                "smallest": round(min(ratios), 3),
                "largest": round(max(ratios), 3),
                "difference": float(f"{files[row, 'encoder', precision]['difference']:.2g}"),
            }
        )
    return rows


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--row", default="L1", help="the row of conf/encoder beside B (L1)")
    parser.add_argument("--seconds", type=float, default=12.0, help="length of an utterance (12)")
    parser.add_argument("--repeats", type=int, default=15, help="measured repeats (15)")
    parser.add_argument("--threads", type=int, default=2, help="threads of onnxruntime (2)")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser


def main(cmd: list[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    rows = measure(args)
    versions = f"onnxruntime {onnxruntime.__version__}, torch {torch.__version__}"
    print(f"{platform.machine()}, {args.threads} threads, {versions}")
    print(tabulate(rows, headers="keys", tablefmt="pipe"))
    if args.json:
        args.json.write_text(json.dumps({"versions": versions, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
