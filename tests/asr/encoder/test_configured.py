"""Options of the recursion are read from an encoder, and setting them is refused, not ignored."""

import inspect
import re

import pytest
import torch

from espnet_recursive.asr.encoder.configured import Configured, ConfiguredOptions

GIVEN = {
    "num_loops": 3,
    "prelude_blocks": 1,
    "recurrent_blocks": 2,
    "coda_blocks": 0,
    "loop_policy": "schedule",
    "loop_policy_conf": {"start": 1, "end": 3},
    "interctc_loops": [1],
    "loop_strides": [4, 2, 1],
    "loop_scale": "inverse",
    "input_injection": "add",
    "loop_embedding": "learned",
    "loop_film": True,
    "loop_norms": True,
    "loop_adapter_conf": {"target_modules": ["linear_q"], "rank": 2},
    "checkpoint_loops": True,
    "chunk_size": [8, 0],
    "num_left_chunks": [2, -1],
}


def test_every_option_is_read(arch):
    options = dict(GIVEN)
    if arch.name == "branchformer":
        del options["interctc_loops"]
    encoder = arch.build(**options)
    assert {key: getattr(encoder, key) for key in options} == options
    # Those without an attribute: see the class.
    ours = set(inspect.signature(arch.cls).parameters)
    ours -= set(inspect.signature(arch.stock_cls).parameters)
    assert ours - {"compile", "input_channels"} == set(GIVEN)
    assert {key for key, value in vars(ConfiguredOptions).items() if _is_option(value)} == ours - {
        "compile",
        "input_channels",
    }


def _is_option(value):
    return isinstance(value, Configured)


@pytest.mark.parametrize("key", GIVEN)
def test_setting_one_is_refused(architectures, key):
    encoder = architectures["transformer"].build((2, 3, 1, 0))
    before, attributes = getattr(encoder, key), set(vars(encoder))
    said = f"{key} is {before!r} by the configuration of this LatentRecursiveTransformerEncoder"
    with pytest.raises(AttributeError, match=re.escape(said)):
        setattr(encoder, key, 7)
    assert getattr(encoder, key) == before
    assert set(vars(encoder)) == attributes


def test_the_message_names_the_way_to_another_depth(architectures):
    encoder = architectures["transformer"].build((2, 3, 1, 0)).eval()
    with pytest.raises(AttributeError, match=r"encoder\.set_depth\(num_loops=\.\.\.\)"):
        encoder.num_loops = 7
    encoder.set_depth(num_loops=7)
    encoder(torch.randn(1, 48, 20), torch.tensor([48]))
    assert (encoder.num_loops, encoder.loops_run.tolist()) == (3, [7])


def test_a_class_shows_the_attribute_and_no_value(architectures):
    assert isinstance(architectures["transformer"].cls.num_loops, Configured)


def test_a_class_derived_from_an_encoder_has_the_same_stock_encoder(architectures):
    arch = architectures["transformer"]

    class Derived(arch.cls):
        pass

    options = {**arch.small, "num_loops": 2, "prelude_blocks": 1, "recurrent_blocks": 1}
    encoder = Derived(20, **options, coda_blocks=0).eval()
    twin = arch.cls(20, **options, coda_blocks=0).eval()
    twin.load_state_dict(encoder.state_dict())
    x = torch.randn(1, 48, 20), torch.tensor([48])
    assert torch.equal(encoder(*x)[0], twin(*x)[0])
