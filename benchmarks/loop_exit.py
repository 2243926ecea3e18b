"""Loops that end early: does the time follow the work, and what does it cost to ask?

    OMP_NUM_THREADS=1 python benchmarks/loop_exit.py --repeats 9 --json loop_exit.json

First: a batch whose utterances run different numbers of loops, against one in which all run all of
them; layer executions and time, both as ratios. Second: each exit criterion, against one loop of
the same utterance.

What is compared runs in turn within each repeat, so that a busy machine slows all of it; medians of
the ratios, with the smallest and the largest. On a CPU the time is that of the processor, which
others on the machine do not add to. On a GPU, if there is one, it is wall-clock time.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tabulate import tabulate

from espnet_recursive.recursion.exit_criterion import EXIT_CRITERIA, ExitRule
from espnet_recursive.recursion.recurrence import LoopPlan, PlannedPass
from espnet_recursive.registry import encoder_class

#: Loops of the utterances of a batch, as parts of all loops. The others are compared to the first.
PATTERNS = {
    "all run all": (1.0, 1.0, 1.0, 1.0),
    "one after the other stops": (1.0, 0.8, 0.6, 0.4),
    "half stop after one": (1.0, 1.0, 0.0, 0.0),
    "all but one stop after one": (1.0, 0.0, 0.0, 0.0),
    "all stop after one": (0.0, 0.0, 0.0, 0.0),
}
#: Frames of the latent state a second: ESPnet's conv2d takes every fourth of 100.
FRAMES = 25


def build(args: argparse.Namespace, device: str) -> Any:
    """The paper's row L1, or another number of loops."""
    conf = {"output_size": args.output_size, "linear_units": 4 * args.output_size, "use_sdpa": True}
    encoder = encoder_class("latent_recursive_transformer")(80, num_loops=args.loops, **conf)
    return encoder.to(device).eval()


def seconds(work: Callable[[], object], device: str) -> float:
    """How long `work` takes."""
    if device == "cuda":
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        return time.perf_counter() - start
    start = time.process_time()
    work()
    return time.process_time() - start


def in_turn(
    works: Mapping[str, Callable[[], object]], repeats: int, device: str
) -> list[dict[str, Any]]:
    """Time all, each divided by the first of the same repeat; one row each."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for repeat in range(repeats + 1):
        for name, work in works.items():
            elapsed = seconds(work, device)
            if repeat:  # the first is for warming up
                times[name].append(elapsed)
    first = times[next(iter(works))]
    rows = []
    for name, taken in times.items():
        ratios = [t / base for t, base in zip(taken, first, strict=True)]
        rows.append(
            {
                "": name,
                "time": round(statistics.median(ratios), 3),
                "smallest": round(min(ratios), 3),
                "largest": round(max(ratios), 3),
                "seconds": round(statistics.median(taken), 4),
            }
        )
    return rows


def time_and_work(args: argparse.Namespace, encoder: Any, device: str) -> list[dict[str, Any]]:
    """Batches of four in which utterances run different numbers of loops."""
    states = torch.randn(4, int(args.seconds * FRAMES), args.output_size, device=device)
    masks = torch.ones(4, 1, states.shape[1], dtype=torch.bool, device=device)
    executed: dict[str, int] = {}

    def run(name: str) -> None:
        counts = [max(1, round(part * args.loops)) for part in PATTERNS[name]]
        done = PlannedPass(encoder.encoders, LoopPlan(torch.tensor(counts)))
        done(states, masks)
        executed[name] = done.row_layers

    rows = in_turn({name: partial(run, name) for name in PATTERNS}, args.repeats, device)
    most = executed[rows[0][""]]
    return [{"": row[""], "work": round(executed[row[""]] / most, 3)} | row for row in rows]


def cost_of_criteria(args: argparse.Namespace, encoder: Any, device: str) -> list[dict[str, Any]]:
    """The work after each loop, for one utterance: a look at the state, and a comparison."""
    shape = (1, int(args.seconds * FRAMES), args.output_size)
    states = torch.randn(shape, device=device)
    mask = torch.ones(shape[:2], dtype=torch.bool, device=device)
    head = torch.nn.Linear(args.output_size, args.vocabulary, device=device)

    def loop() -> None:
        xs, masks = states, mask[:, None]
        for layer in encoder.encoders.recurrent_block:
            xs, masks = layer(xs, masks)

    def ctc(states: torch.Tensor) -> torch.Tensor:
        return head(encoder.after_norm(states))

    def ask(rule: ExitRule, before: torch.Tensor) -> None:
        rule.finished(before, rule.view(states, ctc, states), mask)

    works: dict[str, Callable[[], object]] = {"one loop": loop}
    for criterion in EXIT_CRITERIA:
        rule = ExitRule(criterion, 0.1)
        works[criterion] = partial(
            ask, rule, rule.view(states + torch.randn_like(states), ctc, states)
        )
    return in_turn(works, args.repeats, device)


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=12.0, help="length of an utterance (12)")
    parser.add_argument("--output_size", type=int, default=512, help="dimension (512)")
    parser.add_argument("--loops", type=int, default=5, help="all loops (5)")
    parser.add_argument("--vocabulary", type=int, default=5000, help="of the CTC head (5000)")
    parser.add_argument("--repeats", type=int, default=7, help="measured repeats (7)")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser


@torch.inference_mode()
def main(cmd: list[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    machine = torch.cuda.get_device_name() if device == "cuda" else platform.processor()
    encoder = build(args, device)
    tables = {
        "time_and_work": time_and_work(args, encoder, device),
        "cost_of_criteria": cost_of_criteria(args, encoder, device),
    }
    print(f"{machine or device}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for rows in tables.values():
        print("\n" + tabulate(rows, headers="keys"))
    if args.json:
        args.json.write_text(json.dumps({"machine": machine, **tables}, indent=2) + "\n")


if __name__ == "__main__":
    main()
