"""Trainings that would go on under other settings, and configurations beside other weights."""

import pytest
import torch
import yaml

from espnet_recursive.errors import UserError
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.recipe.fingerprint import read_fingerprint
from espnet_recursive.recipe.same_training import check_beside, check_trained_with
from espnet_recursive.recipe.token_list import read_sentences, train_bpe
from tests.recipe.trainings import ASR, LM, with_conf, write_statistics


def state(folder):
    """All that is in a folder, with its times."""
    return {
        path.relative_to(folder): (path.lstat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def refused(trainings):
    """Try to train, and return why that is refused; nothing must have changed."""

    def run(config, *more, lm=False):
        exp, train = (
            (trainings.lm, trainings.train_lm) if lm else (trainings.asr, trainings.train_asr)
        )
        before = state(exp)
        with pytest.raises(UserError) as error:
            train(exp, config, *more)
        assert state(exp) == before
        return str(error.value)

    return run


@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        ("encoder_conf", {"num_loops": 2}, "num_loops: trained with 5, now 2 (trained as {2, 5, 1"),
        (
            "encoder_conf",
            {"recurrent_blocks": 1, "prelude_blocks": 2},
            "(trained as {2, 5, 1, 1}, now {1, 5, 2, 1})",
        ),
        ("encoder_conf", {"attention_heads": 2}, "attention_heads: trained with 4, now 2"),
        ("encoder_conf", {"dropout_rate": 0.5}, "dropout_rate: trained with nothing, now 0.5"),
        ("decoder_conf", {"attention_heads": 4}, "decoder_conf.attention_heads: trained with 2"),
        ("frontend_conf", {"hop_length": 128}, "frontend_conf.hop_length: trained with 160"),
        ("frontend_conf", {"fs": "8k"}, 'frontend_conf.fs: trained with "16k", now "8k"'),
        ("model_conf", {"ctc_weight": 0.5}, "model_conf.ctc_weight: trained with 0.3, now 0.5"),
        ("optim_conf", {"lr": 0.1}, "keeps the optimiser that it began with"),
        ("scheduler_conf", {"warmup_steps": 9}, "--init_param"),
    ],
)
def test_other_settings_of_a_recogniser(refused, trainings, key, values, expected):
    message = refused(with_conf(ASR, key, **values))
    assert message.startswith(f"{trainings.asr} holds a training that began with other settings: ")
    assert expected in message
    assert f"Train under another --asr_tag, or remove {trainings.asr} to train" in message


@pytest.mark.parametrize(
    "values",
    [{"optim": "sgd"}, {"scheduler": None, "scheduler_conf": {}}, {"exclude_weight_decay": True}],
    ids=str,
)
def test_another_optimiser(refused, values):
    """ESPnet keeps the old learning rate without a word, or ends with KeyError: 'momentum'."""
    assert "keeps the optimiser that it began with" in refused({**ASR, **values})


def test_another_seed_and_another_normalisation(refused):
    assert "seed: trained with 0, now 1" in refused({**ASR, "seed": 1})
    assert "normalize_conf.norm_vars: trained with nothing, now" in refused(
        ASR, "--normalize_conf=norm_vars=false"
    )


def test_other_settings_of_a_language_model(refused):
    message = refused(with_conf(LM, "lm_conf", head=4), lm=True)
    assert "lm_conf.head: trained with 2, now 4. Train under another --lm_tag" in message


def test_other_tokens_of_the_same_number(refused, tmp_path, trainings):
    tokens = (trainings.bpe / "tokens.txt").read_text().splitlines()
    tokens[4], tokens[5] = tokens[5], tokens[4]
    (tmp_path / "tokens.txt").write_text("\n".join(tokens) + "\n")
    for lm in (False, True):
        message = refused(LM if lm else ASR, f"--token_list={tmp_path}/tokens.txt", lm=lm)
        assert "token_list: 2 of 30 tokens differ, the first is number 4" in message


def test_another_number_of_tokens_is_no_mismatch_of_shapes(refused, tmp_path, trainings):
    train_bpe(read_sentences(trainings.data["train"] / "text"), tmp_path / "bpe", nbpe=25)
    message = refused(
        ASR, f"--token_list={tmp_path}/bpe/tokens.txt", f"--bpemodel={tmp_path}/bpe/bpe.model"
    )
    assert "token_list: 30 tokens there, 25 here" in message
    assert "bpe.model) has another content than in training" in message


def test_files_at_their_places_with_other_content(refused, trainings):
    """Corrected transcripts, statistics of other audio: no path says so."""
    text = trainings.data["train"] / "text"
    before = text.read_text(), trainings.stats.read_bytes()
    try:
        text.write_text(before[0].replace("A", "B", 1))
        message = refused(ASR)
        assert f"the text of the train set ({text}) has another content than in training" in message
        text.write_text(before[0])
        write_statistics(trainings.stats, seed=1)
        assert f"normalize_conf.stats_file ({trainings.stats}) has another content" in refused(ASR)
    finally:
        text.write_text(before[0])
        trainings.stats.write_bytes(before[1])


def test_what_trains_nothing_does_not_replace_the_configuration(refused):
    changed = with_conf({**ASR, "resume": False}, "encoder_conf", num_loops=2)
    for option in ("--dry_run=true", "--collect_stats=true"):
        assert "num_loops: trained with 5, now 2" in refused(changed, option)


def test_what_may_change(trainings, tmp_path):
    """The training goes on, for another epoch, and its weights say what they said."""
    exp = trainings.copy(trainings.asr, tmp_path)
    changed = {
        "max_epoch": 3,
        "patience": 5,
        "batch_size": 5,
        "accum_grad": 2,
        "num_workers": 1,
        "keep_nbest_models": 3,
        "log_interval": 1,
        "use_tensorboard": False,
    }
    trainings.train_asr(exp, {**ASR, **changed})
    assert read_yaml(exp / "config.yaml")["max_epoch"] == 3
    assert (exp / "3epoch.pth").is_file() and (exp / "train.loss.ave_3best.pth").is_file()
    assert read_fingerprint(exp / "3epoch.pth") == read_fingerprint(trainings.asr / "1epoch.pth")


def test_without_resume_a_new_training_takes_its_place(trainings, tmp_path):
    exp = trainings.copy(trainings.asr, tmp_path)
    changed = with_conf({**ASR, "resume": False, "max_epoch": 1}, "encoder_conf", num_loops=2)
    trainings.train_asr(exp, changed)
    config = read_yaml(exp / "config.yaml")
    check_trained_with(config, exp / "config.yaml", exp / "1epoch.pth")
    with pytest.raises(UserError, match="2epoch.pth was not trained with .*with 5, now 2"):
        check_trained_with(config, exp / "config.yaml", exp / "2epoch.pth")


def test_a_training_by_espnet_alone_goes_on_as_before(trainings, tmp_path):
    exp = trainings.copy(trainings.asr, tmp_path)
    states = torch.load(exp / "checkpoint.pth", weights_only=True)
    torch.save(states, exp / "checkpoint.pth")
    trainings.train_asr(exp, with_conf({**ASR, "max_epoch": 3}, "encoder_conf", num_loops=2))
    assert read_fingerprint(exp / "3epoch.pth").settings["encoder_conf"]["num_loops"] == 2


def test_a_damaged_checkpoint_is_not_gone_on_with(trainings, tmp_path):
    exp = trainings.copy(trainings.asr, tmp_path)
    weights = torch.load(exp / "2epoch.pth", weights_only=True)["ctc.ctc_lo.weight"]
    content = bytearray((exp / "checkpoint.pth").read_bytes())
    content[content.index(weights.numpy().tobytes())] ^= 1
    (exp / "checkpoint.pth").write_bytes(content)
    before = state(exp)
    with pytest.raises(UserError, match="checkpoint.pth is damaged: the checksum of its part"):
        trainings.train_asr(exp, {**ASR, "max_epoch": 3})
    assert state(exp) == before


def test_a_damaged_epoch_is_not_averaged(trainings, tmp_path):
    exp = trainings.copy(trainings.asr, tmp_path)
    weights = torch.load(exp / "1epoch.pth", weights_only=True)["ctc.ctc_lo.weight"]
    content = bytearray((exp / "1epoch.pth").read_bytes())
    content[content.index(weights.numpy().tobytes())] ^= 1
    (exp / "1epoch.pth").write_bytes(content)
    with pytest.raises(UserError, match="1epoch.pth is damaged"):
        trainings.train_asr(exp, {**ASR, "max_epoch": 3, "keep_nbest_models": 3})


def test_the_command_says_so_in_one_sentence(trainings, run_python):
    """As a stage sees it; each node of a training on several runs this before all else."""
    source = trainings.root / "changed.yaml"
    source.write_text(yaml.safe_dump(with_conf(ASR, "encoder_conf", num_loops=8)))
    command = ["-m", "espnet_recursive.run", "-m", "espnet2.bin.asr_train", "--config", str(source)]
    command += ["--output_dir", str(trainings.asr), "--token_type", "bpe"]
    command += ["--token_list", str(trainings.bpe / "tokens.txt")]
    command += ["--bpemodel", str(trainings.bpe / "bpe.model")]
    command += ["--normalize_conf", f"stats_file={trainings.stats}"]
    result = run_python(*command)
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith(f"Error: {trainings.asr} holds a training that began with other settin")
    assert "num_loops: trained with 5, now 8" in last and "Traceback" not in result.stderr


def test_a_configuration_that_was_edited(trainings, tmp_path):
    exp = trainings.copy(trainings.asr, tmp_path)
    check_beside(exp / "config.yaml")
    config = read_yaml(exp / "config.yaml")
    config["encoder_conf"]["num_loops"] = 8
    (exp / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(UserError) as error:
        check_beside(exp / "config.yaml")
    assert str(error.value) == (
        f"{exp}/checkpoint.pth was not trained with {exp}/config.yaml: encoder_conf.num_loops: "
        "trained with 5, now 8 (trained as {2, 5, 1, 1}, now {2, 8, 1, 1}). Put the trained values "
        "back there, name the configuration of these weights, or train under another --asr_tag."
    )
    for path in exp.glob("*.pth"):
        path.unlink()
    check_beside(exp / "config.yaml")
