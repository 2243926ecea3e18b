"""Numbers that no model has had, and those of the paper."""

from pathlib import Path

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.model.size_limits import check_size

CONFS = sorted((Path(__file__).parents[2] / "conf").rglob("*.yaml"))
TRAININGS = sorted((Path(__file__).parents[2] / "egs2").glob("*/asr1/conf/train*.yaml"))


@pytest.mark.parametrize("path", [*CONFS, *TRAININGS], ids=lambda path: path.stem)
def test_every_configuration_here_passes(path):
    check_size(read_yaml(path), path)


@pytest.mark.parametrize(
    "config",
    [
        {"encoder_conf": {"num_blocks": 1001}},
        {"decoder_conf": {"num_layers": 2000}},
        {"lm_conf": {"layer": -5000}},
        {"encoder_conf": {"output_size": 10**7}},
        {"frontend_conf": {"n_fft": 10**6}},
        {"frontend_conf": {"frontends": [{"n_mels": 10**5}]}},
        {"decoder_conf": {"num_blocks": float("inf")}},
        {"input_size": 10**9},
    ],
)
def test_too_large(config):
    with pytest.raises(UserError, match="c.yaml: .* is .*--any_size, in Python any_size=True"):
        check_size(config, "c.yaml")


def test_layers_that_are_executed():
    conf = {"recurrent_blocks": 40, "num_loops": 24, "prelude_blocks": 20, "coda_blocks": 20}
    config = {"encoder": "latent_recursive_conformer", "encoder_conf": conf}
    check_size(config, "c.yaml")
    conf["num_loops"] = 25
    with pytest.raises(UserError, match="would execute 1,040 layers, and more than 1,000"):
        check_size(config, "c.yaml")


def test_loops_of_a_policy():
    conf = {"recurrent_blocks": 1, "prelude_blocks": 0, "coda_blocks": 0, "num_loops": 5}
    conf["loop_policy"] = "length"
    conf["loop_policy_conf"] = {"min_loops": 2, "max_loops": 1000, "min_length": 1}
    conf["loop_policy_conf"]["max_length"] = 100
    config = {"encoder": "latent_recursive_conformer", "encoder_conf": conf}
    check_size(config, "c.yaml")
    conf.update(recurrent_blocks=2)
    with pytest.raises(UserError, match="would execute 2,000 layers, and more than 1,000"):
        check_size(config, "c.yaml")
    conf["loop_policy_conf"]["max_loops"] = "many"
    with pytest.raises(UserError, match="c.yaml: .*max_loops.* 'many'"):
        check_size(config, "c.yaml")


def test_what_is_not_built_may_be_large():
    check_size({"optim_conf": {"t": 10**9}, "scheduler_conf": {"warmup_steps": 10**8}}, "c")
    check_size({"frontend_conf": {"fs": 192_000_000}, "max_epoch": 10**9}, "c")
