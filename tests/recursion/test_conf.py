"""Options of a recursion: what they build, what is refused."""

import pytest
import torch

from espnet_recursive.recursion.conf import RecursionConf
from espnet_recursive.recursion.shape import RecursionShape

SHAPE = RecursionShape(2, 3, 1, 1)


@pytest.mark.parametrize("strides", [(), [], [1], [1, 1, 1]], ids=str)
def test_by_default_there_is_nothing(strides):
    conf = RecursionConf(loop_strides=strides)
    conf.check(SHAPE, 3)
    assert str(conf) == ""
    stack = conf.make_stack([torch.nn.Linear(4, 4) for _ in range(4)], SHAPE, 3, 4)
    assert not stack.has_private_parts
    assert list(stack.state_dict()) == [f"{i}.{n}" for i in range(4) for n in ("weight", "bias")]


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"input_injection": "add"}, {"input_injection.gate"}),
        ({"loop_embedding": "learned"}, {"loop_signals.0.vectors"}),
        ({"loop_embedding": "sinusoid"}, {"loop_signals.0.gain"}),
        ({"loop_strides": [4, 2]}, {"loop_pooling.bias"}),
        ({"loop_scale": "learned"}, {"loop_scale.scale"}),
        ({"loop_scale": "inverse"}, set()),
        (
            {"loop_embedding": "learned", "loop_film": True},
            {"loop_signals.0.vectors", "loop_signals.1.scale", "loop_signals.1.shift"},
        ),
        (
            {"loop_adapter_conf": {"target_modules": ["0"], "rank": 2}},
            {f"private_weights.low_rank_{m}.{i}/0/weight" for m in "ab" for i in range(2)},
        ),
    ],
)
def test_parts_are_built(given, names):
    conf = RecursionConf.from_conf({"output_size": 4, **given})
    conf.check(SHAPE, 3)
    layers = [torch.nn.Sequential(torch.nn.Linear(4, 4)) for _ in range(4)]
    stack = conf.make_stack(layers, SHAPE, 3, 4)
    assert str(conf) and stack.has_private_parts
    assert {name for name in stack.state_dict() if not name[0].isdigit()} == names
    for name, parameter in stack.named_parameters():
        if name.startswith(("loop_signals.0.vectors", "private")):
            assert len(parameter) == SHAPE.num_loops


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"interctc_loops": [0]}, r"interctc_loops must be .* between 1 and 3, not \[0\]"),
        ({"interctc_loops": [1, 4]}, "interctc_loops must be"),
        ({"interctc_loops": 2}, "interctc_loops must be"),
        ({"input_injection": "ad"}, "input_injection='ad' is none of add, concat; .* 'add'"),
        ({"loop_embedding": True}, "loop_embedding=True is none of learned, sinusoid"),
        ({"loop_scale": "invers"}, "loop_scale='invers' is none of inverse, learned; .* 'inverse'"),
        ({"loop_scale": 0.2}, "loop_scale=0.2 is none of inverse, learned"),
        ({"loop_film": "yes"}, "loop_film must be true or false, not 'yes'"),
        ({"loop_norms": 1}, "loop_norms must be true or false, not 1"),
        ({"loop_adapter_conf": {"rank": 3}}, "loop_adapter_conf: target_modules is missing"),
    ],
)
def test_impossible_options(given, message):
    with pytest.raises(ValueError, match=message):
        RecursionConf.from_conf(given).check(SHAPE, 3)


def test_the_output_is_no_intermediate_state():
    conf = RecursionConf(interctc_loops=[3])
    conf.check(SHAPE, 3)
    with pytest.raises(ValueError, match="without coda_blocks, leave the last loop out"):
        conf.check(RecursionShape(2, 3, 1, 0), 3)
