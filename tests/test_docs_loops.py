"""docs/loops.md and docs/encoders.md: their YAML is tried, and no key is missing."""

import inspect
import re
from dataclasses import fields
from pathlib import Path

import pytest
import torch
import yaml
from espnet2.asr.espnet_model import ESPnetASRModel

from espnet_recursive.asr.depth import DEPTH_OPTIONS, Depth
from espnet_recursive.asr.streaming.chunks import ChunkConf
from espnet_recursive.recursion.conf import RecursionConf
from espnet_recursive.recursion.loop_policy import LOOP_POLICIES
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.registry import ENCODERS, encoder_class

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = (DOCS / "loops.md").read_text()
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S)]
CONFS = [block for block in BLOCKS if "encoder_conf" in block]
DECODING = [block for block in BLOCKS if "encoder_conf" not in block]


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("number", range(len(CONFS)))
def test_an_encoder_is_built_and_runs(name, number):
    """Small, for all architectures that have the layers that it names."""
    config = CONFS[number]
    conf = {"output_size": 16, "attention_heads": 2, **config["encoder_conf"]}
    if "branchformer" in name and conf.get("loop_adapter_conf"):
        conf["loop_adapter_conf"] |= {"target_modules": ["linear_q", "linear_k"]}
    encoder = encoder_class(name)(20, **conf)
    x, lengths = torch.randn(2, 60, 20), torch.tensor([60, 41])
    for training in (True, False):
        out, olens, _ = encoder.train(training)(x, lengths)
        out, states = out if isinstance(out, tuple) else (out, [])
        assert out.shape == (2, int(olens.max()), 16)
        assert len(states) == len(conf.get("interctc_loops", []))
        out.sum().backward()
    model_conf = config.get("model_conf", {})
    assert model_conf.keys() <= inspect.signature(ESPnetASRModel).parameters.keys()


def test_a_decoding_yaml_is_a_depth():
    (block,) = DECODING
    assert block.keys() == set(DEPTH_OPTIONS) - {"chunk_size", "num_left_chunks"}
    Depth(**block)


def test_every_option_of_a_depth_is_in_the_table_of_decoding():
    assert set(DEPTH_OPTIONS) <= keys_of((DOCS / "decoding.md").read_text())


def keys_of(page):
    """What stands in the first column of the page's tables."""
    rows = re.findall(r"^\| (.*?) \|", page, re.M)
    return {key.split(":")[0] for row in rows for key in re.findall(r"`([^`]+)`", row)}


def test_every_key_of_a_recursion_is_in_the_table_of_encoders():
    keys = {
        field.name for cls in (RecursionShape, RecursionConf, ChunkConf) for field in fields(cls)
    }
    assert keys <= keys_of((DOCS / "encoders.md").read_text())


def test_every_policy_has_its_keys():
    for name, policy in LOOP_POLICIES.items():
        (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
        if name != "fixed":
            assert all(f"`{field.name}`" in row for field in fields(policy))
