"""The public surface: names on which users' checkpoints, YAMLs, scripts and programs depend.

``python -m tests.public_surface.surface`` writes it anew, which is how it is changed deliberately.
"""

import argparse
import inspect
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

from espnet2.bin.asr_inference import Speech2Text as EspnetSpeech2Text
from espnet2.bin.asr_inference import get_parser as espnet_inference_parser
from espnet2.utils.get_default_kwargs import get_default_kwargs

from espnet_recursive import Speech2Text
from espnet_recursive.asr.depth import DEPTH_OPTIONS
from espnet_recursive.bin.asr_inference import get_parser as inference_parser
from espnet_recursive.bin.main import COMMANDS
from espnet_recursive.recursion.exit_criterion import EXIT_CRITERIA
from espnet_recursive.recursion.loop_policy import LOOP_POLICIES
from espnet_recursive.registry import ENCODERS, FRONTENDS, encoder_class, frontend_class

HERE = Path(__file__).parent
RECIPES = HERE.parents[1] / "egs2"
REGENERATE = "python -m tests.public_surface.surface"

#: {1, 2, 1, 1}; features of 20 dimensions keep the input layer small.
SMALL = {
    "prelude_blocks": 1,
    "recurrent_blocks": 1,
    "coda_blocks": 1,
    "num_loops": 2,
    "output_size": 16,
    "attention_heads": 2,
}
#: Sizes of feed-forward layers, by the names that the architectures have for them.
WIDTHS = {"linear_units": 24, "cgmlp_linear_units": 24}
#: Options with which an encoder has more in its state than its layers.
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "slim input layer": {"input_channels": 8},
    "SpeechBrain's front end": {"input_layer": "conv2d_speechbrain"},
    "lower time resolution": {"loop_strides": [4, 2]},
    "scaled loops": {"loop_scale": "learned"},
    "progress": {"loop_policy": "schedule", "loop_policy_conf": {"start": 1, "end": 2}},
    "signals that are computed": {"input_injection": "add", "loop_embedding": "sinusoid"},
    "all private parts": {
        "input_injection": "concat",
        "loop_embedding": "learned",
        "loop_film": True,
        "loop_norms": True,
        "loop_adapter_conf": {"target_modules": ["linear_q"], "rank": 2, "diagonal": True},
    },
}


def state_dicts() -> dict[str, dict[str, dict[str, str]]]:
    """Names and sizes in the state of each architecture; of variants, what they have more."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for name in ENCODERS:
        cls = encoder_class(name)
        known = inspect.signature(cls).parameters
        conf = SMALL | {key: value for key, value in WIDTHS.items() if key in known}
        states = {
            variant: {
                key: "x".join(map(str, value.shape)) or "number"
                for key, value in cls(20, **conf, **more).state_dict().items()
            }
            for variant, more in VARIANTS.items()
        }
        plain = states["plain"]
        found[name] = {"plain": plain} | {
            variant: {key: size for key, size in state.items() if plain.get(key) != size}
            | {key: "not there" for key in sorted(plain.keys() - state.keys())}
            for variant, state in states.items()
            if variant != "plain"
        }
    return found


def configuration() -> dict[str, Any]:
    """Keys of YAMLs with their defaults: those that are ours, ESPnet's being ESPnet's."""
    encoders = {}
    for name in ENCODERS:
        cls = encoder_class(name)
        stock = next(base for base in cls.__mro__ if base.__module__.startswith("espnet2.asr"))
        ours, theirs = get_default_kwargs(cls), get_default_kwargs(stock)
        encoders[name] = {key: v for key, v in ours.items() if theirs.get(key, cls) != v}
    return {
        "encoder_conf": encoders,
        "frontend_conf": {name: get_default_kwargs(frontend_class(name)) for name in FRONTENDS},
        "loop_policy_conf": {
            name: [field.name for field in fields(policy)] for name, policy in LOOP_POLICIES.items()
        },
        "loop_exit": list(EXIT_CRITERIA),
        "decoding": sorted(
            {a.dest for a in inference_parser()._actions}
            - {a.dest for a in espnet_inference_parser()._actions}
        ),
        "Speech2Text": sorted(
            inspect.signature(Speech2Text).parameters.keys()
            - inspect.signature(EspnetSpeech2Text).parameters.keys()
            - {"kwargs"}
            | set(DEPTH_OPTIONS)
        ),
    }


def commands() -> dict[str, list[str]]:
    """The words that each command takes: its arguments in order, then its options."""
    return {
        words: arguments
        for name in COMMANDS
        for words, arguments in _words(
            name, import_module(f"espnet_recursive.bin.{name.replace('-', '_')}").get_parser()
        )
    }


def _words(name: str, parser: argparse.ArgumentParser) -> Iterator[tuple[str, list[str]]]:
    """Of a command and of the commands within it."""
    arguments, options = [], []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, within in action.choices.items():
                yield from _words(f"{name} {word}", within)
        elif action.option_strings:
            options += action.option_strings
        else:
            arguments.append(action.metavar or action.dest)
    yield name, [*map(str, arguments), *sorted(set(options) - {"-h", "--help"})]


def recipe_options() -> dict[str, list[str]]:
    """The options of the stage driver, and those that the driver of rows has more."""
    found = {}
    for script, recipe in (("asr.sh", "TEMPLATE"), ("run_paper.sh", "librispeech")):
        text = subprocess.run(
            [f"./{script}", "--help"],
            cwd=RECIPES / recipe / "asr1",
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        found[script] = sorted(set(re.findall(r"^ +(--\w+) ", text, re.MULTILINE)))
    return found


SURFACE = {
    "state_dicts": state_dicts,
    "configuration": configuration,
    "commands": commands,
    "recipe_options": recipe_options,
}


def golden_file(name: str) -> Path:
    """Where a part of the surface is kept."""
    return HERE / f"{name}.json"


def main() -> None:
    """Write all parts of the surface as they are now."""
    for name, current in SURFACE.items():
        text = json.dumps(current(), indent=1, ensure_ascii=False)
        golden_file(name).write_text(text + "\n", encoding="utf-8")
        print(golden_file(name))


if __name__ == "__main__":
    main()
