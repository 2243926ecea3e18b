"""How fast this machine multiplies: linear layers and input convolutions, packed and in 8 bits.

    python benchmarks/kernel_rates.py

GFLOP/s of the linear layers of an encoder, 24 with weights of their own in turn, for 1 to 12 s of
audio, and milliseconds of the two convolutions of conv2d: plain, packed and in int8, the last two
in parts. Medians of times that were measured in turn.
"""

import argparse
import copy
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from statistics import median

import torch
from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import Conv2dSubsampling
from tabulate import tabulate

from espnet_recursive.bin.command import command, parser
from espnet_recursive.speed.conv2d_in_parts import Conv2dInParts
from espnet_recursive.speed.packed_linear import PackedLinear, quantised

LAYERS, BANDS = 24, 80
SECONDS = (1, 2, 3, 4, 6, 12)


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__ or "")
    p.add_argument("--size", type=int, default=512, help="d; four times as many units")
    p.add_argument("--repeats", type=int, default=15)
    return p


@command
@torch.no_grad()
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    warnings.filterwarnings("ignore")
    rates, convolutions = [], []
    for seconds in SECONDS:
        frames = 25 * seconds
        d = args.size
        for inputs, outputs in ((d, d), (d, 3 * d), (d, 4 * d), (4 * d, d)):
            work = 2e-9 * LAYERS * frames * inputs * outputs
            found = times(linear(frames, inputs, outputs), args.repeats)
            rates.append((seconds, f"{inputs} x {outputs}", *(work / t for t in found)))
        found = times(convolution(100 * seconds, args.size), args.repeats)
        convolutions.append((seconds, *(1e3 * t for t in found)))
    names = ["plain", "packed", "int8"]
    print(tabulate(rates, ["audio, s", "linear layer, GFLOP/s", *names], floatfmt=".0f"), "\n")
    print(tabulate(convolutions, ["convolutions, audio, s; ms", *names], floatfmt=".0f"))


def linear(frames: int, inputs: int, outputs: int) -> Mapping[str, Callable[[], object]]:
    """The layers in each form."""
    x = torch.randn(frames, inputs)
    layers = [torch.nn.Linear(inputs, outputs) for _ in range(LAYERS)]
    forms = {"plain": layers, "packed": [PackedLinear(layer).fused for layer in layers]}
    forms["int8"] = [quantised(copy.deepcopy(layer)) for layer in layers]
    return {name: lambda of=of: [layer(x) for layer in of] for name, of in forms.items()}


def convolution(frames: int, size: int) -> Mapping[str, Callable[[], object]]:
    """The convolutions in each form."""
    x = torch.randn(1, 1, frames, BANDS)
    plain = Conv2dSubsampling(BANDS, size, 0.0).conv
    forms = {"plain": plain}
    for name, precision in (("packed", "float32"), ("int8", "int8")):
        forms[name] = Conv2dInParts(*copy.deepcopy(plain))
        forms[name].pack(precision)
    return {name: lambda form=form: form(x) for name, form in forms.items()}


def times(forms: Mapping[str, Callable[[], object]], repeats: int) -> list[float]:
    """Median seconds of each, measured in turn after two to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    for repeat in range(repeats + 2):
        for name, run in forms.items():
            start = time.perf_counter()
            run()
            if repeat >= 2:
                seconds[name].append(time.perf_counter() - start)
    return [median(of) for of in seconds.values()]


if __name__ == "__main__":
    main()
