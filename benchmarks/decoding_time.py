"""Time of decoding in batches: encoder and search apart, utterances encoded alone or padded.

    python benchmarks/decoding_time.py egs2/an4/asr1/exp/asr_L1 egs2/an4/asr1/dump/raw/test \\
        --config egs2/an4/asr1/conf/decode_asr.yaml

The same utterances are decoded in every way, one way after the other in each repeat, and divided by
one utterance at a time in the same repeat. "alone" is how our recogniser encodes the utterances of
a batch, "padded" is how ESPnet's does; "by length" are batches of utterances of about the same
length. "other texts" counts utterances whose result is not that of one at a time.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import torch
from tabulate import tabulate
from tqdm import tqdm

from espnet_recursive.bin.command import command, parser
from espnet_recursive.errors import UserError
from espnet_recursive.files.whole_files import whole_file
from espnet_recursive.recipe.data_dir import read_table
from espnet_recursive.registry import import_quietly

Clock = Callable[[], float]


@dataclass(frozen=True)
class Way:
    """A way to decode.

    Attributes:
        batch_size: Utterances of a batch, as of asr_inference.
        padded: Whether a batch goes through the encoder as a whole.
        by_length: Whether utterances of about the same length share a batch.
    """

    batch_size: int
    padded: bool
    by_length: bool

    def batches(self, lengths: Sequence[int]) -> list[list[int]]:
        """Places of the utterances in each batch."""
        places = list(range(len(lengths)))
        if self.by_length:
            places.sort(key=lambda place: lengths[place])
        return [places[i : i + self.batch_size] for i in range(0, len(places), self.batch_size)]


@dataclass
class Timed:
    """Seconds of a way of decoding, for all utterances, in each repeat."""

    encoder: list[float] = field(default_factory=list)
    search: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def total(self) -> list[float]:
        """Encoder and search."""
        return [e + s for e, s in zip(self.encoder, self.search, strict=True)]


def ways(batch_sizes: Sequence[int]) -> list[Way]:
    """One utterance at a time, and the four ways of each larger batch."""
    more = [
        Way(size, padded, by_length)
        for size in batch_sizes
        if size > 1
        for padded in (False, True)
        for by_length in (False, True)
    ]
    return [Way(1, False, False), *more]


def measure(
    model: Any,
    utterances: Sequence[torch.Tensor],
    ways: Sequence[Way],
    repeats: int,
    clock: Clock = time.perf_counter,
) -> dict[Way, Timed]:
    """Decode in all ways, in turn.

    Args:
        model: Our ``Speech2Text``.
        utterances: (T,) samples or (T, D) features each.
        ways: The ways; the first is one utterance at a time.
        repeats: How often; one more goes ahead to warm up.
        clock: The clock, in seconds.
    """
    results = {way: Timed() for way in ways}
    with tqdm(total=(repeats + 1) * len(ways), unit="pass", disable=None) as bar:
        for repeat in range(repeats + 1):
            for way in ways[:: -1 if repeat % 2 else 1]:
                encoder, search, texts = _decode_all(model, utterances, way, clock)
                if repeat:
                    results[way].encoder.append(encoder)
                    results[way].search.append(search)
                results[way].texts = texts
                bar.update()
    return results


def _decode_all(
    model: Any, utterances: Sequence[torch.Tensor], way: Way, clock: Clock
) -> tuple[float, float, list[str]]:
    """Seconds of the encoder and of the rest, and the texts in the utterances' order."""
    espnet = import_quietly("espnet2.bin.asr_inference").Speech2Text
    decode = espnet.batch_decode if way.padded else type(model).batch_decode
    texts = [""] * len(utterances)
    with _timing(model.asr_model, clock) as encoder:
        start = _now(clock)
        for places in way.batches([len(u) for u in utterances]):
            # Copies, because ESPnet's normalisation writes into features that it is given.
            speech = [utterances[place].clone() for place in places]
            if way.batch_size == 1:
                results = [model(speech[0])]
            else:
                lengths = torch.tensor([len(u) for u in speech])
                padded = torch.nn.utils.rnn.pad_sequence(speech, batch_first=True)
                results = decode(model, padded, lengths)
            for place, nbest in zip(places, results, strict=True):
                texts[place] = _text(nbest)
        total = _now(clock) - start
    return sum(encoder), total - sum(encoder), texts


@contextmanager
def _timing(model: Any, clock: Clock) -> Iterator[list[float]]:
    """Note the seconds of each call of ``encode``: frontend, normalisation, encoder."""
    seconds: list[float] = []
    encode = type(model).encode

    def timed(self: Any, *args: Any, **kwargs: Any) -> Any:
        start = _now(clock)
        output = encode(self, *args, **kwargs)
        seconds.append(_now(clock) - start)
        return output

    with patch.object(type(model), "encode", timed):
        yield seconds


def _now(clock: Clock) -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return clock()


def _text(results: Any) -> str:
    """The best hypothesis; with intermediate CTC, its results come beside the list."""
    nbest = results[0] if isinstance(results, tuple) else results
    text, tokens, *_ = nbest[0]
    return " ".join(tokens) if text is None else text


def read_utterances(model: Any, data_dir: Path, most: int) -> list[torch.Tensor]:
    """Read utterances spread evenly over a data directory, as ``asr_inference`` does.

    Raises:
        UserError: If the directory lacks the table that the model reads.
    """
    task = import_quietly("espnet2.tasks.asr").ASRTask
    sweeps = import_quietly("espnet_recursive.analysis.loop_sweep")
    args, table = model.asr_train_args, data_dir / sweeps.speech_table(model)
    if not table.exists():
        raise UserError(f"{table} does not exist. Run the stage that writes it, or check the path.")
    every = max(len(read_table(table)) // most, 1)
    loader = task.build_streaming_iterator(
        [(str(table), "speech", "sound" if table.name == "wav.scp" else "kaldi_ark")],
        dtype=model.dtype,
        preprocess_fn=task.build_preprocess_fn(args, False),
        collate_fn=task.build_collate_fn(args, False),
        inference=True,
    )
    speech = [batch["speech"][0] for number, (_, batch) in enumerate(loader) if number % every == 0]
    return speech[:most]


def table(results: dict[Way, Timed], utterances: int) -> str:
    """All ways, divided by the first one."""
    first = next(iter(results.values()))
    rows = []
    for way, timed in results.items():
        ratios = [t / one for t, one in zip(timed.total, first.total, strict=True)]
        encoder = [t / one for t, one in zip(timed.encoder, first.encoder, strict=True)]
        rows.append(
            {
                "batch_size": way.batch_size,
                "encoded": "padded" if way.padded else "alone",
                "batches": "by length" if way.by_length else "as listed",
                "encoder, ms an utterance": f"{1e3 * median(timed.encoder) / utterances:.1f}",
                "search, ms": f"{1e3 * median(timed.search) / utterances:.1f}",
                "encoder, ratio": f"{median(encoder):.3f}",
                "all, ratio": f"{median(ratios):.3f}",
                "extremes": f"{min(ratios):.3f} - {max(ratios):.3f}",
                "other texts": sum(
                    a != b for a, b in zip(timed.texts, first.texts, strict=True)
                ),
            }
        )  # fmt: skip
    return tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)


def get_parser() -> argparse.ArgumentParser:
    """The parser of this command."""
    p = parser(__doc__ or "")
    p.add_argument("model", help="an experiment directory, a pack, or a published model")
    p.add_argument("data_dir", type=Path, help="a data directory that stage 3 has written")
    p.add_argument("--model_file", help="checkpoint of an experiment, valid.acc.ave.pth by default")
    p.add_argument("--config", type=Path, help="decoding YAML")
    p.add_argument("--lm_train_config", help="config.yaml of a language model")
    p.add_argument("--lm_file", help="its checkpoint")
    p.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to decode")
    p.add_argument("--batch_sizes", type=int, nargs="+", default=[4, 16], help="beside 1")
    p.add_argument("--utterances", type=int, default=48, help="how many are decoded")
    p.add_argument("--repeats", type=int, default=3, help="after one to warm up")
    p.add_argument(
        "--processor_time", action="store_true",
        help="count the processor's time, not the clock's: for a CPU that others use, one thread",
    )  # fmt: skip
    p.add_argument("--json", type=Path, help="where to write the figures")
    return p


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = get_parser().parse_args(cmd)
    decoding = import_quietly("espnet_recursive.publish.decoding")
    from espnet_recursive.model.quiet import quiet_libraries

    options = {"lm_train_config": args.lm_train_config, "lm_file": args.lm_file}
    given = {key: value for key, value in options.items() if value}
    with quiet_libraries():
        model = decoding.load_speech2text(
            args.model, args.model_file, args.config, args.device, **given
        )
        utterances = read_utterances(model, args.data_dir, args.utterances)
        clock = time.process_time if args.processor_time else time.perf_counter
        results = measure(model, utterances, ways(args.batch_sizes), args.repeats, clock)
    print(f"{len(utterances)} utterances, {args.repeats} repeats, torch {torch.__version__}, "
          f"{torch.get_num_threads()} threads on {args.device}\n")  # fmt: skip
    print(table(results, len(utterances)))
    if args.json:
        rows = [asdict(way) | asdict(timed) for way, timed in results.items()]
        with whole_file(args.json) as file:
            file.write(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
