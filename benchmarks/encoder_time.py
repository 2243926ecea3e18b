"""Time of recursive encoders against ESPnet's stock encoder of the same depth, as ratios.

    python benchmarks/encoder_time.py --repeats 7 --json encoder_time.json

The encoders run in turn within each repeat, so that a busy machine slows all of them, and each is
divided by the stock encoder of the same repeat. Medians with the smallest and largest ratio; the
seconds are only for orientation. On a GPU, if there is one.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from tabulate import tabulate

from espnet_recursive.registry import encoder_class, import_quietly

STOCK = "stock {24, 1, 0, 0}"
TUPLES = {"ours {24, 1, 0, 0}": (24, 1, 0, 0), "L1 {4, 5, 2, 2}": (4, 5, 2, 2)}


def build(output_size: int, device: str, use_sdpa: bool) -> dict[str, torch.nn.Module]:
    """The competitors by name; the stock encoder is the first."""
    conf = {"output_size": output_size, "linear_units": 2048, "use_sdpa": use_sdpa}
    stock = import_quietly("espnet2.asr.encoder.transformer_encoder").TransformerEncoder
    ours = encoder_class("latent_recursive_transformer")
    encoders = {STOCK: stock(80, num_blocks=24, **conf)}
    for name, (n_r, loops, n_p, n_c) in TUPLES.items():
        shape = {"recurrent_blocks": n_r, "prelude_blocks": n_p, "coda_blocks": n_c}
        encoders[name] = ours(80, num_loops=loops, **shape, **conf)
    return {name: encoder.to(device) for name, encoder in encoders.items()}


def inference(encoder: torch.nn.Module, xs_pad: torch.Tensor, ilens: torch.Tensor) -> None:
    """One forward pass."""
    encoder.eval()
    with torch.inference_mode():
        encoder(xs_pad, ilens)


def training_step(encoder: torch.nn.Module, xs_pad: torch.Tensor, ilens: torch.Tensor) -> None:
    """Forward, backward and a step of Adam."""
    encoder.train()
    optimizer = torch.optim.Adam(encoder.parameters())
    encoder(xs_pad, ilens)[0].square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()


def seconds(work: Callable[[], None], device: str) -> float:
    """Wall-clock time of `work`."""
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def measure(args: argparse.Namespace, device: str) -> list[dict[str, object]]:
    """Time all encoders at all work; one row each."""
    rows = []
    frames = int(args.seconds * 100)
    works = (("inference, 1 utterance", inference, 1), ("training step", training_step, args.batch))
    for use_sdpa in (False, True):
        encoders = build(args.output_size, device, use_sdpa)
        for name, work, size in works:
            xs_pad = torch.randn(size, frames, 80, device=device)
            ilens = torch.full((size,), frames)
            times: dict[str, list[float]] = {key: [] for key in encoders}
            for repeat in range(args.repeats + 1):
                for key, encoder in encoders.items():
                    elapsed = seconds(partial(work, encoder, xs_pad, ilens), device)
                    if repeat:  # the first is for warming up
                        times[key].append(elapsed)
            rows += [_row(name, use_sdpa, key, times) for key in encoders]
    return rows


def _row(name: str, use_sdpa: bool, key: str, times: dict[str, list[float]]) -> dict[str, object]:
    ratios = [t / stock for t, stock in zip(times[key], times[STOCK], strict=True)]
    return {
        "work": name,
        "sdpa": use_sdpa,
        "encoder": key,
        "ratio": round(statistics.median(ratios), 3),
        "smallest": round(min(ratios), 3),
        "largest": round(max(ratios), 3),
        "seconds": round(statistics.median(times[key]), 4),
    }


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=12.0, help="length of an utterance (12)")
    parser.add_argument("--batch", type=int, default=2, help="utterances of a training step (2)")
    parser.add_argument("--output_size", type=int, default=512, help="dimension (512)")
    parser.add_argument("--repeats", type=int, default=7, help="measured repeats (7)")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser


def main(cmd: list[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    machine = torch.cuda.get_device_name() if device == "cuda" else platform.processor()
    rows = measure(args, device)
    print(f"{machine or device}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(tabulate(rows, headers="keys"))
    if args.json:
        args.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
