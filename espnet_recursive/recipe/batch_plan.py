"""The same batch in every optimiser step, on any number of GPUs.

A training YAML says how much goes into a step: its batch, which ESPnet deals out to the GPUs, times
``accum_grad``. On other GPUs the batch and ``accum_grad`` change, and their product stays.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet_recursive.errors import UserError
from espnet_recursive.files.hertz import parse_hertz
from espnet_recursive.files.read_yaml import read_yaml

#: A guess: what a GPU of 80 GB holds in training, as in the recipe that the paper builds on, and
#: the memory that goes to weights, optimiser and PyTorch itself before there is any audio.
SECONDS_ON_80_GB = 600
FIXED_GB = 4
#: A guess, too: what it holds of a language model's text.
TOKENS_ON_80_GB = 25_000
#: ESPnet's default.
_BATCH_BINS = 1_000_000
_BATCH_SIZE = 20


@dataclass(frozen=True)
class BatchPlan:
    """Batches of one optimiser step.

    Attributes:
        option: "batch_bins" or "batch_size", the option of ESPnet that sets the batch.
        batch: Its value, for all GPUs together.
        accum_grad: Batches in a step.
        gpus: How many GPUs a batch is dealt out to.
        wanted: What the YAML puts into a step, in the unit of `batch`.
        rate: What makes one `unit` of `batch`, such as the sampling rate.
        unit: What batches are said to be of: seconds of audio, tokens or utterances.
    """

    option: str
    batch: int
    accum_grad: int
    gpus: int
    wanted: int
    rate: int
    unit: str

    @property
    def arguments(self) -> str:
        """The arguments of ``asr_train`` or ``lm_train``."""
        return f"--{self.option} {self.batch} --accum_grad {self.accum_grad}"

    @property
    def error(self) -> float:
        """The excess of a step over the wanted size, as a share of the latter."""
        return self.batch * self.accum_grad / self.wanted - 1

    def __str__(self) -> str:
        step = self.batch * self.accum_grad / self.rate
        each = self.batch / self.gpus / self.rate
        text = (
            f"An optimiser step takes {step:.6g} {self.unit}: "
            f"{self.accum_grad} x {self.gpus} GPUs x {each:.4g}."
        )
        if abs(self.error) < 1e-6:
            return f"{text} That is what the YAML has."
        return f"{text} The YAML has {self.wanted / self.rate:.6g}: {self.error:+.2%}."


def plan_batches(
    config: Path | str, gpus: int, gpu_memory: float = 80, per_gpu: float | None = None
) -> BatchPlan:
    """Keep the batch of a training YAML's optimiser step on other GPUs.

    Args:
        config: A training YAML with batch_type length, sorted or unsorted.
        gpus: Number of GPUs, on all nodes together.
        gpu_memory: Memory of one in GB, from which `per_gpu` is guessed for batch_type length.
        per_gpu: What one GPU holds at a time, in seconds of audio (batch_type length) or utterances
            (sorted, unsorted); those that the YAML has in a batch by default. Tokens, where the
            YAML is a language model's.

    Raises:
        UserError: If there is no GPU, it holds nothing, or the YAML's batches cannot be planned.
    """
    if gpus < 1:
        raise UserError(f"batches for {gpus} GPUs: there must be one. (A CPU counts as one.)")
    values = read_yaml(config)
    accum_grad = values.get("accum_grad", 1)
    match values.get("batch_type", "folded"):
        case "length":
            # In ESPnet a text counts in tokens, and audio in samples.
            rate, unit, most = (
                (1, "tokens", TOKENS_ON_80_GB)
                if "lm" in values
                else (_sampling_rate(values), "s of audio", SECONDS_ON_80_GB)
            )
            if per_gpu is None:
                per_gpu = most * (gpu_memory - FIXED_GB) / (80 - FIXED_GB)
            wanted = values.get("batch_bins", _BATCH_BINS) * accum_grad
            accum_grad = _batches(wanted / rate, gpus, per_gpu)
            batch = round(wanted / accum_grad)
            return BatchPlan("batch_bins", batch, accum_grad, gpus, wanted, rate, unit)
        case "sorted" | "unsorted":
            batch = values.get("batch_size", _BATCH_SIZE)
            wanted = batch * accum_grad
            least = _batches(wanted, gpus, batch if per_gpu is None else per_gpu)
            # Batches are of whole utterances, one a GPU at least.
            even = (n for n in range(least, wanted // gpus + 1) if wanted % n == 0)
            accum_grad = next(even, least)
            batch = max(round(wanted / accum_grad), gpus)
            return BatchPlan("batch_size", batch, accum_grad, gpus, wanted, 1, "utterances")
        case other:
            raise UserError(
                f"{config}: batches of batch_type {other} depend on the data; "
                "use length (seconds of audio) or sorted (utterances)."
            )


def _batches(wanted: float, gpus: int, per_gpu: float) -> int:
    if per_gpu <= 0:
        raise UserError(f"a GPU that holds {per_gpu:g} at a time cannot train; see --per_gpu.")
    return math.ceil(wanted / (gpus * per_gpu))


def _sampling_rate(values: dict[str, Any]) -> int:
    fs = values.get("frontend_conf", {}).get("fs", 16000)
    return parse_hertz(fs, "frontend_conf.fs")
