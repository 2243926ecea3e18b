"""What ESPnet's own commands refuse to load when they are run by espnet_recursive.run."""

import pytest
import torch
import yaml
from espnet2.tasks.lm import LMTask
from espnet2.torch_utils.load_pretrained_model import load_pretrained_model
from espnet2.train import trainer

from espnet_recursive.errors import UserError
from espnet_recursive.files.read_yaml import read_yaml


@pytest.fixture
def exp(trainings, tmp_path):
    """A copy of the language model's experiment; trainings have switched the checks on."""
    return trainings.copy(trainings.lm, tmp_path)


def damage(path):
    weights = torch.load(path, weights_only=True)["lm.decoder.weight"]
    content = bytearray(path.read_bytes())
    content[content.index(weights.numpy().tobytes())] ^= 1
    path.write_bytes(content)


def test_the_trained_model(exp):
    for file in (exp / "2epoch.pth", str(exp / "valid.loss.ave.pth")):
        model, args = LMTask.build_model_from_file(exp / "config.yaml", file)
        assert args.lm_conf["unit"] == 32
        assert LMTask.build_model_from_file(model_file=file)[1] == args


def test_a_configuration_alone(exp):
    """Its model has random values, and ESPnet is asked for no others."""
    assert LMTask.build_model_from_file(exp / "config.yaml")


def test_another_configuration(exp):
    config = read_yaml(exp / "config.yaml")
    config["token_list"][4:6] = reversed(config["token_list"][4:6])
    (exp / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(UserError, match="2epoch.pth was not trained with .*2 of 30 tokens differ"):
        LMTask.build_model_from_file(exp / "config.yaml", exp / "2epoch.pth")


def test_values_that_are_no_numbers(exp):
    weights = torch.load(exp / "2epoch.pth", weights_only=True)
    weights["lm.decoder.weight"][0, 0] = float("nan")
    torch.save(weights, exp / "2epoch.pth")
    with pytest.raises(UserError, match="NaN or infinite.*lm.decoder.weight"):
        LMTask.build_model_from_file(exp / "config.yaml", exp / "2epoch.pth")


def test_damaged_files(exp):
    """Also those to start from (--init_param), to average and to go on with."""
    model, _ = LMTask.build_model_from_file(exp / "config.yaml", exp / "2epoch.pth")
    damage(exp / "2epoch.pth")
    for load in (
        lambda path: LMTask.build_model_from_file(exp / "config.yaml", path),
        lambda path: load_pretrained_model(str(path), model, False),
        trainer.safe_torch_load,
        lambda path: trainer.safe_torch_load(path=path),
    ):
        with pytest.raises(UserError, match="2epoch.pth is damaged"):
            load(exp / "2epoch.pth")
