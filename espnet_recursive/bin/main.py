"""The console script ``espnet-recursive``: every command of this package under one name."""

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NoReturn

from espnet_recursive import __version__
from espnet_recursive.bin.command import command
from espnet_recursive.errors import did_you_mean

#: Groups of commands, and of each command what it does. The module is the name with underscores.
GROUPS = {
    "For users: models, and what is known of them": {
        "transcribe": "text of audio files, with a published model or one of your own",
        "convert": "a stock model made recursive, a recursive one unrolled, or given a frontend",
        "export": "a recogniser as ONNX files, for onnxruntime on a device",
        "onnx-transcribe": "text of audio files with an exported recogniser, without torch",
        "conf": "the encoder files that come with the package: list, show, copy",
        "recipe": "a recipe's folder of your own: recipe new my_corpus --from librispeech",
        "batch-plan": "batches that keep a training's optimiser step on other GPUs",
        "parameter-table": "sizes of encoders beside those in the paper",
        "compare": "models side by side: sizes, losses, error rates, transcripts, learning curves",
        "sweep-loops": "one model at several depths: error rates, loops, times, and a picture",
        "layer-similarity": "how alike an encoder's layers are, and which could be one block",
        "loop-trajectories": "how the latent state moves over the loops",
        "depth-gain": "which utterances gain from depth, by difficulty and by length (Figure 3)",
        "plot-results": "error rates of a table's rows over loops, parameters or layers",
        "completion": "what a shell needs to complete commands and options with the tab key",
    },
    "For recipes: the steps of their stages": {
        "prepare-data": "data directories of a corpus (stage 1)",
        "import-data": "data directories of any data set of lhotse or Hugging Face's datasets",
        "perturb-speed": "copies of utterances at other speeds (stage 2)",
        "format-audio": "audio in one format and sampling rate (stage 3)",
        "format-feats": "features that were computed before, with their sizes (stage 3)",
        "filter-utterances": "drop utterances that training cannot use (stage 4)",
        "token-list": "sentencepiece model and token list (stage 5)",
        "asr-options": "check options of asr.sh and print its variables",
        "lm-text": "texts for a language model in one, without empty sentences (stages 5 to 8)",
        "train-config": "lay an encoder over a training YAML",
        "check-config": "have ESPnet check training YAMLs before anything runs",
        "check-tokens": "refuse other tokens for a training that is there (stages 7 and 11)",
        "settings-of": "settings of a training on which its statistics or its model depend",
        "launch": "start a training on several nodes of a Slurm allocation (stages 7 and 11)",
        "run-jobs": "run commands with logs and progress, restartable",
        "split-scp": "split a list of utterances for jobs (stages 10 and 12)",
        "join-decoding": "join what decoding jobs wrote, with the real time factor (stage 12)",
        "score": "error rates with their counts, and trn files (stage 13)",
        "results": "RESULTS.md of an experiment (stage 13)",
        "paper-results": "our error rates beside the paper's, row for row (run_paper.sh)",
        "pack": "a trained model in one file, with a model card (stage 14)",
        "upload": "publish a packed model on the Hugging Face hub (stage 15)",
        "download-model": "lay a published model out for decoding (stages 12-13)",
    },
}
COMMANDS = {name: does for commands in GROUPS.values() for name, does in commands.items()}


#: Further words in the place of a command.
WORDS = {
    "help": "this list; help COMMAND: the options of one",
    "version": "versions of this package, ESPnet, torch and Python (also --version)",
}


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run one command, or list them."""
    if _COMPLETING in os.environ:
        _complete()
    cmd = sys.argv[1:] if cmd is None else list(cmd)
    if not cmd or cmd in (["-h"], ["--help"], ["help"]):
        print(_overview())
        raise SystemExit(0 if cmd else 2)
    if cmd[0] in ("--version", "-V", "version"):
        print(_versions())
        return
    if cmd[0] in ("help", "-h", "--help"):
        cmd = [cmd[1], "--help"]
    name = cmd[0].replace("_", "-")
    if name not in COMMANDS:
        near = did_you_mean(name, [*COMMANDS, *WORDS])
        raise SystemExit(
            f"espnet-recursive: no command {cmd[0]!r}.{near} See espnet-recursive --help"
        )
    sys.argv[0] = f"espnet-recursive {name}"
    _module(name).main(cmd[1:])


def _module(name: str) -> Any:
    return import_module(f"espnet_recursive.bin.{name.replace('-', '_')}")


def _overview() -> str:
    lines = ["usage: espnet-recursive COMMAND [OPTION ...]", "", "Each command has --help."]
    for title, commands in {**GROUPS, "Beside the commands": WORDS}.items():
        lines += ["", title, *(f"  {name:<18} {does}" for name, does in commands.items())]
    return "\n".join(lines)


def _versions() -> str:
    found = [f"espnet_recursive {__version__}"]
    for package in ("espnet", "torch"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} (not installed)")
    return ", ".join([*found, f"Python {platform.python_version()}"])


#: Set by the shell function of argcomplete, which calls the script to know what may follow.
_COMPLETING = "_ARGCOMPLETE"


def _complete() -> NoReturn:
    """Tell the shell what may follow, and end."""
    import argcomplete

    # The parsers of all commands need not be made, which takes time at every press of the key.
    words = os.environ.get("COMP_LINE", "").split()
    completed = argparse.ArgumentParser("espnet-recursive")
    completed.add_argument("--version", action="store_true", help=WORDS["version"])
    commands = completed.add_subparsers(dest="command")
    for name, does in (COMMANDS | WORDS).items():
        chosen = name in COMMANDS and name in (word.replace("_", "-") for word in words[1:2])
        inner = [_module(name).get_parser()] if chosen else []
        commands.add_parser(words[1] if chosen else name, help=does, parents=inner, add_help=False)
    argcomplete.autocomplete(completed)
    raise SystemExit(0)


if __name__ == "__main__":
    main()
