"""The files of a recogniser for sherpa-onnx."""

import base64
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx

from espnet_recursive.errors import UserError
from espnet_recursive.transcription.words import SPACE, WORD_START

TOKENS, README, WEIGHTS, DECODER = "tokens.txt", "README.md", "weights.bin", "decoder.onnx"
#: What the loader of each route reads first.
_STEMS = {"zipformer_ctc": "model", "omnilingual": "model", "moonshine_v2": "encoder"}


def encoder_file(route: str, loops: int | None) -> str:
    """The name of the file with the encoder, of a number of loops or of the only one."""
    return _STEMS[route] + ("" if loops is None else f".loops{loops}") + ".onnx"


def own_names(folder: Path) -> list[str]:
    """The names of files that are in a folder and that an export for sherpa-onnx writes."""
    encoders = (
        f"{stem}{end}" for stem in set(_STEMS.values()) for end in (".onnx", ".loops*.onnx")
    )
    patterns = (TOKENS, README, WEIGHTS, DECODER, *encoders)
    return [file.name for pattern in patterns for file in folder.glob(pattern)]


def save(graph: onnx.ModelProto, file: Path, shared: bool) -> None:
    """Write a model.

    Args:
        graph: The model. It is changed where its weights go into a file of their own.
        file: Its file.
        shared: Whether its weights are in WEIGHTS beside it, which other models use too.
    """
    if not shared:
        onnx.save(graph, file)
        return
    weights = file.with_name(WEIGHTS)
    with TemporaryDirectory(dir=file.parent) as folder:
        saved = Path(folder) / file.name
        onnx.save(graph, saved, save_as_external_data=True, location=WEIGHTS)
        if weights.exists() and weights.read_bytes() != saved.with_name(WEIGHTS).read_bytes():
            raise RuntimeError(f"{file.name} has other weights than the models before it")
        saved.with_name(WEIGHTS).replace(weights)
        saved.replace(file)


def symbol_tokens(tokens: Sequence[str]) -> str:
    """tokens.txt with symbols; the blank is the first."""
    symbols = {SPACE: WORD_START}
    lines = ["<blk>", *(symbols.get(token, token) for token in tokens[1:])]
    return "".join(f"{token} {i}\n" for i, token in enumerate(lines))


def moonshine_tokens(tokens: Sequence[str], first: int) -> str:
    """tokens.txt with symbols in base64, counted from `first` on."""
    lines = []
    for i, token in enumerate(tokens):
        symbol = (WORD_START if token == SPACE else token).encode()
        lines.append(f"{base64.b64encode(symbol).decode()} {i + first}\n")
    return "".join(lines)


def check_tokens(name: str, tokens: Sequence[str], token_type: str | None) -> None:
    """Refuse tokens that sherpa-onnx would write in another way.

    Raises:
        UserError: With the reason.
    """
    if token_type == "word":
        raise UserError(
            f"{name}: sherpa-onnx writes tokens one after the other, and words would run together: "
            "--to onnxruntime takes it"
        )
    if token_type == "char" and (places := [t for t in tokens if WORD_START in t]):
        raise UserError(
            f"{name}: token {places[0]!r} is a character there, and sherpa-onnx takes it for a "
            "space: --to onnxruntime takes it"
        )


def readme(
    route: str, files: Sequence[str], encoder: str, shared: bool, rate: int, features: int
) -> str:
    """The README with the exact call.

    Args:
        route: The loader.
        files: The files with the encoder.
        encoder: ESPnet's name of the encoder.
        shared: Whether they share their weights.
        rate: The model's sampling rate in Hz.
        features: Those of a frame.
    """
    names = {"first": files[0], "rate": rate, "features": features}
    several = ""
    if shared:
        several = _SEVERAL.format(files=", ".join(f"`{file}`" for file in files), weights=WEIGHTS)
    return _README.format(
        call=_CALLS[route].format(**names),
        command=_COMMANDS[route].format(**names),
        notes=_NOTES[route].format(**names) + several,
        encoder=encoder,
        route=route,
    )


_CALLS = {
    "zipformer_ctc": """\
recognizer = sherpa_onnx.OfflineRecognizer.from_zipformer_ctc(
    model="{first}", tokens="tokens.txt", sample_rate={rate}, feature_dim={features}
)""",
    "omnilingual": """\
recognizer = sherpa_onnx.OfflineRecognizer.from_omnilingual_asr_ctc(
    model="{first}", tokens="tokens.txt"
)""",
    "moonshine_v2": """\
recognizer = sherpa_onnx.OfflineRecognizer.from_moonshine_v2(
    encoder="{first}", decoder="decoder.onnx", tokens="tokens.txt"
)""",
}
_COMMANDS = {
    "zipformer_ctc": "--zipformer-ctc-model={first} --sample-rate={rate} --feat-dim={features}",
    "omnilingual": "--omnilingual-asr-model={first}",
    "moonshine_v2": "--moonshine-encoder={first} --moonshine-merged-decoder=decoder.onnx",
}
_RAW = """\
* The client resamples to 16 kHz, and recognises one utterance at a time.
"""
_NOTES = {
    "zipformer_ctc": """\
* The client resamples to {rate} Hz. `recognizer.decode_streams([...])` recognises several
  utterances at a time, each as if it were alone.
* `stream.result.timestamps` has the beginning of each token, in seconds.
""",
    "omnilingual": f"""\
{_RAW}\
* The client gives the beginning of each token, `stream.result.timestamps`.
""",
    "moonshine_v2": f"""\
{_RAW}\
* CTC decodes inside the encoder's file, and the decoder only says its labels: there are no times.
""",
}
_SEVERAL = """\
* {files} are depths of one model. They share the file {weights}, which lies beside them.
"""
_README = """\
# A speech recogniser for sherpa-onnx

Made of a model with the encoder `{encoder}`, for the loader `{route}` of sherpa-onnx.

```python
import sherpa_onnx
import soundfile

{call}
speech, rate = soundfile.read("speech.wav", dtype="float32")
stream = recognizer.create_stream()
stream.accept_waveform(rate, speech)
recognizer.decode_stream(stream)
print(stream.result.text)
```

```sh
sherpa-onnx-offline {command} --tokens=tokens.txt speech.wav
```

{notes}\
* Memory grows with the square of the length: give it speech in pieces, such as those of
  sherpa-onnx's voice activity detector.
"""
