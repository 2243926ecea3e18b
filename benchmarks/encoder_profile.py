"""Where the time of an encoder goes: the share of each operator, by torch's profiler.

    python benchmarks/encoder_profile.py "ESPnet/B/defaults" "ours/L1/prepared/int8"
    python benchmarks/encoder_profile.py --training "ESPnet/B/defaults" "ours/L1/fused Adam"

Competitors are system/row/setting, as benchmarks/encoder_time.py names them, with the precision
where one name has several. Inference is of one utterance, training a step of eight.
"""

import argparse
import warnings
from collections.abc import Sequence
from dataclasses import replace

import torch
from encoders.competitors import SYSTEMS, Competitor, competitors
from encoders.plan import STEP, USUAL
from encoders.work import FRAMES, Work
from tabulate import tabulate
from torch.profiler import ProfilerActivity, profile

from espnet_recursive.bin.command import command, parser
from espnet_recursive.bin.parameter_table import ROWS_DIR
from espnet_recursive.errors import UserError


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__ or "")
    p.add_argument("competitors", nargs="+", help="system/row/setting")
    p.add_argument("--training", action="store_true", help="a training step, not inference")
    p.add_argument("--seconds", type=int, help="of audio in an utterance; 12, or 4 in training")
    p.add_argument("--repeats", type=int, default=3, help="of the work")
    p.add_argument("--operators", type=int, default=10, help="how many are named")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    warnings.filterwarnings("ignore")
    work = STEP if args.training else USUAL
    if args.seconds is not None:
        work = replace(work, frames=args.seconds * FRAMES)
    for competitor in [find(name, work) for name in args.competitors]:
        seconds, rows = shares(competitor, work, args.repeats)
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
    competitor: Competitor, work: Work, repeats: int
) -> tuple[float, list[tuple[str, float, float]]]:
    """Seconds of one repeat, and (operator, percent of the time, calls of one repeat) in order."""
    run = work.start(competitor.build(ROWS_DIR, "cpu", work.kind))
    batch = work.batch(0, "cpu")
    for _ in range(2):
        run(batch)
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(repeats):
            run(batch)
    events = sorted(profiler.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    rows = [(e.key, 100 * e.self_cpu_time_total / total, e.count / repeats) for e in events]
    return total / repeats / 1e6, rows


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
