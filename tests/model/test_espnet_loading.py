"""What ESPnet's own commands refuse to load when they are run by espnet_recursive.run."""

import pytest
import torch
import yaml
from espnet2.asr.decoder.transducer_decoder import TransducerDecoder
from espnet2.asr.transducer.beam_search_transducer import BeamSearchTransducer
from espnet2.asr_transducer.joint_network import JointNetwork
from espnet2.bin import asr_inference
from espnet2.tasks.lm import LMTask
from espnet2.torch_utils.load_pretrained_model import load_pretrained_model
from espnet2.train import trainer

from espnet_recursive.errors import UserError
from espnet_recursive.files.read_yaml import read_yaml
from tests.recipe.trainings import LM


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


@pytest.fixture
def other_lm(trainings, tmp_path):
    """A language model of as many tokens, of which two changed their places."""
    tokens = (trainings.bpe / "tokens.txt").read_text().splitlines()
    tokens[4:6] = reversed(tokens[4:6])
    (tmp_path / "tokens.txt").write_text("\n".join(tokens) + "\n")
    config = {**LM, "max_epoch": 1}
    trainings.train_lm(tmp_path / "lm", config, f"--token_list={tmp_path}/tokens.txt")
    return tmp_path / "lm"


@pytest.mark.parametrize(
    "search",
    [{}, {"time_sync": True, "ctc_weight": 1.0}, {"quantize_lm": True}],
    ids=["label-synchronous", "time-synchronous", "quantized"],
)
def test_a_language_model_of_other_tokens(trainings, other_lm, search):
    """By ESPnet's own recogniser, which would take its scores for those of the tokens here."""

    def load(lm):
        return asr_inference.Speech2Text(
            trainings.asr / "config.yaml",
            trainings.asr / "2epoch.pth",
            lm_train_config=lm / "config.yaml",
            lm_file=lm / "1epoch.pth",
            **search,
        )

    assert load(trainings.lm).beam_search
    with pytest.raises(UserError, match=f"{other_lm}/config.yaml has another token_list .* 2 of"):
        load(other_lm)


@pytest.mark.parametrize("big_blanks", [[], [4, 2]])
def test_a_language_model_of_other_tokens_in_the_search_of_a_transducer(
    trainings, other_lm, big_blanks
):
    """Its big blanks, of several frames each, are in the recogniser's list alone."""
    tokens = (trainings.bpe / "tokens.txt").read_text().splitlines()
    tokens[:0] = [f"<blank{number}>" for number in big_blanks]

    def search(exp):
        lm, _ = LMTask.build_model_from_file(exp / "config.yaml", exp / "1epoch.pth")
        return BeamSearchTransducer(
            decoder=TransducerDecoder(len(tokens), hidden_size=8),
            joint_network=JointNetwork(len(tokens), 16, 8, 8),
            beam_size=2,
            lm=lm.lm,
            multi_blank_durations=[*big_blanks, 1],
            multi_blank_indices=list(range(len(big_blanks) + 1)),
            token_list=tokens,
        )

    assert search(trainings.lm).use_lm
    with pytest.raises(UserError, match=f"{other_lm}/config.yaml has another token_list .* 2 of"):
        search(other_lm)
