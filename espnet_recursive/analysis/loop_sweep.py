"""One trained model at many depths: a data set decoded under each of them, side by side in time."""

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import soundfile
import torch
from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import TooShortUttError
from espnet2.tasks.asr import ASRTask
from espnet2.train.iterable_dataset import IterableESPnetDataset
from tqdm import tqdm

from espnet_recursive.asr.depth import Depth
from espnet_recursive.errors import UserError, reason
from espnet_recursive.files.whole_files import whole_file
from espnet_recursive.recipe.data_dir import read_source, read_table
from espnet_recursive.recipe.wav_scp import audio_file, check_whole

_LOG = logging.getLogger(__name__)

#: How ESPnet reads the tables that say where the speech is.
_SPEECH = {"wav.scp": "sound", "feats.scp": "kaldi_ark"}


@dataclass(frozen=True)
class Decoded:
    """An utterance as the model recognised it at one depth: a line of utterances.jsonl.

    Attributes:
        utterance: Its id.
        text: What was recognised.
        samples: Its length, in samples; in frames for features.
        loops: Loops that it ran; 0 for one that is too short to be encoded.
        layers: Layers that were executed.
        encoder_seconds: Time of frontend, normalisation and encoder.
        decoding_seconds: Time in all, with the search.
    """

    utterance: str
    text: str
    samples: int
    loops: int
    layers: int
    encoder_seconds: float
    decoding_seconds: float


def depth_name(depth: Depth) -> str:
    """The name of a depth's folder: loops_3, latent_0.05, latent_0.05_min_2, or configured."""
    parts = [f"loops_{depth.num_loops}"] if depth.num_loops else []
    if depth.loop_exit:
        parts.append(f"{depth.loop_exit}_{depth.loop_exit_threshold:g}")
        if depth.loop_exit_min and depth.loop_exit_min > 1:
            parts.append(f"min_{depth.loop_exit_min}")
    return "_".join(parts) or "configured"


def depth_label(depth: Depth) -> str:
    """A depth in words."""
    if depth.loop_exit is None:
        loops = depth.num_loops
        return "as configured" if loops is None else f"{loops} loop{'s' * (loops > 1)}"
    least = f", {depth.loop_exit_min} or more" if (depth.loop_exit_min or 1) > 1 else ""
    return f"{depth.loop_exit} < {depth.loop_exit_threshold:g}{least}"


def configured_depth(model: Any) -> Depth:
    """The depth that a model's configuration says, with which the others are compared.

    Args:
        model: A ``Speech2Text``.

    Raises:
        UserError: If its encoder does not recur.
    """
    encoder = model.asr_model.encoder
    if not hasattr(encoder, "set_depth"):
        raise UserError(
            f"The model's encoder, {type(encoder).__name__}, runs each layer once: there are no "
            "depths to compare. Name a model with a recursive encoder."
        )
    policy = encoder.recursion.policy
    if policy.depth_in_evaluation and not policy.needs_progress:
        return Depth()  # the number differs between utterances
    return Depth(num_loops=encoder.shape.num_loops)


def sweep(
    model: Any, data_dir: Path, depths: Sequence[Depth], output_dir: Path, origin: Mapping[str, Any]
) -> None:
    """Decode a data set at each depth and write <depth>/utterances.jsonl.

    Each utterance is decoded at all depths, one after the other, in an order that rotates from
    utterance to utterance: whatever slows the machine down slows all of them. What is in the files
    already is not decoded again.

    Args:
        model: A ``Speech2Text`` with a recursive encoder.
        data_dir: A data directory with text, utt2spk, and wav.scp or feats.scp.
        depths: The depths.
        output_dir: Where the folders of the depths go.
        origin: What is decoded and how, plain values that say whether files that are there are of
            the same.

    Raises:
        UserError: If the files there are of something else, a depth is none for this model, or an
            utterance cannot be read.
    """
    _check_origin(output_dir / "sweep.json", origin)
    for depth in depths:  # all of them, before anything is decoded
        depth.apply(model.asr_model)
    with ExitStack() as stack:
        logs = [stack.enter_context(_Log(decoded_file(output_dir, depth))) for depth in depths]
        utterances = list(read_source(data_dir, speech_table(model))[0])
        missing = [u for u in utterances if any(u not in log.done for log in logs)]
        if len(missing) < len(utterances):
            _LOG.info("%d utterances were decoded before", len(utterances) - len(missing))
        pairs = list(zip(depths, logs, strict=True))
        progress = tqdm(total=len(missing), unit="utt", disable=None)
        for number, (utterance, speech) in enumerate(_read_speech(model, data_dir, missing)):
            if number == 0:  # the first call is slow: memory is allocated, kernels are chosen
                _decode(model, utterance, speech)
            first = number % len(pairs)
            for depth, log in pairs[first:] + pairs[:first]:
                if utterance not in log.done:
                    depth.apply(model.asr_model)
                    log.add(_decode(model, utterance, speech))
            progress.update()
        progress.close()


def decoded_file(output_dir: Path, depth: Depth) -> Path:
    """The file of what was decoded at a depth."""
    return output_dir / depth_name(depth) / "utterances.jsonl"


def speech_table(model: Any) -> str:
    """The table of a data directory that a model reads: wav.scp, or feats.scp for features."""
    return "wav.scp" if model.asr_train_args.input_size is None else "feats.scp"


def check_sampling_rate(data_dir: Path, rate: int) -> None:
    """Refuse audio of another sampling rate than the model's, by the first utterance.

    Raises:
        UserError: Naming both rates.
    """
    utterance, value = next(iter(read_table(data_dir / "wav.scp").items()))
    if path := audio_file(value, utterance):
        check_whole(path, utterance)
        if (there := soundfile.info(path).samplerate) != rate:
            raise UserError(
                f"{data_dir}/wav.scp, {utterance}: {path} has {there} Hz, the model takes {rate} "
                "Hz. Name the data directory that stage 3 writes, or convert with "
                f"espnet-recursive format-audio --fs {rate}."
            )


def read_decoded(path: Path) -> dict[str, Decoded]:
    """Read an utterances.jsonl; a line that was cut off is left out."""
    if not path.exists():
        return {}
    lines = path.read_bytes().split(b"\n")[:-1]
    return {row["utterance"]: Decoded(**row) for row in map(json.loads, lines)}


class _Log:
    """A file of Decoded to which whole lines are added."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.done = set(read_decoded(path))

    def __enter__(self) -> "_Log":
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("ab")
        content = self._path.read_bytes()
        self._file.truncate(content.rfind(b"\n") + 1)  # a line that was cut off is written anew
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def add(self, decoded: Decoded) -> None:
        self._file.write(json.dumps(asdict(decoded), ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        self.done.add(decoded.utterance)


def _check_origin(path: Path, origin: Mapping[str, Any]) -> None:
    """Write what is swept, or refuse a folder of something else."""
    if not path.exists():
        with whole_file(path) as file:
            json.dump(origin, file, indent=2)
        return
    there = json.loads(path.read_text(encoding="utf-8"))
    here = json.loads(json.dumps(origin))
    if other := [key for key in here | there if here.get(key) != there.get(key)]:
        raise UserError(
            f"{path.parent} holds decodings of another {', '.join(other)}, which {path.name} there "
            "describes. Name another folder with --output_dir, or remove that one."
        )


def _read_speech(
    model: Any, data_dir: Path, utterances: Sequence[str]
) -> Iterator[tuple[str, torch.Tensor]]:
    """Read utterances as ``asr_inference`` does, with the preprocessing of the model."""
    table = speech_table(model)
    dataset = IterableESPnetDataset(
        [(str(data_dir / table), "speech", _SPEECH[table])],
        preprocess=ASRTask.build_preprocess_fn(model.asr_train_args, False),
        float_dtype=model.dtype,
        key_file=list(utterances),
    )
    speech = iter(dataset)
    for utterance in utterances:
        try:
            _, data = next(speech)
        except Exception as error:  # of many kinds, for files of many kinds
            raise UserError(
                f"{data_dir / table}, {utterance} cannot be read: {reason(error)}. Run the stage "
                "that writes it again, or take the utterance out of the data directory."
            ) from error
        yield utterance, torch.from_numpy(data["speech"])


def _decode(model: Any, utterance: str, speech: torch.Tensor) -> Decoded:
    start = time.perf_counter()
    try:
        results = model(speech)
    except TooShortUttError:
        seconds = time.perf_counter() - start
        return Decoded(utterance, "", len(speech), 0, 0, 0.0, seconds)
    seconds = time.perf_counter() - start
    # With intermediate CTC, its results come beside the list.
    nbest = results[0] if isinstance(results, tuple) else results
    text, tokens, *_ = nbest[0]
    return Decoded(
        utterance,
        " ".join(tokens) if text is None else text,
        len(speech),
        nbest.encoded.loops,
        nbest.encoded.layers,
        nbest.encoded.seconds,
        seconds,
    )
