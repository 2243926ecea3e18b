"""Loading what is to be converted."""

import pytest
import torch
import yaml

from espnet_recursive.errors import UserError
from espnet_recursive.model.loaded_model import (
    RECURSIVE_NAMES,
    STOCK_NAMES,
    copy_all_but_layers,
    load_asr_model,
)
from espnet_recursive.registry import ENCODERS
from tests.asr.encoder.conftest import ARCHITECTURES
from tests.convert.models import assert_same_weights, load


def test_names():
    assert list(RECURSIVE_NAMES) == list(ARCHITECTURES)
    assert list(STOCK_NAMES) == list(ENCODERS)


def test_an_experiment(experiments):
    loaded = load_asr_model(experiments / "exp/transformer", "3epoch.pth")
    assert loaded.name == str(experiments / "exp/transformer")
    assert loaded.encoder == "transformer" and loaded.encoder_conf["num_blocks"] == 8
    assert loaded.config["normalize_conf"]["stats_file"] == str(
        experiments / "exp/stats/feats_stats.npz"
    )
    assert not loaded.model.training
    weights = torch.load(experiments / "exp/transformer/3epoch.pth", weights_only=True)
    assert all(torch.equal(weights[n], value) for n, value in loaded.model.state_dict().items())


def test_models_that_are_not_there(experiments):
    with pytest.raises(UserError, match="none.pth. Name one .*: 3epoch.pth, valid.acc"):
        load_asr_model(experiments / "exp/transformer", "none.pth")
    with pytest.raises(UserError, match="./nowhere does not exist"):
        load_asr_model("./nowhere")


def test_models_that_are_not_whole(experiments, tmp_path):
    source = experiments / "exp/transformer"
    config = yaml.safe_load((source / "config.yaml").read_text())
    config["normalize_conf"]["stats_file"] = str(experiments / "exp/stats/feats_stats.npz")
    weights = torch.load(source / "3epoch.pth", weights_only=True)
    weights.pop("ctc.ctc_lo.bias")
    torch.save(weights, tmp_path / "valid.acc.ave.pth")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(UserError, match=r"does not fit .*1 missing \(ctc.ctc_lo.bias\)"):
        load_asr_model(tmp_path)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config | {"use_adapter": True}))
    with pytest.raises(UserError, match="use_adapter.*Merge the adapter"):
        load_asr_model(tmp_path)


def test_all_but_layers_are_copied():
    """Also from a model whose loop policy has counted, to one that has none."""
    policy = {"loop_policy": "uniform", "loop_policy_conf": {"min_loops": 1, "max_loops": 2}}
    source, target = load("latent_recursive_transformer", **policy), load("transformer", seed=1)
    assert "encoder.progress._extra_state" in source.model.state_dict()
    before = {n: v.clone() for n, v in target.model.state_dict().items()}
    copy_all_but_layers(source.model, target.model)
    source.model.encoder.progress = None
    assert_same_weights(source.model, target.model, but="encoder.encoders.")
    after = target.model.state_dict()
    assert all(torch.equal(before[n], after[n]) for n in before if n.startswith("encoder.encoders"))
