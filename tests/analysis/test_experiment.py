"""What a directory that ESPnet wrote says about the model."""

import re

import pytest
import yaml

from espnet_recursive.analysis.experiment import read_experiment
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.progress import parse_results
from espnet_recursive.recipe.scoring import score

NAMES = ("asr_recursive", "asr_stock")


@pytest.mark.parametrize("name", NAMES)
def test_size(trained, name):
    experiment = read_experiment(trained.exp / name)
    assert experiment.name == experiment.size.name == name
    assert experiment.size.layers == trained.layer_parameters[name]
    assert experiment.size.encoder == trained.encoder_parameters[name]


def test_shape(trained):
    recursive, stock = (read_experiment(trained.exp / name).size for name in NAMES)
    assert (str(recursive.shape), recursive.unique_blocks, recursive.executed_blocks) == (
        "{2, 3, 1, 1}",
        4,
        8,
    )
    assert (str(stock.shape), stock.unique_blocks, stock.executed_blocks) == ("{3, 1, 0, 0}", 3, 3)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_of_the_whole_model(trained, name):
    assert read_experiment(trained.exp / name).parameters == trained.all_parameters[name]


def logged(exp):
    """The results of each epoch, from the figures that ESPnet printed into its own log."""
    import torch
    from espnet2.train.reporter import Reporter

    reporter = Reporter()
    states = torch.load(exp / "checkpoint.pth", map_location="cpu", weights_only=True)
    reporter.load_state_dict(states["reporter"])
    return {epoch: parse_results(reporter.log_message(epoch)) for epoch in (1, 2)}


@pytest.mark.parametrize("name", NAMES)
def test_curves_are_what_espnet_prints(trained, name):
    curves = read_experiment(trained.exp / name).curves
    results = logged(trained.exp / name)
    assert set(curves) == {"train", "valid"}
    for phase, values in curves.items():
        for key in ("loss", "loss_ctc", "loss_att", "acc"):
            assert list(values[key]) == [1, 2]
            for epoch, value in values[key].items():
                printed = float(re.sub(r"[^-+.e\d].*", "", results[epoch][phase][key]))
                assert value == pytest.approx(printed, abs=5e-4, rel=1e-3)


def test_scores(trained, tmp_path):
    exp = tmp_path / "asr_copy"
    exp.mkdir()
    for name in ("config.yaml", "checkpoint.pth"):
        (exp / name).symlink_to(trained.exp / "asr_stock" / name)
    assert read_experiment(exp).scores == {"wer": {}, "cer": {}, "ter": {}}
    data = trained.data / "test"
    total = score(data / "text", data / "text", data / "utt2spk", exp / "d/test/score_cer", "cer")
    assert read_experiment(exp).scores == {"wer": {}, "cer": {"d/test": total}, "ter": {}}


@pytest.mark.parametrize("missing", ["config.yaml", "checkpoint.pth"])
def test_no_trained_model(trained, tmp_path, missing):
    for name in {"config.yaml", "checkpoint.pth"} - {missing}:
        (tmp_path / name).symlink_to(trained.exp / "asr_stock" / name)
    with pytest.raises(UserError, match=rf"{tmp_path} has no {missing}"):
        read_experiment(tmp_path)


def test_espnet_configuration_holds_the_recursion(trained):
    """What is read is ESPnet's own file, in which defaults stand beside what was given."""
    config = yaml.safe_load((trained.exp / "asr_recursive" / "config.yaml").read_text())
    assert config["encoder"] == "latent_recursive_transformer"
    assert config["encoder_conf"]["num_loops"] == 3
