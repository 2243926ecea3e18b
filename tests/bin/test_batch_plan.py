"""The command that keeps an optimiser step on other GPUs, on the real configurations."""

import shlex
from pathlib import Path

import pytest

from espnet_recursive.bin.batch_plan import main
from espnet_recursive.recipe.train_config import check_asr_config

EGS = Path(__file__).resolve().parents[2] / "egs2"
LIBRISPEECH, AISHELL = (EGS / name / "asr1" / "conf" for name in ("librispeech", "aishell"))


@pytest.mark.parametrize(
    ("config", "options", "arguments"),
    [
        (
            LIBRISPEECH / "train_asr_transformer.yaml",
            "--ngpu 4",
            "--batch_bins 38400000 --accum_grad 1",
        ),
        (
            LIBRISPEECH / "train_asr_transformer.yaml",
            "--ngpu 2 --num_nodes 2 --gpu_memory 24",
            "--batch_bins 9600000 --accum_grad 4",
        ),
        (
            LIBRISPEECH / "train_asr_transformer.yaml",
            "--ngpu 4 --per_gpu 300",
            "--batch_bins 19200000 --accum_grad 2",
        ),
        (
            LIBRISPEECH / "train_asr_branchformer.yaml",
            "--ngpu 4 --gpu_memory 24 --per_gpu 125",
            "--batch_bins 8000000 --accum_grad 4",
        ),
        (AISHELL / "train_asr_transformer.yaml", "--ngpu 4", "--batch_size 32 --accum_grad 1"),
    ],
)
def test_arguments_of_asr_train(config, options, arguments, capsys):
    """Those that the comments of the configurations name; ESPnet takes them."""
    main([str(config), *options.split()])
    assert capsys.readouterr().out == f"{arguments}\n"
    check_asr_config(config, shlex.split(arguments))


def test_error(tmp_path):
    with pytest.raises(SystemExit, match=r"Error: .*none\.yaml cannot be read"):
        main([str(tmp_path / "none.yaml")])
