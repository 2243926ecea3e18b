"""What cannot be exported is refused with the key and the remedy."""

from dataclasses import replace

import pytest
import torch

from espnet_recursive.errors import UserError
from espnet_recursive.export.checks import check_exportable
from tests.convert.models import RECURSION, load

OURS = "latent_recursive_transformer"


@pytest.mark.parametrize(
    ("encoder", "conf", "loops", "message"),
    [
        (OURS, {"input_layer": "embed"}, None, "exp/asr: input_layer embed takes tokens"),
        (OURS, {"loop_strides": [4, 2]}, None, r"loop_strides=\[4, 2\] cannot be exported"),
        (OURS, {"chunk_size": [8, 0]}, None, r"chunk_size=\[8, 0\] cannot be exported"),
        (OURS, {"interctc_use_conditioning": True}, None, "interctc_use_conditioning acts between"),
        ("conformer", {"ctc_trim": True}, None, "exp/asr: ctc_trim acts between layers"),
        (OURS, {}, 0, "--num_loops 0: at least 1"),
        ("transformer", {}, 2, "encoder, transformer, runs each layer once: leave --num_loops"),
        (
            OURS,
            {"loop_policy": "length", "loop_policy_conf": {"min_length": 10, "max_length": 90}},
            None,
            "with loop_policy length .* choose it with --num_loops",
        ),
    ],
)
def test_refused(encoder, conf, loops, message):
    loaded = load(encoder, **(RECURSION if encoder == OURS else {"num_blocks": 2}), **conf)
    with pytest.raises(UserError, match=message):
        check_exportable(loaded, loops, False)


def test_loops_as_input_of_a_stock_encoder():
    with pytest.raises(UserError, match="leave --num_loops and --loops_as_input out"):
        check_exportable(load("transformer", num_blocks=2), None, True)


def test_parts_around_the_encoder():
    loaded = load("transformer", num_blocks=2)
    check_exportable(loaded, None, False)
    loaded.model.preencoder = torch.nn.Identity()
    loaded = replace(loaded, config=loaded.config | {"preencoder": "sinc"})
    with pytest.raises(UserError, match="exp/asr has preencoder sinc, which is not exported"):
        check_exportable(loaded, None, False)


def test_another_encoder():
    loaded = load("transformer", num_blocks=2)
    other = replace(loaded, config=loaded.config | {"encoder": "rnn"})
    with pytest.raises(UserError, match="encoder rnn cannot be exported. .*: transformer, .*"):
        check_exportable(other, None, False)


def test_strides_of_one():
    check_exportable(load(OURS, **RECURSION, loop_strides=[1, 1]), None, False)


def test_a_length_policy_with_a_number():
    conf = {"loop_policy": "length", "loop_policy_conf": {"min_length": 10, "max_length": 90}}
    check_exportable(load(OURS, **RECURSION, **conf), 3, False)
