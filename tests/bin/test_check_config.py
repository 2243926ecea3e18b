"""The command that asks ESPnet before anything runs."""

from pathlib import Path

import pytest

from espnet_recursive.bin.check_config import main

CONF = Path(__file__).resolve().parents[2] / "egs2" / "mini_an4" / "asr1" / "conf"
ASR, LM, DECODING = (
    ["--asr_config", str(CONF / "train_asr.yaml")],
    ["--lm_config", str(CONF / "train_lm.yaml")],
    ["--inference_config", str(CONF / "decode_asr.yaml")],
)


def test_good_configurations_say_nothing(capfd):
    arguments = ["--asr_args", "--max_epoch 3 --seed 1", "--lm_args", "--max_epoch 2"]
    main([*ASR, *LM, *DECODING, *arguments, "--inference_args", "--num_loops 2 --beam_size 3"])
    assert capfd.readouterr() == ("", "")


def test_nothing_to_check():
    main([])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([*ASR, "--asr_args", "--max_epochs 3"], "max_epochs"),
        ([*ASR, "--asr_args", "--encoder_conf num_loops=0"], "num_loops must be 1 or more"),
        ([*LM, "--lm_args", "--lm_confs a=1"], "lm_confs"),
        (["--lm_config", "no/such.yaml"], "no/such.yaml cannot be read"),
        ([*ASR, "--ngpu", "1000000"], "1000000"),
        ([*DECODING, "--inference_args", "--bem_size 3"], "bem_size"),
        (["--inference_args", "--num_loops 0"], "num_loops must be an integer of 1 or more"),
    ],
)
def test_mistakes(arguments, reason):
    with pytest.raises(SystemExit, match=f"^Error: .*{reason}"):
        main(arguments)
