"""What is measured, in the short form and in the whole one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .competitors import AGAIN, CONTAINER, ESPNET, RECURSIVE, SB, Competitor, competitors
from .race import Race
from .settings import INFERENCE, TRAINING
from .work import FRAMES, Work

#: A training step on a CPU, works of inference, and a training step on a GPU.
STEP = Work(TRAINING, 8, 4 * FRAMES)
SHORT, USUAL, LONG = (Work(INFERENCE, 1, seconds * FRAMES) for seconds in (2, 12, 60))
BATCH, GPU_FEW = (Work(INFERENCE, utterances, 12 * FRAMES) for utterances in (4, 8))
GPU_STEP, GPU_BATCH = (Work(kind, 48, 12 * FRAMES) for kind in (TRAINING, INFERENCE))

#: Rows that differ in the loops alone, by their number.
BY_LOOPS = {1: "loops_1", 2: "loops_2", 5: "L1", 10: "loops_10", 20: "loops_20"}


#: The Transformer's and the Branchformer's baseline, row, and the same row computing less.
COMPACT = {
    "B": ("L1", "slim/L1_speechbrain", "slim/L1_slim", "slim/L1_slim_strides"),
    "B3": ("L5", "slim/L5_slim", "slim/L5_slim_strides"),
}


@dataclass(frozen=True)
class MemoryStep:
    """A training step whose peak memory is measured."""

    competitor: Competitor
    work: Work
    name: str = "memory"


Part = Race | MemoryStep


def short_cpu() -> list[Part]:
    """A few minutes: the main lines."""
    return [
        _container([USUAL], 15),
        Race("Transformer", [USUAL, SHORT], _all("B", ["L1"], INFERENCE, _MAIN), 15),
        Race("training step", [STEP], _all("B", ["L1"], TRAINING, _MAIN_STEP), 15),
        *_memories(STEP, "B", "L1"),
    ]


def full_cpu() -> list[Part]:
    """A quarter of an hour, what is asked for first."""
    checkpointed = competitors(RECURSIVE, "L1", TRAINING, ["checkpoint_loops"])
    step = [*_all("B", ["L1"], TRAINING, _MAIN_STEP), CONTAINER, *checkpointed]
    return [
        _container([USUAL], 45),
        Race("Transformer", [USUAL, SHORT], _transformer(), 40),
        Race("training step", [STEP], step, 20),
        Race("Branchformer", [USUAL, SHORT], _all("B3", ["L5"], INFERENCE, _MAIN_FLOAT), 15),
        Race("Branchformer training step", [STEP], _all("B3", ["L5"], TRAINING, _MAIN_STEP), 15),
        *_memories(STEP, "B", "L1"),
        *_memory_by_loops(STEP),
        _by_loops([USUAL], 10),
        Race("other rows", [USUAL], _all("B", ["L2", "R4"], INFERENCE, _FEW), 5),
        Race("d = 256", [USUAL, SHORT], _all("B2", ["L4"], INFERENCE, _MAIN), 5),
        Race("d = 256 training step", [STEP], _all("B2", ["L4"], TRAINING, _MAIN_STEP), 5),
        Race("long and many", [LONG, BATCH], _all("B", ["L1"], INFERENCE, _FEW), 10),
        *_memories(STEP, "B3", "L5"),
        *_compact(),
        *(memory for work in _grown() for memory in _memories(work, "B", "L1")),
    ]


def short_cuda() -> list[Part]:
    """The main lines on a GPU."""
    return [
        Race("bf16 training step", [GPU_STEP], _all("B", ["L1"], TRAINING, _BF16_STEP), 20),
        *_bf16_memories(GPU_STEP, "B", "L1"),
    ]


def full_cuda() -> list[Part]:
    """Everything that a GPU is asked for, the main lines first and what is compiled last.

    Code is compiled for minutes, so races with it are others than those without; those of training
    have the fastest that are not compiled, too.
    """
    works = [USUAL, GPU_FEW, GPU_BATCH, SHORT, LONG]
    container = competitors(RECURSIVE, CONTAINER.row, TRAINING, ["autocast"])
    step = [*_all("B", ["L1", "L2", "R4"], TRAINING, _FP32_STEP), CONTAINER]
    return [
        *short_cuda(),
        Race("Transformer", works, _all("B", ["L1"], INFERENCE, _NOT_COMPILED), 30),
        _container([USUAL], 10),
        Race("bf16 training step, compiled", [GPU_STEP],
             [*_all("B", ["L1"], TRAINING, _COMPILED_STEP), *container], 20),
        Race("training step", [GPU_STEP], step, 30),
        *_memories(GPU_STEP, "B", "L1"),
        Race("Branchformer", works, _all("B3", ["L5"], INFERENCE, _NOT_COMPILED), 30),
        Race("Branchformer bf16 training step", [GPU_STEP],
             _all("B3", ["L5"], TRAINING, _BF16_STEP), 20),
        _by_loops([USUAL], 10),
        *_memory_by_loops(GPU_STEP),
        *(Race(f"compact {rows[0]} bf16 training step", [GPU_STEP],
               _all(baseline, rows, TRAINING, _BF16_STEP), 20)
          for baseline, rows in COMPACT.items()),
        Race("Transformer, compiled", works, _all("B", ["L1"], INFERENCE, _COMPILED), 30),
        Race("other rows", works, _all("B", ["L2", "R4"], INFERENCE, _NOT_COMPILED), 20),
    ]  # fmt: skip


def shrunk(part: Part, factor: int) -> Part:
    """A part with less work, to try the measurement itself."""
    if isinstance(part, Race):
        return replace(part, works=[work.shrunk(factor) for work in part.works])
    return replace(part, work=part.work.shrunk(factor))


#: Device -> short and whole form.
PLANS: dict[str, tuple[Callable[[], list[Part]], Callable[[], list[Part]]]] = {
    "cpu": (short_cpu, full_cpu),
    "cuda": (short_cuda, full_cuda),
}

#: Settings that are enough for the main lines, to see how others do, and in training. Training is
#: not compiled on a CPU, neither ESPnet's nor ours: that takes minutes to compile.
_MAIN = ("defaults", "SDPA", "dynamic int8", "bf16 weights", "as configured", "prepared",
         "prepared, compile")  # fmt: skip
_MAIN_FLOAT = [f"{name}/float32" for name in _MAIN]
_FEW = ("defaults/float32", "SDPA/float32", "prepared/float32")
_COMPACT = (*_FEW, "dynamic int8", "prepared/int8")
_MAIN_STEP = ("defaults", "SDPA, fused Adam", "fused Adam")
#: On a GPU. The defaults in float32 come first, as what others are divided by.
_BF16_STEP = ("defaults/float32", "autocast, defaults", "autocast", "autocast, fused Adam",
              "flash attention", "autocast, checkpoint_loops")  # fmt: skip
_COMPILED_STEP = ("defaults/float32", "autocast, fused Adam", "autocast, compiled",
                  "flash attention", "autocast", "autocast, compile")  # fmt: skip
_FP32_STEP = ("defaults/float32", "SDPA/float32", "SDPA, fused Adam", "as configured/float32",
              "fused Adam", "checkpoint_loops")  # fmt: skip
_NOT_COMPILED = ("defaults/float32", "SDPA/float32", "autocast", "flash attention", "bf16 weights",
                 "as configured", "prepared/float32", "prepared/bfloat16")  # fmt: skip
_COMPILED = ("defaults/float32", "SDPA, compiled", "autocast, compiled", "bf16 weights, compiled",
             "compile", "autocast, compile", "prepared, compile/bfloat16")  # fmt: skip
_BF16_MEMORY = ("autocast, defaults", "autocast, fused Adam", "autocast, checkpoint_loops")


def _transformer() -> list[Competitor]:
    """All that there is, and what preparing for inference gains without a recursion."""
    return [
        *_all("B", ["L1"], INFERENCE),
        *competitors(RECURSIVE, CONTAINER.row, INFERENCE, ["prepared"]),
    ]


def _all(
    baseline: str, rows: Sequence[str], kind: str, settings: Sequence[str] | None = None
) -> list[Competitor]:
    """ESPnet's and SpeechBrain's of a row's depth, and ours; ESPnet's defaults come first."""
    found = [
        *competitors(ESPNET, baseline, kind, settings),
        *competitors(SB, baseline, kind, settings),
    ]
    return found + [c for row in rows for c in competitors(RECURSIVE, row, kind, settings)]


def _container(works: Sequence[Work], seconds: float) -> Race:
    stock, *_ = competitors(ESPNET, CONTAINER.row, works[0].kind, ["defaults"])
    return Race("container", works, [stock, CONTAINER, AGAIN], seconds)


def _by_loops(works: Sequence[Work], seconds: float) -> Race:
    rows = [BY_LOOPS[5], *(row for loops, row in BY_LOOPS.items() if loops != 5)]
    return Race(
        "growth with L",
        works,
        [c for row in rows for c in competitors(RECURSIVE, row, works[0].kind, ["as configured"])],
        seconds,
    )


def _compact() -> list[Part]:
    """Rows that compute less: inference in float32 and int8, training steps, and their memory."""
    parts: list[Part] = []
    for baseline, rows in COMPACT.items():
        name = f"compact {rows[0]}"
        inference = _all(baseline, list(rows), INFERENCE, _COMPACT)
        parts += [
            Race(name, [USUAL], inference, 25),
            Race(f"{name} training step", [STEP], _all(baseline, rows, TRAINING, _MAIN_STEP), 25),
            *(
                replace(memory, name="compact memory")
                for row in rows[-1:]
                for memory in _memories(STEP, baseline, row)
            ),
        ]
    return parts


def _memories(work: Work, baseline: str, row: str) -> list[MemoryStep]:
    found = [
        *competitors(ESPNET, baseline, TRAINING, ["defaults/float32", "SDPA/float32"]),
        *competitors(RECURSIVE, row, TRAINING, ["as configured/float32", "checkpoint_loops"]),
    ]
    return [MemoryStep(competitor, work) for competitor in found]


def _bf16_memories(work: Work, baseline: str, row: str) -> list[MemoryStep]:
    found = [
        *competitors(ESPNET, baseline, TRAINING, _BF16_MEMORY),
        *competitors(RECURSIVE, row, TRAINING, ["autocast", *_BF16_MEMORY]),
    ]
    return [MemoryStep(competitor, work, "bf16 memory") for competitor in found]


def _memory_by_loops(work: Work) -> list[MemoryStep]:
    """The most loops, with and without checkpoints, and the fewest layers, which leave the floor
    that the input layer sets; L1 itself is measured anyway."""
    settings = ["as configured/float32", "checkpoint_loops"]
    found = [
        *competitors(RECURSIVE, BY_LOOPS[20], TRAINING, settings),
        *competitors(RECURSIVE, "R4", TRAINING, settings[1:]),
    ]
    return [MemoryStep(competitor, work) for competitor in found]


def _grown() -> list[Work]:
    """A smaller batch than STEP's, and the same with longer utterances."""
    return [Work(TRAINING, 2, STEP.frames), Work(TRAINING, 2, 4 * STEP.frames)]
