"""Weights to start from: what is copied, and whether it means the same here."""

import pytest
import torch

from espnet_recursive.errors import UserError
from espnet_recursive.files.checkpoint_file import read_note
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.model.init_param import InitParam, check_init_param
from espnet_recursive.recipe.token_list import read_sentences, train_bpe
from tests.recipe.trainings import ASR, LM, with_conf, write_statistics


@pytest.fixture
def swapped(trainings, tmp_path):
    """The option of a token list of the same size, in which two tokens changed places."""
    tokens = (trainings.bpe / "tokens.txt").read_text().splitlines()
    tokens[4], tokens[5] = tokens[5], tokens[4]
    (tmp_path / "tokens.txt").write_text("\n".join(tokens) + "\n")
    return f"--token_list={tmp_path}/tokens.txt"


def test_names_are_read_as_espnet_reads_them():
    assert InitParam.parse("a.pth") == InitParam.parse("a.pth:::")
    init = InitParam.parse("a.pth:decoder:decoder:decoder.embed,decoder.out")
    assert (str(init.path), init.source, init.target) == ("a.pth", "decoder", "decoder")
    names = dict.fromkeys(("decoder.embed.0", "decoder.norm", "decoder.output", "encoder.norm"))
    assert list(init.copied(names)) == ["decoder.norm"]
    assert init.excluding(["x"]) == "a.pth:decoder:decoder:decoder.embed,decoder.out,x"


@pytest.mark.parametrize("lm", [False, True])
def test_other_tokens_of_the_same_number(trainings, tmp_path, swapped, lm):
    exp, config, train = (
        (trainings.lm, LM, trainings.train_lm) if lm else (trainings.asr, ASR, trainings.train_asr)
    )
    start = f"--init_param={exp}/2epoch.pth"
    with pytest.raises(UserError, match="2 of 30 tokens differ, the first is number 4") as error:
        train(tmp_path / "exp", config, start, swapped)
    assert not (tmp_path / "exp").exists()
    layers = "lm.decoder,lm.embed" if lm else "ctc.ctc_lo,decoder.embed.0,decoder.output_layer"
    remedy = f"--init_param {exp}/2epoch.pth:::{layers}"
    assert remedy in str(error.value)
    train(tmp_path / "exp", {**config, "max_epoch": 1}, remedy.replace(" ", "="), swapped)
    assert (tmp_path / "exp/1epoch.pth").is_file()


def test_another_number_of_tokens(trainings, tmp_path):
    train_bpe(read_sentences(trainings.data["train"] / "text"), tmp_path / "bpe", nbpe=25)
    more = [f"--token_list={tmp_path}/bpe/tokens.txt", f"--bpemodel={tmp_path}/bpe/bpe.model"]
    more.append(f"--init_param={trainings.asr}/2epoch.pth")
    with pytest.raises(UserError, match="another token_list: 30 tokens there, 25 here"):
        trainings.train_asr(tmp_path / "exp", ASR, *more)
    config = {**ASR, "max_epoch": 1}
    trainings.train_asr(tmp_path / "exp", config, *more, "--ignore_init_mismatch=true")
    assert (tmp_path / "exp/1epoch.pth").is_file()


def test_the_encoder_alone_knows_no_tokens(trainings, tmp_path, swapped):
    start = f"--init_param={trainings.asr}/2epoch.pth:encoder:encoder"
    trainings.train_asr(tmp_path / "exp", {**ASR, "max_epoch": 1}, start, swapped)
    assert (tmp_path / "exp/1epoch.pth").is_file()


def test_what_cannot_be_copied(trainings, tmp_path):
    options = read_yaml(trainings.asr / "config.yaml")
    weights = torch.load(trainings.asr / "2epoch.pth", weights_only=True)
    weights["encoder.after_norm.weight"][0] = float("nan")
    torch.save(weights, tmp_path / "nan.pth")
    for start, expected in (
        (f"{tmp_path}/gone.pth", "there is no such file"),
        (f"{trainings.asr}/2epoch.pth:no_such", "none of its .* begins with 'no_such'"),
        (f"{tmp_path}/nan.pth", r"NaN or infinite.*\(encoder.after_norm.weight\)"),
    ):
        with pytest.raises(UserError, match=expected):
            check_init_param({**options, "init_param": [start]})
    check_init_param({**options, "init_param": [f"{tmp_path}/nan.pth:decoder:decoder"]})
    assert read_note(tmp_path / "nan.pth") is None, "without a fingerprint, as ESPnet writes it"


def test_other_features_are_told(trainings, tmp_path, caplog):
    """They are no mistake: statistics of the weights are copied, and kept."""
    options = read_yaml(trainings.asr / "config.yaml")
    options["init_param"] = [f"{trainings.asr}/2epoch.pth"]
    check_init_param(options)
    assert not caplog.text
    check_init_param(with_conf(options, "frontend_conf", hop_length=128))
    assert "other features: ['frontend_conf.hop_length: trained with 160, now 128']" in caplog.text
    caplog.clear()
    stats = write_statistics(tmp_path / "stats.npz", seed=3)
    other = with_conf(options, "normalize_conf", stats_file=str(stats))
    check_init_param(other)
    start = f"{trainings.asr}/2epoch.pth:::normalize."
    assert f"{stats} is not used. To use that: --init_param {start}" in caplog.text
    caplog.clear()
    check_init_param({**other, "init_param": [start]})
    assert not caplog.text
