"""The export of a streaming recogniser for sherpa-onnx: check, trace, run it as a client, write."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from espnet_recursive.asr.depth import Depth
from espnet_recursive.asr.streaming.streaming_encoder import StreamingEncoder
from espnet_recursive.errors import UserError
from espnet_recursive.export.agreement import Agreement, noise
from espnet_recursive.export.formats import CONVERSIONS
from espnet_recursive.export.online_client import run_online
from espnet_recursive.export.online_graph import OnlineStep, describe_step, online_graph
from espnet_recursive.export.runtime import open_session
from espnet_recursive.export.sherpa_files import README, TOKENS, check_tokens, symbol_tokens
from espnet_recursive.export.steps import steps
from espnet_recursive.files.whole_files import whole_dir
from espnet_recursive.model.closeness import read_utterances
from espnet_recursive.model.loaded_model import STOCK_NAMES, LoadedModel, load_asr_model
from espnet_recursive.model.model_input import input_features, sampling_rate
from espnet_recursive.onnx_recognizer.greedy import greedy
from espnet_recursive.registry import import_quietly

MODEL = "model.onnx"
_RATE = 16000
#: A posterior of a float32 file that is further from PyTorch's is not that model's.
_TOLERANCE = 1e-3


@dataclass(frozen=True)
class OnlineOptions:
    """Options of the export of a streaming recogniser.

    Attributes:
        num_loops: Loops of the encoder; None for what is configured.
        chunk_size: Frames of a chunk after subsampling; None for what is configured.
        num_left_chunks: Chunks before its own that a frame sees; None for what is configured.
        precision: A key of CONVERSIONS.
    """

    num_loops: int | None = None
    chunk_size: int | None = None
    num_left_chunks: int | None = None
    precision: str = "float32"


@dataclass(frozen=True)
class OnlineReport:
    """The report of the export of a streaming recogniser.

    Attributes:
        source: The model as the user named it.
        num_bytes: Size of the folder.
        cache_bytes: Memory that a stream keeps from step to step.
        seconds: Duration of a chunk, by which the text is late.
        layers: Executed layers.
        agreement: With the pass with chunks over the whole utterance in PyTorch.
    """

    source: str
    num_bytes: int
    cache_bytes: int
    seconds: float
    layers: int
    agreement: Agreement

    def __str__(self) -> str:
        found = self.agreement
        return (
            f"{self.source}: a streaming recogniser of {self.num_bytes / 1e6:.1f} MB for "
            f"sherpa-onnx's OnlineRecognizer, chunks of {self.seconds:g} s; {self.layers} executed "
            f"layers keep {self.cache_bytes / 1e6:.2f} MB\n\n"
            f"{found.same_texts} of {found.texts} texts as in PyTorch with these chunks, largest "
            f"difference of a posterior {found.largest:.2g}, on {found.inputs}"
        )


def export_online(
    model: Path | str,
    folder: Path,
    options: OnlineOptions,
    model_file: str | None = None,
    audio: Sequence[Path] = (),
    any_size: bool = False,
) -> OnlineReport:
    """Write a streaming recogniser as a folder.

    Args:
        model: The model, by any of the names that ``find_model`` takes.
        folder: The folder; one that this wrote before is replaced.
        options: How.
        model_file: The checkpoint of an experiment, valid.acc.ave.pth by default.
        audio: Files to compare on; noise where there are none.
        any_size: Whether a published model may be deeper and larger than models are.

    Raises:
        UserError: If the model cannot be used so, or the file does not agree with PyTorch; nothing
            is written then.
    """
    plain = options.precision == "float32"
    with whole_dir(folder, own=(MODEL, TOKENS, README)) as part, steps(3) as begin:
        begin("load")
        loaded = load_asr_model(model, model_file, any_size)
        _check(loaded)
        utterances = list(read_utterances(audio, loaded.config)) if audio else noise(_RATE)
        begin("trace")
        step = _step(loaded, options)
        graph = online_graph(step)
        begin("compare")
        found = _compare(loaded, graph, step, options, utterances)
        if found.same_texts < found.texts or found.largest > _TOLERANCE:
            raise UserError(
                f"{loaded.name}: the stream differs from PyTorch: the same text for "
                f"{found.same_texts} of {found.texts} utterances, posteriors up to "
                f"{found.largest:.2g} away, so nothing was written. Please report it with the "
                "model's config.yaml."
            )
        if not plain:
            graph = CONVERSIONS[options.precision](graph)
            found = _compare(loaded, graph, step, options, utterances)
        tokens = loaded.config["token_list"]
        describe_step(graph, step, len(tokens))
        onnx.save(graph, part / MODEL)
        (part / TOKENS).write_text(symbol_tokens(tokens), encoding="utf-8")
        seconds = _seconds(loaded, step)
        (part / README).write_text(_readme(loaded, step, seconds), encoding="utf-8")
    caches = [v.numel() * 4 for k, v in step.inputs().items() if k.endswith("_cache")]
    size = sum(file.stat().st_size for file in folder.iterdir())
    layers = step.geometry["num_blocks"]
    return OnlineReport(loaded.name, size, sum(caches), seconds, layers, found)


def _check(loaded: LoadedModel) -> None:
    """Refuse models that the client has no features for, or that are no stream.

    Raises:
        UserError: With the reason.
    """
    name, model = loaded.name, loaded.model
    kaldi_fbank = import_quietly("espnet_recursive.asr.frontend.kaldi_fbank").KaldiFbank
    global_mvn = import_quietly("espnet2.layers.global_mvn").GlobalMVN
    if loaded.encoder not in STOCK_NAMES:
        raise UserError(f"{name}: its encoder, {loaded.encoder}, has no chunks; ours have")
    check_tokens(name, loaded.config["token_list"], loaded.config.get("token_type"))
    if model.ctc is None:
        raise UserError(f"{name} has no CTC (ctc_weight 0.0), and a stream decodes with CTC")
    for part in ("preencoder", "postencoder"):
        if getattr(model, part, None) is not None:
            raise UserError(f"{name} has {part} {loaded.config[part]}, which is not exported")
    theirs = kaldi_fbank()
    if (
        input_features(loaded.config)
        or not isinstance(model.frontend, kaldi_fbank)
        or sampling_rate(loaded.config) != _RATE
        or any(not torch.equal(a, b) for a, b in _constants(model.frontend, theirs))
        or model.frontend.preemphasis != theirs.preemphasis
    ):
        raise UserError(
            f"{name}: sherpa-onnx computes the features of a stream itself, and they are those of "
            "frontend kaldi_fbank at 16 kHz with its default options only. Train with "
            "--feats_frontend kaldi_fbank"
        )
    if not isinstance(model.normalize, (global_mvn, type(None))):
        raise UserError(
            f"{name}: normalize {loaded.config['normalize']} sees the whole utterance, which a "
            "stream has not heard yet: train with global_mvn"
        )


def _constants(ours: Any, theirs: Any) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Constants of two frontends; of different shapes they are told apart by a missing one."""
    pairs = list(zip(ours.buffers(), theirs.buffers(), strict=True))
    return [(a, b if a.shape == b.shape else a.new_full(a.shape, torch.nan)) for a, b in pairs]


def _step(loaded: LoadedModel, options: OnlineOptions) -> OnlineStep:
    model = loaded.model
    chosen = {"chunk_size": options.chunk_size, "num_left_chunks": options.num_left_chunks}
    try:
        stream = StreamingEncoder(
            model.encoder, num_loops=options.num_loops, ctc=model.ctc, **chosen
        )
        return OnlineStep(stream, model.normalize, model.ctc, model.frontend.output_size())
    except ValueError as error:
        raise UserError(
            f"{loaded.name}: {error}. (--chunk_size and --num_left_chunks choose them)"
        ) from error


@torch.no_grad()
def _compare(
    loaded: LoadedModel,
    graph: onnx.ModelProto,
    step: OnlineStep,
    options: OnlineOptions,
    utterances: Sequence[tuple[str, np.ndarray]],
) -> Agreement:
    model, session, chunks = loaded.model, open_session(graph), step.stream.chunks
    depth = Depth(
        num_loops=options.num_loops, chunk_size=chunks.size, num_left_chunks=chunks.num_left
    )
    names, same, labels, largest = [], 0, [], 0.0
    for name, samples in utterances:
        # Silence behind it, so that its last chunk is whole.
        tail = np.zeros(int(_RATE * _seconds(loaded, step)) + _RATE, np.float32)
        speech = torch.from_numpy(np.concatenate([samples, tail]))[None]
        feats, lengths = model.frontend(speech, torch.tensor([speech.size(1)]))
        there = run_online(session, step, feats[0].numpy())
        if model.normalize is not None:
            feats, lengths = model.normalize(feats, lengths)
        out, _, _ = model.encoder(feats, lengths, depth=depth, ctc=model.ctc)
        here = model.ctc.log_softmax(out[0] if isinstance(out, tuple) else out)[0].numpy()
        here = here[: len(there)]
        names.append(name)
        same += [a.token for a in greedy(here)] == [b.token for b in greedy(there)]
        labels.append(here.argmax(-1) == there.argmax(-1))
        largest = float(np.max([largest, np.abs(np.exp(here) - np.exp(there)).max()]))
    agreeing = float(np.concatenate(labels).mean())
    return Agreement(", ".join(names), len(names), same, agreeing, largest)


def _seconds(loaded: LoadedModel, step: OnlineStep) -> float:
    """Duration of a chunk."""
    hop = loaded.model.frontend.hop_length / _RATE
    return float(step.stream.chunks.size * step.stream.subsampling * hop)


def _readme(loaded: LoadedModel, step: OnlineStep, seconds: float) -> str:
    chunks = step.stream.chunks
    return _README.format(
        encoder=loaded.encoder, size=chunks.size, left=chunks.num_left, seconds=seconds
    )


_README = """\
# A streaming speech recogniser for sherpa-onnx

Made of a model with the encoder `{encoder}`, for the loader `wenet_ctc` of sherpa-onnx's
`OnlineRecognizer`.

```python
import numpy as np
import sherpa_onnx
import soundfile

recognizer = sherpa_onnx.OnlineRecognizer.from_wenet_ctc(
    model="model.onnx", tokens="tokens.txt", chunk_size={size}, num_left_chunks={left}
)
stream = recognizer.create_stream()
speech, rate = soundfile.read("speech.wav", dtype="float32")
silence = np.zeros(int({seconds:g} * rate) + rate, dtype="float32")  # the last chunk must be whole
for part in np.array_split(np.concatenate([speech, silence]), 20):  # as it comes
    stream.accept_waveform(rate, part)
    while recognizer.is_ready(stream):
        recognizer.decode_stream(stream)
    print(recognizer.get_result(stream))
```

* `chunk_size` and `num_left_chunks` are those that the file was made for; it fails with others.
* A chunk has {seconds:g} s: text comes so much later than speech.
* The client resamples to 16 kHz.
"""
