"""The console script ``espnet-recursive``: every command of this package under one name."""

import sys
from collections.abc import Sequence
from importlib import import_module

from espnet_recursive.bin.command import command

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


@command
def main(cmd: Sequence[str] | None = None) -> None:
    """Run one command, or list them."""
    cmd = sys.argv[1:] if cmd is None else list(cmd)
    if not cmd or cmd[0] in ("-h", "--help"):
        print("usage: espnet-recursive COMMAND [OPTION ...]\n\nEach command has --help.")
        for title, commands in GROUPS.items():
            print(f"\n{title}")
            for name, does in commands.items():
                print(f"  {name:<18} {does}")
        raise SystemExit(0 if cmd else 2)
    name = cmd[0].replace("_", "-")
    if name not in COMMANDS:
        raise SystemExit(f"espnet-recursive: no command {cmd[0]!r}; see espnet-recursive --help")
    module = import_module(f"espnet_recursive.bin.{name.replace('-', '_')}")
    sys.argv[0] = f"espnet-recursive {name}"
    module.main(cmd[1:])


if __name__ == "__main__":
    main()
