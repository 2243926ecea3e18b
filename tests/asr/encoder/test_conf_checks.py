"""Wrong configurations are refused when the encoder is built, and the message names the key."""

import inspect
import re
from itertools import chain

import pytest
import torch
from typeguard import TypeCheckError

from espnet_recursive.asr.encoder.conf_checks import (
    EncoderConfError,
    check_choices,
    check_keys,
    check_positions,
    check_values,
)

WRONG_TYPE = (TypeError, TypeCheckError)  # ours and that of ESPnet's constructors


def test_error_is_what_espnets_encoders_raise():
    assert issubclass(EncoderConfError, ValueError)
    assert issubclass(EncoderConfError, AssertionError)


# The keys of the recursion.


@pytest.mark.parametrize("value", [True, 1.0, "2", [2], None], ids=repr)
@pytest.mark.parametrize("key", ["prelude_blocks", "recurrent_blocks", "coda_blocks", "num_loops"])
def test_keys_of_the_recursion_are_integers(arch, key, value):
    with pytest.raises(TypeError, match=f"^{key} must be an integer of [01] or more, not "):
        arch.build((1, 2, 1, 1), **{key: value})


@pytest.mark.parametrize(
    ("key", "value", "minimum"),
    [
        ("prelude_blocks", -1, 0),
        ("coda_blocks", -1, 0),
        ("recurrent_blocks", 0, 1),
        ("recurrent_blocks", -1, 1),
        ("num_loops", 0, 1),
        ("num_loops", -1, 1),
    ],
)
def test_keys_of_the_recursion_have_a_minimum(arch, key, value, minimum):
    with pytest.raises(ValueError, match=f"^{key} must be {minimum} or more, not {value}$"):
        arch.build((1, 2, 1, 1), **{key: value})


@pytest.mark.parametrize(
    "conf",
    [
        {"num_blocks": 24, "recurrent_blocks": 4, "prelude_blocks": 2, "coda_blocks": 2},
        {"num_blocks": 4, "prelude_blocks": 2, "coda_blocks": 2},
        {"num_blocks": 2, "recurrent_blocks": 1},
    ],
    ids=str,
)
def test_num_blocks_counts_unique_layers(arch, conf):
    with pytest.raises(ValueError, match=f"^num_blocks={conf['num_blocks']} does not fit"):
        arch.build(**conf)


@pytest.mark.parametrize("num_blocks", [0, -1, 2.5, "2", False], ids=repr)
def test_num_blocks_is_a_count(arch, num_blocks):
    with pytest.raises(ValueError, match="^num_blocks must be an integer of 1 or more, not "):
        arch.build(num_blocks=num_blocks)


# Unknown keys.


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("num_loop", "num_loops"),
        ("prelude_block", "prelude_blocks"),
        ("recurent_blocks", "recurrent_blocks"),
        ("codablocks", "coda_blocks"),
        ("attention_head", "attention_heads"),
        ("droput_rate", "dropout_rate"),
    ],
)
def test_unknown_key_with_the_nearest_name(arch, key, near):
    with pytest.raises(TypeError, match=f"no key '{key}'. Did you mean '{near}'\\? Keys: "):
        arch.build(**{key: 1})


def test_unknown_key_that_is_like_no_other(arch):
    with pytest.raises(TypeError) as error:
        arch.build(zzzz=1)
    assert f"{arch.cls.__name__} has no key 'zzzz'. Keys: input_size, " in str(error.value)


def test_keys_of_another_architecture_are_unknown(architectures):
    for key in ("cgmlp_linear_units", "cnn_module_kernel", "merge_method"):
        with pytest.raises(TypeError, match=f"no key '{key}'"):
            architectures["transformer"].build(**{key: 1})


def test_check_keys_takes_known_ones():
    assert check_keys(["a", "b"], ("a", "b", "c"), "Encoder") is None


# Types: what ESPnet's annotations say.


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("input_size", "20"),
        ("input_size", 20.0),
        ("output_size", "16"),
        ("output_size", 16.0),
        ("attention_heads", 2.0),
        ("attention_heads", "two"),
        ("dropout_rate", "0.1"),
        ("dropout_rate", [0.1]),
        ("dropout_rate", None),
        ("padding_idx", 0.5),
        ("qk_norm", "yes"),
        ("use_sdpa", "true"),
        ("use_flash_attn", "no"),
    ],
    ids=str,
)
def test_wrong_type_of_a_stock_key(arch, key, value):
    with pytest.raises(WRONG_TYPE, match=key):
        arch.build((1, 2, 1, 1), **{key: value})


@pytest.mark.parametrize("value", [3, "ab", [1.5], ["1"], [True], [[1]], {"1": 2}], ids=repr)
def test_wrong_type_of_interctc_layer_idx(interctc_arch, value):
    with pytest.raises((ValueError, *WRONG_TYPE), match="interctc_layer_idx"):
        interctc_arch.build((1, 2, 1, 1), interctc_layer_idx=value)


def test_input_size_is_needed(arch):
    with pytest.raises(TypeError, match="input_size"):
        arch.cls()


def test_an_option_is_given_once(arch):
    with pytest.raises(TypeError, match="output_size"):
        arch.cls(20, 16, output_size=16)


# Counts, kernels, heads.

COUNTS = ("output_size", "attention_heads", "linear_units", "cgmlp_linear_units", "max_pos_emb_len")
KERNELS = (
    "cgmlp_conv_kernel",
    "cnn_module_kernel",
    "merge_conv_kernel",
    "positionwise_conv_kernel_size",
)


def known(arch, keys):
    found = [key for key in keys if key in inspect.signature(arch.cls).parameters]
    assert found
    return found


@pytest.mark.parametrize("value", [0, -1, -16])
def test_counts_are_1_or_more(arch, value):
    for key in ("input_size", *known(arch, COUNTS + KERNELS)):
        with pytest.raises(EncoderConfError, match=f"^{key} must be an integer of 1 or more"):
            arch.build((1, 2, 1, 1), **{key: value})


@pytest.mark.parametrize("kernel", [2, 30])
def test_kernels_are_odd(arch, kernel):
    for key in known(arch, KERNELS):
        with pytest.raises(EncoderConfError, match=f"^{key} must be odd, not {kernel}$"):
            arch.build((1, 2, 1, 1), **{key: kernel})


@pytest.mark.parametrize(("size", "heads"), [(16, 3), (16, 32), (512, 5)])
def test_heads_divide_the_width(arch, size, heads):
    message = f"^output_size={size} must be a multiple of attention_heads={heads}$"
    with pytest.raises(EncoderConfError, match=message):
        arch.build((1, 2, 1, 1), output_size=size, attention_heads=heads)


def test_width_is_even_for_sine_and_cosine(arch):
    with pytest.raises(ValueError, match="output_size"):
        arch.build((1, 2, 1, 1), output_size=15, attention_heads=3)


def test_gated_units_are_even(arch):
    if arch.name in ("branchformer", "e_branchformer"):  # a gate needs two halves
        for units in (1, 5):
            with pytest.raises(ValueError, match="cgmlp_linear_units"):
                arch.build((1, 2, 1, 1), cgmlp_linear_units=units)
    else:
        assert "cgmlp_linear_units" not in inspect.signature(arch.cls).parameters


# Rates, weights and lists.

RATES = (
    "dropout_rate",
    "positional_dropout_rate",
    "attention_dropout_rate",
    "layer_drop_rate",
    "stochastic_depth_rate",
    "attn_branch_drop_rate",
    "cgmlp_weight",
)
LISTS = ("stochastic_depth_rate", "attn_branch_drop_rate", "cgmlp_weight")


@pytest.mark.parametrize("value", [-0.1, 1.1, 2, float("nan"), float("inf")], ids=str)
def test_rates_are_fractions(arch, value):
    for key in known(arch, RATES):
        with pytest.raises(EncoderConfError, match=f"^{key} must be "):
            arch.build((1, 2, 1, 1), **{key: value})


@pytest.mark.parametrize("value", [0, 1])
def test_rates_may_be_written_as_integers(arch, value):
    for key in known(arch, RATES):
        if (key, value) != ("stochastic_depth_rate", 1):
            arch.build((1, 2, 1, 1), **{key: value})


def test_a_list_of_rates_has_one_for_each_unique_layer(arch):
    lists = [key for key in LISTS if key in inspect.signature(arch.cls).parameters]
    assert len(lists) == {"branchformer": 3, "conformer": 1}.get(arch.name, 0)
    for key in lists:
        arch.build((1, 2, 1, 1), **{key: [0.5, 0.5, 0.5]})
        for count in (0, 1, 2, 4):  # 4 layers are executed
            message = f"^{key} has {count} values, but needs one for each of the 3 unique layers"
            with pytest.raises(EncoderConfError, match=message):
                arch.build((1, 2, 1, 1), **{key: [0.5] * count})
        with pytest.raises(EncoderConfError, match=f"^{key} must be "):
            arch.build((1, 2, 1, 1), **{key: [0.5, -0.5, 0.5]})
        with pytest.raises(WRONG_TYPE, match=key):
            arch.build((1, 2, 1, 1), **{key: ["a", "b", "c"]})


def test_a_layer_is_never_always_skipped(arch):
    """ESPnet scales what it keeps by 1 / (1 - rate)."""
    if "stochastic_depth_rate" in inspect.signature(arch.cls).parameters:
        for value in (1.0, [0.1, 1.0, 0.1]):
            with pytest.raises(ValueError, match="stochastic_depth_rate"):
                arch.build((1, 2, 1, 1), stochastic_depth_rate=value)
    else:
        assert arch.name in ("transformer", "e_branchformer")


def test_check_values_leaves_other_options_alone():
    conf = {"input_size": 80, "output_size": 512, "attention_heads": 8, "padding_idx": -1}
    assert check_values({**conf, "cgmlp_conv_kernel": 31, "cgmlp_weight": [0.0, 1.0]}, 2) is None


# Named options.

# What an option's value needs beside it: the attention fits the positions, and both fit
# rel_pos_type; some input layers need a width.
FITTING = {
    "abs_pos": ("selfattn", "legacy"),
    "scaled_abs_pos": ("selfattn", "legacy"),
    "conv": ("selfattn", "legacy"),
    "rel_pos": ("rel_selfattn", "latest"),
    "legacy_rel_pos": ("legacy_rel_selfattn", "legacy"),
    "selfattn": ("abs_pos", "legacy"),
    "fast_selfattn": ("abs_pos", "legacy"),
    "rel_selfattn": ("rel_pos", "latest"),
    "legacy_rel_selfattn": ("legacy_rel_pos", "legacy"),
    "latest": ("rel_pos", "rel_selfattn"),
    "legacy": ("rel_pos", "rel_selfattn"),
}


def companions(arch, key, value) -> dict:
    """Options with which `key` may have `value`, whatever else is wrong with it."""
    if value == "wav2vec":
        return {"input_size": 16}
    if arch.name == "transformer":
        # ESPnet's Transformer has one kind of positions only after a 2-D convolution.
        return {"input_layer": "linear"} if key == "pos_enc_layer_type" else {}
    if key not in ("rel_pos_type", "pos_enc_layer_type", arch.attention_key):
        return {}
    keys = {
        "rel_pos_type": ("pos_enc_layer_type", arch.attention_key),
        "pos_enc_layer_type": (arch.attention_key, "rel_pos_type"),
        arch.attention_key: ("pos_enc_layer_type", "rel_pos_type"),
    }[key]
    return dict(zip(keys, FITTING.get(value, ()), strict=False))


def forward(encoder, input_layer):
    size = 16 if input_layer == "wav2vec" else 20
    x = torch.randint(0, 10, [2, 40]) if input_layer == "embed" else torch.randn(2, 40, size)
    return encoder(x, torch.tensor([40, 31]))[0]


def test_every_named_choice_builds_and_runs(arch):
    for key, values in arch.cls.choices.items():
        assert isinstance(values, tuple) and len(set(values)) == len(values), key
        for value in values:
            conf = {key: value, **companions(arch, key, value)}
            out = forward(arch.build((1, 2, 1, 0), **conf), conf.get("input_layer", "conv2d"))
            assert out.isfinite().all(), conf
            assert out.shape[2] == 16


def test_every_choice_is_another_encoder(arch):
    """No value is only another name of the stock encoder's default."""
    for key, values in arch.cls.choices.items():
        outs = []
        for value in values:
            conf = {key: value, **companions(arch, key, value)}
            torch.manual_seed(0)
            encoder = arch.build((1, 2, 1, 0), **conf).eval()
            torch.manual_seed(1)
            out = forward(encoder, conf.get("input_layer", "conv2d"))
            parts = sorted(type(m).__name__ for m in encoder.modules())
            for other, other_parts in outs:
                same = parts == other_parts and out.shape == other.shape
                assert not (same and torch.equal(out, other)), (key, value)
            outs.append((out, parts))


def test_no_choice_of_espnets_is_missing(arch, architectures):
    """Whatever name the stock encoder takes, ours takes; the names are all that any of them has."""
    for key, values in arch.cls.choices.items():
        if accepts(arch, key, "no_such_name"):
            continue  # ESPnet takes any name here, and reads unknown ones as its default
        pool = set(chain(*(a.cls.choices.get(key, ()) for a in architectures.values())))
        pool |= {"conv1d1", "conv1d2", "conv1d3", "conv2d3", "linear", "conv1d", "identity", "none"}
        for name in pool - set(values):
            assert not accepts(arch, key, name), f"{key}={name}"


def accepts(arch, key, value) -> bool:
    """Whether the stock encoder takes the value."""
    try:
        arch.build_stock(1, **{key: value, **companions(arch, key, value)})
    except (ValueError, AssertionError, KeyError, NotImplementedError):
        return False
    return True


@pytest.mark.parametrize("name", ["dummy", "", "CONV2D", "l", "li"])
def test_every_other_name_is_refused(arch, name):
    for key, values in arch.cls.choices.items():
        with pytest.raises(EncoderConfError) as error:
            arch.build((1, 2, 1, 0), **{key: name})
        assert str(error.value).startswith(f"{key}={name!r} is none of {', '.join(values)}.")


@pytest.mark.parametrize(
    ("key", "name", "near"),
    [
        ("input_layer", "conv2", "conv2d"),
        ("input_layer", "Linear", "linear"),
        ("pos_enc_layer_type", "abspos", "abs_pos"),
    ],
)
def test_unknown_name_with_the_nearest_one(arch, key, name, near):
    with pytest.raises(EncoderConfError, match=f"Did you mean '{near}'\\?$"):
        arch.build((1, 2, 1, 0), **{key: name})


def test_check_choices_leaves_other_values_alone():
    choices = {"input_layer": ("linear", "conv2d")}
    assert check_choices({"input_layer": "conv2d", "other": "x"}, choices) is None
    assert check_choices({"input_layer": None}, choices) is None
    assert check_choices({}, choices) is None


@pytest.mark.parametrize("value", [3, True, ["linear"]], ids=repr)
def test_names_of_a_wrong_type_are_refused(arch, value):
    for key in arch.cls.choices:
        with pytest.raises((ValueError, *WRONG_TYPE), match=key):
            arch.build((1, 2, 1, 0), **{key: value})


def test_options_that_do_not_go_together_say_what_espnet_needs(architectures):
    for name in ("branchformer", "conformer", "e_branchformer"):
        arch = architectures[name]
        conf = {"rel_pos_type": "latest", "pos_enc_layer_type": "rel_pos"}
        with pytest.raises(EncoderConfError) as error:
            arch.build((1, 2, 1, 0), **conf, **{arch.attention_key: "selfattn"})
        text = str(error.value)
        assert text.startswith(f"encoder_conf of {arch.cls.__name__}: these options do not go")
        assert text.endswith(f'{arch.attention_key} == "rel_selfattn"')


def test_positions_of_intermediate_ctc():
    assert check_positions("interctc_layer_idx", [], 1, 0) is None
    assert check_positions("interctc_layer_idx", [1, 5, 23], 1, 23) is None
    for positions in ([0], [3, 24], [-1], [1, 99], [True], ["1"], 3):
        message = f"interctc_layer_idx .* between 1 and 23, not {re.escape(repr(positions))}$"
        with pytest.raises(EncoderConfError, match=message):
            check_positions("interctc_layer_idx", positions, 1, 23)
