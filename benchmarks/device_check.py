"""Whether the encoders compute on a GPU what they compute on a CPU; and what the machine has.

    python benchmarks/device_check.py --output build/gpu        # ENV.json and CHECK.json there

Each registered encoder, with {n_r, L, n_p, n_c} = {2, 3, 1, 1}, runs forward and backward on the
device, in float32 and under bf16 autocast. Its output and its gradients are compared with those of
the same weights in float64 on the CPU, as the norm of the difference over the norm of the latter.
Float32 is without TF32, so that only the order of sums differs. Further, in float32: ESPnet's
encoder of as many layers, against the loops with the same weights and against an encoder without
loops; explicit attention against SDPA; an utterance alone against the same one in a padded batch;
checkpointed loops, prepared encoders, a depth that is chosen at inference, and loops of each
utterance's own, against what they stand for; and, where asked for, compiled layers.

Ends with an error if one differs by more than its limit.
"""

import argparse
import inspect
import json
import os
import platform
import subprocess
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from tabulate import tabulate

from espnet_recursive.bin.command import command, parser
from espnet_recursive.convert.to_stock import executed_layers
from espnet_recursive.errors import UserError
from espnet_recursive.files.whole_files import whole_file
from espnet_recursive.registry import ENCODERS, encoder_class

SHAPE = {"recurrent_blocks": 2, "num_loops": 3, "prelude_blocks": 1, "coda_blocks": 1}
_PACKAGES = "espnet torchaudio numpy triton speechbrain flash-attn espnet_recursive".split()
#: Largest differences from float64: (output, gradients). Those of bf16 are what eight bits of
#: mantissa leave after eight layers; sums in another order are 1000 times smaller.
LIMITS = {"float32": (1e-4, 1e-3), "bfloat16": (0.05, 0.2)}
#: Largest differences of what computes the same in another way, in float32.
SAME = 1e-4
#: No loops, and ESPnet's own way to compute attention.
FLAT = {"recurrent_blocks": 3, "num_loops": 1, "prelude_blocks": 0, "coda_blocks": 0}
EXPLICIT = {"use_sdpa": False}
#: Frames of four utterances, 80 features each.
LENGTHS = (400, 361, 250, 133)

Pass = tuple[torch.Tensor, torch.Tensor]


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__ or "")
    p.add_argument("--device", choices=("cpu", "cuda"), help="cuda where there is one by default")
    p.add_argument("--size", type=int, default=256, help="output_size of the encoders")
    p.add_argument("--compile", action="store_true", help="compiled layers, too: takes minutes")
    p.add_argument("--encoders", nargs="+", choices=ENCODERS, default=list(ENCODERS))
    p.add_argument("--output", type=Path, required=True, help="folder for ENV.json and CHECK.json")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: PyTorch can use no GPU on this machine")
    _write(args.output / "ENV.json", environment(device))
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    rows: list[dict[str, Any]] = []
    for name in args.encoders:
        rows += check(name, device, args.size, args.compile)
        _write(args.output / "CHECK.json", {"device": device, "checks": rows})
    print(tabulate([list(row.values()) for row in rows], list(rows[0]), floatfmt=".1e"))
    if wrong := [f"{row['encoder']}: {row['what']}" for row in rows if not row["ok"]]:
        raise UserError(f"differ by more than their limits: {'; '.join(wrong)}")


def environment(device: str) -> dict[str, Any]:
    """The machine and its software."""
    found: dict[str, Any] = {
        "device": device,
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cores": len(os.sched_getaffinity(0)),
        "torch": str(torch.__version__),
        "cuda": torch.version.cuda,
        "packages": {name: _version(name) for name in _PACKAGES},
    }
    if device == "cuda":
        properties = torch.cuda.get_device_properties(0)
        found |= {
            "gpu": properties.name,
            "memory_gb": properties.total_memory / 1e9,
            "multiprocessors": properties.multi_processor_count,
            "capability": list(torch.cuda.get_device_capability()),
            "cudnn": torch.backends.cudnn.version(),
            "bf16": torch.cuda.is_bf16_supported(),
            "driver": _driver(),
        }
    return found


def check(name: str, device: str, size: int = 256, compiled: bool = False) -> list[dict[str, Any]]:
    """Compare an encoder on a device with itself in float64 on the CPU.

    Args:
        name: Its name in ESPnet.
        device: "cpu" or "cuda".
        size: Its output_size.
        compiled: Whether to compare compiled layers, too.

    Returns:
        A row for each comparison: encoder, what, difference, limit, ok.
    """
    rows: list[dict[str, Any]] = []

    def add(what: str, difference: float, limit: float) -> None:
        ok = difference <= limit  # NaN is not
        row = {"encoder": name, "what": what, "difference": difference, "limit": limit, "ok": ok}
        rows.append(row)

    plain = build(name, size)
    weights = plain.state_dict()
    generator = torch.Generator().manual_seed(1)
    xs = torch.randn(len(LENGTHS), max(LENGTHS), 80, generator=generator)
    exact = train_pass(deepcopy(plain).double(), xs.double())
    ours = deepcopy(plain).to(device)
    here = xs.to(device)
    for precision, limits in LIMITS.items():
        output, gradients = train_pass(deepcopy(ours), here, precision)
        add(f"{precision}, output", distance(output, exact[0]), limits[0])
        add(f"{precision}, gradients", distance(gradients, exact[1]), limits[1])

    def variant(**conf: Any) -> Any:
        encoder = build(name, size, **conf)
        encoder.load_state_dict(weights)
        return encoder.to(device)

    float32 = train_pass(deepcopy(ours), here)
    options = {"checkpoint_loops": {"checkpoint_loops": True}, "explicit attention": EXPLICIT}
    if compiled:
        options["compile"] = {"compile": True}
    for option, conf in options.items():
        output, gradients = train_pass(variant(**conf), here)
        add(f"{option}, output", distance(output, float32[0]), SAME)
        add(f"{option}, gradients", distance(gradients, float32[1]), LIMITS["float32"][1])
    unrolled, _ = train_pass(stock_twin(plain, size).to(device), here)
    add("loops and ESPnet's encoder, unrolled", distance(unrolled, float32[0]), SAME)
    flat = build(name, size, **FLAT)
    for what, conf in {"SDPA": {}, "explicit attention": EXPLICIT}.items():
        twin = stock_twin(flat, size, **conf).to(device)
        alike = build(name, size, **FLAT | conf)
        alike.load_state_dict(flat.state_dict())
        pairs = zip(train_pass(alike.to(device), here), train_pass(twin, here), strict=True)
        for part, (one, other) in zip(("output", "gradients"), pairs, strict=True):
            limit = SAME if part == "output" else LIMITS["float32"][1]
            add(f"no loops and ESPnet's encoder, {what}, {part}", distance(one, other), limit)
    # ESPnet's Conformer lets padding into its convolutions: ours may differ as much, and no more.
    theirs = alone_and_in_a_batch(stock_twin(plain, size).to(device).eval(), here)
    add("alone and in a batch", alone_and_in_a_batch(deepcopy(ours).eval(), here), theirs + SAME)
    for what, difference in inference(ours, here, variant):
        add(what, difference, SAME)
    return rows


@torch.no_grad()
def alone_and_in_a_batch(encoder: Any, xs: torch.Tensor) -> float:
    """How much the shortest utterance's output depends on the others."""
    ilens = torch.tensor(LENGTHS, device=xs.device)
    batch, olens, _ = encoder(xs, ilens)
    alone = encoder(xs[-1:, : LENGTHS[-1]], ilens[-1:])[0]
    return distance(alone[0], batch[-1, : int(olens[-1])])


@torch.no_grad()
def inference(ours: Any, xs: torch.Tensor, variant: Callable[..., Any]) -> list[tuple[str, float]]:
    """Ways that compute the same at inference, in float32: name and difference."""
    from espnet_recursive.speed.prepared import prepare_for_inference

    ours = ours.eval()
    ilens = torch.tensor(LENGTHS, device=xs.device)
    batch = ours(xs, ilens)[0]
    prepared = prepare_for_inference(deepcopy(ours))
    found = [("prepared for inference", distance(prepared(xs, ilens)[0], batch))]
    fewer = variant(num_loops=2).eval()(xs, ilens)[0]
    ours.set_depth(num_loops=2)
    found.append(("num_loops at inference", distance(ours(xs, ilens)[0], fewer)))
    lengths = {"min_length": 100, "max_length": 400, "min_loops": 1, "max_loops": 3}
    mixed, olens, _ = variant(loop_policy="length", loop_policy_conf=lengths).eval()(xs, ilens)
    for loops, utterances in {3: (0, 1), 2: (2,), 1: (3,)}.items():
        ours.set_depth(num_loops=loops)
        uniform = ours(xs, ilens)[0]
        frames = [(i, slice(int(olens[i]))) for i in utterances]
        one, other = (torch.cat([out[at] for at in frames]) for out in (mixed, uniform))
        found.append((f"loops of each utterance's own, {loops}", distance(one, other)))
    return found


def build(name: str, size: int, **conf: Any) -> Any:
    """An encoder with the same random weights each time, without dropout."""
    return _build(encoder_class(name), size, **SHAPE | conf)


def stock_twin(ours: Any, size: int, **conf: Any) -> Any:
    """ESPnet's encoder with a layer, and its weights, for each that ours executes."""
    _, cls = type(ours).__bases__  # ours, and below it ESPnet's
    twin = _build(cls, size, num_blocks=ours.shape.executed_blocks, **conf)
    weights = {k: v for k, v in ours.state_dict().items() if not k.startswith("encoders.")}
    for number, layer in enumerate(executed_layers(ours.encoders, ours.shape.num_loops)):
        weights |= {f"encoders.{number}.{key}": value for key, value in layer.items()}
    twin.load_state_dict(weights)
    return twin


def _build(cls: Any, size: int, **conf: Any) -> Any:
    torch.manual_seed(0)
    options: dict[str, Any] = {"output_size": size, "attention_heads": 4, "use_sdpa": True}
    parameters = inspect.signature(cls).parameters
    for key in parameters:
        if "dropout_rate" in key:
            options[key] = 0.0
        elif key in ("linear_units", "cgmlp_linear_units"):
            options[key] = 4 * size
    return cls(80, **options | conf)


def train_pass(encoder: Any, xs: torch.Tensor, precision: str = "float32") -> Pass:
    """A forward and a backward pass in training.

    Args:
        encoder: The encoder; its gradients are set.
        xs: (4, T, 80), in the type of its weights.
        precision: "bfloat16" runs it under autocast.

    Returns:
        The output (frames of all utterances, without padding) and all gradients, in float64 on
        the CPU.
    """
    autocast: AbstractContextManager = nullcontext()
    if precision == "bfloat16":
        autocast = torch.autocast(xs.device.type, torch.bfloat16)
    with autocast:
        output, olens, _ = encoder.train()(xs, torch.tensor(LENGTHS, device=xs.device))
    frames = torch.cat([output[i, :length] for i, length in enumerate(olens.tolist())])
    generator = torch.Generator().manual_seed(2)
    direction = torch.randn(frames.shape, generator=generator, dtype=torch.float64)
    (frames * direction.to(frames)).sum().backward()
    gradients = [p.grad.flatten() for p in encoder.parameters() if p.grad is not None]
    return frames.detach().double().cpu(), torch.cat(gradients).double().cpu()


def distance(value: torch.Tensor, reference: torch.Tensor) -> float:
    """Norm of the difference over the norm of the reference, in float64 on the CPU."""
    value, reference = value.double().cpu(), reference.double().cpu()
    return ((value - reference).norm() / reference.norm()).item()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _driver() -> str | None:
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(query, capture_output=True, text=True, timeout=30).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return None


def _write(path: Path, content: Any) -> None:
    with whole_file(path) as file:
        file.write(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
