"""The files of an exported recogniser."""

import json
from collections.abc import Sequence
from pathlib import Path

import onnx

from espnet_recursive.onnx_recognizer.model_file import MODEL

TOKENS, METADATA, README = "tokens.txt", "metadata.json", "README.md"
#: What the folder holds.
FILES = (MODEL, TOKENS, METADATA, README)


def write_recogniser(folder: Path, graph: onnx.ModelProto) -> None:
    """Write a recogniser.

    Args:
        folder: An empty folder.
        graph: The recogniser with its metadata.
    """
    about = {prop.key: prop.value for prop in graph.metadata_props}
    onnx.save(graph, folder / MODEL)
    lines = [f"{token} {i}\n" for i, token in enumerate(json.loads(about["tokens"]))]
    (folder / TOKENS).write_text("".join(lines), encoding="utf-8")
    # For runtimes that do not hand a file's metadata out, such as that of the browser.
    (folder / METADATA).write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", "utf-8")
    inputs = [value.name for value in graph.graph.input]
    (folder / README).write_text(_readme(about, inputs), encoding="utf-8")


def _readme(about: dict[str, str], inputs: Sequence[str]) -> str:
    loops = ""
    depth = "The depth of the encoder is fixed."
    if "num_loops" in inputs:
        loops = f'    "num_loops": np.array({about["num_loops"]}),\n'
        depth = (
            "`num_loops` is the number of loops, int64 (), 1 or more (the file fails otherwise); "
            f"{about['num_loops']} is what the model was made for."
        )
    space = {"bpe": '.replace("\u2581", " ")', "char": '.replace("<space>", " ")'}
    glue = '" "' if about["token_type"] == "word" else '""'
    return _README.format(
        rate=about["sampling_rate"],
        version=about["espnet_recursive"],
        encoder=about["encoder"],
        shortest=about["shortest_samples"],
        seconds=about["frame_seconds"],
        depth=depth,
        loops=loops,
        glue=glue,
        space=space.get(about["token_type"], ""),
    )


_README = """\
# A speech recogniser for onnxruntime

Made by espnet_recursive {version} of a model with the encoder `{encoder}`. `model.onnx` takes the
waveform, at {rate} Hz, and gives CTC's log posteriors; `tokens.txt` names their columns.
`metadata.json` holds the same metadata as `model.onnx`.

```python
import numpy as np
import onnxruntime
import soundfile

speech, rate = soundfile.read("speech.wav", dtype="float32")
assert rate == {rate} and speech.ndim == 1
session = onnxruntime.InferenceSession("model.onnx")
inputs = {{
    "waveform": speech[None],
    "lengths": np.array([len(speech)]),
{loops}}}
log_probs, lengths = session.run(["ctc_log_probs", "ctc_lengths"], inputs)
best = log_probs[0, : lengths[0]].argmax(-1)
tokens = [line.rsplit(" ", 1)[0] for line in open("tokens.txt", encoding="utf-8")]
text = {glue}.join(tokens[i] for i, before in zip(best, [0, *best]) if i not in (0, before))
print(text{space}.strip())
```

* `waveform` is float32 (batch, samples) between -1 and 1, `lengths` int64 (batch). The padding may
  hold anything. Less than {shortest} samples get silence behind them.
* {depth}
* A frame of the output is {seconds} s. Column 0 is the blank.
* Memory grows with the square of the length: cut long audio at pauses.

With words, times, long audio and clear errors, and no torch either:

```sh
espnet-recursive-onnx . speech.wav
```
"""
