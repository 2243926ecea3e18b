"""Where the time of an encoder goes: the share of each operator, by torch's profiler.

    python benchmarks/encoder_profile.py "ESPnet/B/defaults" "ours/L1/prepared/int8"
    python benchmarks/encoder_profile.py --training "ESPnet/B/defaults" "ours/L1/fused Adam"

Competitors are system/row/setting, as benchmarks/encoder_time.py names them, with the precision
where one name has several. Inference is of one utterance, training a step of eight, on a GPU of 48.
"""

import argparse
import warnings
from collections.abc import Sequence
from dataclasses import replace

import torch
from encoders.competitors import SYSTEMS, Competitor, competitors
from encoders.plan import GPU_STEP, STEP, USUAL
from encoders.work import FRAMES, Work
from tabulate import tabulate
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from espnet_recursive.bin.command import command, parser
from espnet_recursive.errors import UserError
from espnet_recursive.files.shared_files import paper_rows_dir


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__ or "")
    p.add_argument("competitors", nargs="+", help="system/row/setting")
    p.add_argument("--training", action="store_true", help="a training step, not inference")
    p.add_argument(
        "--seconds", type=int, help="of audio in an utterance; 12, or 4 in training on a CPU"
    )
    p.add_argument("--repeats", type=int, default=3, help="of the work")
    p.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where it works")
    p.add_argument("--operators", type=int, default=10, help="how many are named")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    warnings.filterwarnings("ignore")
    if args.device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: PyTorch can use no GPU on this machine")
    step = STEP if args.device == "cpu" else GPU_STEP
    work = step if args.training else USUAL
    if args.seconds is not None:
        work = replace(work, frames=args.seconds * FRAMES)
    for competitor in [find(name, work) for name in args.competitors]:
        seconds, rows = shares(competitor, work, args.repeats, args.device)
        print(f"\n{competitor}: {work}, {seconds:.3f} s each\n")
        print(tabulate(rows[: args.operators], ["operator", "share, %", "calls"], floatfmt=".1f"))


def find(name: str, work: Work) -> Competitor:
    """The competitor of a name.

    Raises:
        UserError: If there is none.
    """
    system, row, *setting = name.split("/", 2)
    found = competitors(system, row, work.kind, setting) if system in SYSTEMS else []
    if not found:
        raise UserError(f"{name}: expected system/row/setting, system being of {list(SYSTEMS)}")
    return found[0]


def shares(
    competitor: Competitor, work: Work, repeats: int, device: str = "cpu"
) -> tuple[float, list[tuple[str, float, float]]]:
    """Seconds of one repeat, and (operator, percent of the time, calls of one repeat) in order.

    On a GPU these are seconds of its kernels, and the operators those that started them: where they
    are less than the seconds of the whole step, the GPU waits for the CPU.
    """
    run = work.start(competitor.build(paper_rows_dir(), device, work.kind))
    batch = work.batch(0, device)
    for _ in range(2):
        run(batch)
    own = "self_cpu_time_total" if device == "cpu" else "self_device_time_total"
    activities = [ProfilerActivity.CPU]
    if device == "cuda":
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities) as profiler:
        for _ in range(repeats):
            run(batch)
        if device == "cuda":
            torch.cuda.synchronize()
    # Kernels have events of their own beside their operators': once is enough.
    events = [e for e in profiler.key_averages() if e.device_type == DeviceType.CPU]
    events.sort(key=lambda event: -getattr(event, own))
    total = sum(getattr(event, own) for event in events)
    rows = [(e.key, 100 * getattr(e, own) / total, e.count / repeats) for e in events]
    return total / repeats / 1e6, rows


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
