"""README.md of a published model, which the hub and its readers read; all of it from files."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from huggingface_hub import ModelCardData
from tabulate import tabulate

from espnet_recursive import __version__
from espnet_recursive.asr.depth import DEPTH_OPTIONS
from espnet_recursive.model.model_input import input_features, sampling_rate
from espnet_recursive.model.parameters import EncoderSize
from espnet_recursive.model.requirements import needs_this_package, source_url

#: ESPnet's "no information", which the hub takes for a wrong language code.
_NO_LANGUAGE = ("noinfo", "", None)
_CITATIONS = """\
@misc{rolland2026rethinking,
  title = {Rethinking Depth: A study of the Recursive-Transformer for Speech Recognition},
  author = {Thomas Rolland and Carlos Carvalho and Alberto Abad},
  year = {2026},
  eprint = {2606.09357},
  archivePrefix = {arXiv},
  primaryClass = {eess.AS}
}
@inproceedings{watanabe2018espnet,
  title = {{ESPnet}: End-to-End Speech Processing Toolkit},
  author = {Shinji Watanabe and Takaaki Hori and Shigeki Karita and Tomoki Hayashi and
    Jiro Nishitoba and Yuya Unno and Nelson Enrique Yalta Soplin and Jahn Heymann and
    Matthew Wiesner and Nanxin Chen and Adithya Renduchintala and Tsubasa Ochiai},
  booktitle = {Proceedings of Interspeech},
  year = {2018},
  pages = {2207--2211},
  doi = {10.21437/Interspeech.2018-1456}
}"""


@dataclass(frozen=True)
class Card:
    """The contents of a model card.

    Attributes:
        archive: The name by which the model is loaded: the pack's file name, or its hub id.
        title: The experiment's name.
        license: Licence of the weights, by the hub's name for it.
        lang: Language of the speech, by its ISO 639 code.
        datasets: What it was trained on, by the hub's names.
        decoding: Arguments of ``Speech2Text`` that the results were got with.
        config: The configuration of the training.
        recursive: Whether the encoder is one of this package.
        size: Parameters of the encoder.
        parameters: Parameters of the whole recogniser.
        has_lm: Whether a language model comes with it.
        half_precision: Whether its weights are stored in float16.
        results: The text of RESULTS.md, if there is one.
    """

    archive: str
    title: str
    license: str
    lang: str | None
    datasets: tuple[str, ...]
    decoding: Mapping[str, Any]
    config: Mapping[str, Any]
    recursive: bool
    size: EncoderSize
    parameters: int
    has_lm: bool
    half_precision: bool
    results: str


def model_card(card: Card) -> str:
    """Write the text of README.md, with the front matter that the hub reads."""
    sections = [_front_matter(card), _title(card), _usage(card), _model(card)]
    if card.results:
        # Its headings one level down: below the title of the card.
        sections.append(re.sub(r"^#", "##", card.results.strip(), flags=re.MULTILINE))
    sections += [_training(card), _citation(card), _license(card)]
    return "\n\n".join(sections) + "\n"


def _front_matter(card: Card) -> str:
    tags = ["espnet", "audio", "automatic-speech-recognition"]
    if card.recursive:
        tags += ["espnet_recursive", "recursive-transformer"]
    data = ModelCardData(
        language=None if card.lang in _NO_LANGUAGE else card.lang,
        datasets=list(card.datasets) or None,
        license=card.license,
        library_name="espnet",
        pipeline_tag="automatic-speech-recognition",
        tags=tags,
    )
    return f"---\n{data.to_yaml()}\n---"


def _title(card: Card) -> str:
    language = "" if card.lang in _NO_LANGUAGE else f" ({card.lang})"
    corpora = f", trained on {', '.join(card.datasets)}" if card.datasets else ""
    what = (
        f"a depth-recursive encoder of the shape {card.size.shape}: {card.size.unique_blocks} "
        f"layers that have parameters, {card.size.executed_blocks} that are executed"
        if card.recursive
        else f"a stock ESPnet encoder of {card.size.unique_blocks} layers"
    )
    lm = " A language model comes with it." if card.has_lm else ""
    return (
        f"# {card.title}\n\nAn ESPnet speech recogniser{language}{corpora}. It has {what} "
        f"(`{card.config['encoder']}`).{lm}"
    )


def _usage(card: Card) -> str:
    # The depth at inference is an option of our class only.
    stock = {key: value for key, value in card.decoding.items() if key not in DEPTH_OPTIONS}
    if features := input_features(card.config):
        reader = "numpy"
        read = f'speech = numpy.load("features.npy")  # float32 (frames, {features})'
    else:
        reader = "soundfile"
        rate = sampling_rate(card.config)
        read = f'speech, rate = soundfile.read("speech.wav")  # {rate} Hz, one channel'
    use = f"{read}\ntext, tokens, token_ids, hypothesis = model(speech)[0]\nprint(text)"
    checked = f"import {reader}\nfrom espnet_recursive import Speech2Text\n\n"
    checked += f"{_load(card.archive, card.decoding)}\n{use}"
    plugin = ""
    if needs_this_package(card.config):
        added = "the encoder" if card.recursive else "the frontend"
        plugin = f"import espnet_recursive  # adds {added} to ESPnet\n"
    imports = f"import {reader}\nfrom espnet2.bin.asr_inference import Speech2Text"
    own = f"{plugin}{imports}\n\n{_load(card.archive, stock)}\n{use}"
    command_line = (
        "On the command line, for audio of any sampling rate (`--config` takes a decoding "
        "YAML; without it, ESPnet's defaults hold):",
        _fence("sh", f"espnet-recursive transcribe speech.wav --model {card.archive}"),
    )
    return "\n\n".join(
        (
            "## Use",
            _install(card),
            "In Python, with checks of versions, of the recursion and of every weight:",
            _fence("python", checked),
            "With ESPnet's own class:",
            _fence("python", own),
            *(() if features else command_line),
        )
    )


def _load(archive: str, decoding: Mapping[str, Any]) -> str:
    options = [f'"{archive}"', *(f"{key}={value!r}" for key, value in decoding.items())]
    lines = "\n".join(f"    {option}," for option in options)
    arguments = f"\n{lines}\n" if decoding else options[0]
    return f"model = Speech2Text.from_pretrained({arguments})"


def _install(card: Card) -> str:
    what = f"It needs ESPnet and espnet_recursive {__version__} or later"
    if not needs_this_package(card.config):
        what = "It needs ESPnet; espnet_recursive adds the checks and the command below"
    url = source_url()
    if url is None:
        # No command: by that name alone, a package index could give something else.
        return f"{what}: in a copy of the repository of espnet_recursive, `pip install -e .`"
    return f"{what}:\n\n" + _fence("sh", f'pip install "espnet_recursive @ {url}"')


def _model(card: Card) -> str:
    row = {
        "{n_r, L, n_p, n_c}": str(card.size.shape),
        "layers with parameters": str(card.size.unique_blocks),
        "executed": str(card.size.executed_blocks),
        "parameters of the layers": f"{card.size.layers:,}",
        "of the encoder": f"{card.size.encoder:,}",
        "of the recogniser": f"{card.parameters:,}",
    }
    align = ("left", *["right"] * (len(row) - 1))
    table = tabulate([row], "keys", "pipe", colalign=align, disable_numparse=True)
    text = f"## Model\n\n{table}"
    if card.recursive:
        text += (
            "\n\nn_p layers run once, then n_r layers L times, then n_c layers once. "
            "The tuple belongs to the weights: other values may load and recognise nothing."
        )
    if card.half_precision:
        text += "\n\nThe weights are stored in float16; ESPnet computes with them in float32."
    return text


def _training(card: Card) -> str:
    config = {key: value for key, value in card.config.items() if key != "token_list"}
    return (
        "## Training\n\n<details><summary>configuration, without the list of tokens</summary>\n\n"
        + _fence("yaml", yaml.safe_dump(config).strip())
        + "\n\n</details>"
    )


def _citation(card: Card) -> str:
    return "## Citation\n\n" + _fence("bibtex", _CITATIONS)


def _license(card: Card) -> str:
    return (
        f"## Licence\n\nThe weights: {card.license}. ESPnet and espnet_recursive: Apache-2.0. "
        "The speech that it was trained on has a licence of its own."
    )


def _fence(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"
