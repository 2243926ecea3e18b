"""On which settings statistics, and the use of a model, depend."""

import pytest
import yaml
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.lm import LMTask

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.settings_of import (
    _COURSE,
    _MODEL,
    settings_of_model,
    settings_of_statistics,
)

CONFIG = {
    "encoder": "transformer",
    "encoder_conf": {"num_blocks": 2},
    "frontend_conf": {"n_fft": 512},
    "model_conf": {"ctc_weight": 0.3},
    "max_epoch": 10,
    "optim_conf": {"lr": 0.1},
}


@pytest.fixture
def config(tmp_path):
    """Return a function that writes CONFIG with changes."""

    def write(**changes):
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG | changes))
        return tmp_path / "config.yaml"

    return write


def options(task):
    return {a.dest for a in task.get_parser()._actions}


@pytest.mark.parametrize(
    "changes",
    [
        {"max_epoch": 20},
        {"seed": 3},
        {"batch_bins": 10, "batch_type": "length"},
        {"optim": "sgd", "optim_conf": {}, "scheduler": "warmuplr"},
        {"encoder": "conformer", "encoder_conf": {}},
        {"model_conf": {"ctc_weight": 0.5}},
        {"normalize": "utterance_mvn", "specaug": "specaug"},
        {"init_param": ["x.pth"], "freeze_param": ["encoder"]},
    ],
)
def test_statistics_do_not_depend_on_the_course_of_a_training_and_the_model(config, changes):
    before = settings_of_statistics(config())
    assert settings_of_statistics(config(**changes)) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"frontend_conf": {"n_fft": 400}},
        {"frontend": "s3prl"},
        {"frontend": "kaldi_fbank", "frontend_conf": {}},
        {"preprocessor_conf": {"data_aug_prob": 0.5}},
        {"token_type": "char"},
        {"model_conf": {"ctc_weight": 0.3, "extract_feats_in_collect_stats": False}},
        {"input_size": 13},
        {"an_option_of_later_versions": 1},
    ],
)
def test_statistics_depend_on_features_and_on_what_is_not_known(config, changes):
    before = settings_of_statistics(config())
    assert settings_of_statistics(config(**changes)) != before


@pytest.mark.parametrize(
    ("arguments", "counted"),
    [
        ("--max_epoch 3 --encoder_conf num_blocks=3 num_loops=2 --grad_clip=1", False),
        ("--model_conf ctc_weight=0.5", False),
        ("--frontend_conf n_fft=400", True),
        ("--frontend_conf=n_fft=400", True),
        ("--model_conf extract_feats_in_collect_stats=false", True),
        ("--max_epoch 3 --cleaner tacotron", True),
        ("unknown", True),
    ],
)
def test_arguments(arguments, counted):
    found = settings_of_statistics(None, arguments.split())
    assert (found != settings_of_statistics(None)) == counted


def test_values_of_arguments_count():
    assert settings_of_statistics(None, ["--a", "1"]) != settings_of_statistics(None, ["--a", "2"])
    assert settings_of_statistics(None, ["--a=1"]) == settings_of_statistics(None, ["--a", "1"])


@pytest.mark.parametrize("task", [ASRTask, LMTask])
def test_names_are_options_of_espnet(task):
    """Those that begin these lists are of every task; a name that is none would be a slip."""
    known = options(ASRTask) | options(LMTask)
    for pattern in (_COURSE, _MODEL):
        for name in ("seed", "optim_conf", "init_param", "model_conf", "encoder_conf", "lm"):
            if pattern.fullmatch(name):
                assert name in known
    assert not any(_COURSE.fullmatch(name) for name in ("preprocessor_conf", "bpemodel", "g2p"))
    left = {o for o in options(task) if _COURSE.fullmatch(o) or _MODEL.fullmatch(o)}
    assert not left & {"frontend", "frontend_conf", "preprocessor", "token_list", "input_size"}


def test_a_model_is_used_as_its_fingerprint_says(config):
    before = settings_of_model(config())
    for same in ({"max_epoch": 20}, {"ngpu": 2}, {"batch_bins": 3}, {"output_dir": "elsewhere"}):
        assert settings_of_model(config(**same)) == before
    for other in ({"encoder_conf": {"num_blocks": 3}}, {"token_list": ["A"]}, {"normalize": "x"}):
        assert settings_of_model(config(**other)) != before


def test_it_is_one_line_that_is_not_long(config):
    tokens = [f"token {number}\n" for number in range(1000)]
    found = settings_of_model(config(token_list=tokens))
    assert len(found) < 100 and "\n" not in found
    assert found != settings_of_model(config(token_list=[*tokens[1:], "x"]))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        settings_of_model(tmp_path / "none.yaml")
