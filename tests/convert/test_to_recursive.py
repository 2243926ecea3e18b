"""Stock models made recursive, in all four architectures."""

import pytest
import torch

from espnet_recursive.convert.layer_sources import METHODS, loop_layers
from espnet_recursive.convert.to_recursive import Start, to_recursive
from espnet_recursive.convert.to_stock import to_stock
from espnet_recursive.errors import UserError
from espnet_recursive.recursion.private_weights import PrivateWeights
from espnet_recursive.recursion.shape import RecursionShape
from tests.asr.encoder.conftest import ARCHITECTURES
from tests.convert.models import assert_same_weights, encode, load

SHAPE = RecursionShape(2, 3, 1, 1)
FULL = Start(loop_norms=True, rank=16)
#: Projections of cgMLP with 16 rows and columns or more, as all others have.
WIDE = {"branchformer": {"cgmlp_linear_units": 32}, "e_branchformer": {"cgmlp_linear_units": 32}}
every_architecture = pytest.mark.parametrize("name", ARCHITECTURES)
every_method = pytest.mark.parametrize("method", METHODS)


@every_architecture
@every_method
def test_all_but_the_layers_is_kept_bit_for_bit(name, method):
    deep = load(name, num_blocks=8)
    converted = to_recursive(deep, SHAPE, Start(method))
    assert converted.config["encoder"] == f"latent_recursive_{name}"
    assert str(converted.model.encoder.shape) == "{2, 3, 1, 1}"
    assert_same_weights(deep.model, converted.model, but="encoder.encoders.")
    before, after = (m.state_dict() for m in (deep.model, converted.model))
    assert any(name.startswith("decoder.") for name in before)
    edges = [n for n in after if n.startswith(("encoder.encoders.0.", "encoder.encoders.3."))]
    assert edges
    for name in edges:
        of_deep = name.replace("encoders.3.", "encoders.7.")
        assert torch.equal(before[of_deep], after[name])


@every_architecture
@every_method
def test_without_recursion_nothing_changes(name, method):
    deep = load(name, num_blocks=3)
    converted = to_recursive(deep, RecursionShape(1, 1, 1, 1), Start(method))
    assert_same_weights(deep.model, converted.model)
    assert torch.equal(encode(deep.model), encode(converted.model))


@every_architecture
def test_the_average_of_an_unrolled_model_is_the_model(name):
    recursive = load(f"latent_recursive_{name}", num_loops=3, recurrent_blocks=2)
    shape = recursive.model.encoder.shape
    unrolled = to_stock(recursive)
    again = to_recursive(_as_loaded(recursive, unrolled), shape, Start("average"))
    assert_same_weights(recursive.model, again.model)
    assert again.config["encoder_conf"] == recursive.encoder_conf | {
        "prelude_blocks": 2,
        "coda_blocks": 2,
    }


@every_architecture
def test_tied_layers_stay_what_they_are(name):
    """A deep model whose loops are equal is the recursive one already."""
    recursive = load(f"latent_recursive_{name}", **_keys(SHAPE))
    deep = _as_loaded(recursive, to_stock(recursive))
    for start in (Start("average"), Start("pick", pick_loop=3), FULL):
        if start is FULL and name in WIDE:
            continue  # other sizes are needed
        converted = to_recursive(deep, SHAPE, start)
        torch.testing.assert_close(encode(converted.model), encode(deep.model), rtol=0, atol=1e-6)


@every_architecture
def test_at_full_rank_only_what_has_no_private_part_is_lost(name):
    """With equal biases, convolutions and statistics, nothing is."""
    deep = load(name, num_blocks=8, **WIDE.get(name, {}))
    average = to_recursive(deep, SHAPE, Start())
    assert not torch.allclose(encode(average.model), encode(deep.model), atol=0.01)
    _tie_shared_weights(deep.model.encoder)
    converted = to_recursive(deep, SHAPE, FULL)
    assert converted.config["encoder_conf"]["loop_norms"] is True
    torch.testing.assert_close(encode(converted.model), encode(deep.model), rtol=1e-5, atol=1e-5)


@every_architecture
def test_more_rank_is_closer(name):
    deep = load(name, num_blocks=8, **WIDE.get(name, {}))
    _tie_shared_weights(deep.model.encoder)
    wanted = encode(deep.model)
    errors = [
        (encode(to_recursive(deep, SHAPE, Start(loop_norms=True, rank=rank)).model) - wanted).norm()
        for rank in (0, 8, 16)
    ]
    assert errors[0] > errors[1] > errors[2]


@pytest.mark.parametrize("method", ["pick", "stepwise"])
def test_private_parts_go_with_every_method(method):
    deep = load("transformer", num_blocks=8)
    _tie_shared_weights(deep.model.encoder)
    converted = to_recursive(deep, SHAPE, Start(method, loop_norms=True, rank=16))
    torch.testing.assert_close(encode(converted.model), encode(deep.model), rtol=1e-5, atol=1e-5)


def test_projections_can_be_chosen():
    deep = load("transformer", num_blocks=8)
    converted = to_recursive(deep, SHAPE, Start(rank=2, target_modules=["linear_q", "w_2"]))
    private = converted.model.encoder.encoders.private_weights
    names = ["self_attn.linear_q.weight", "feed_forward.w_2.weight"]
    assert private.names == [names, names]
    conf = converted.config["encoder_conf"]
    assert conf["loop_adapter_conf"] == {"target_modules": ["linear_q", "w_2"], "rank": 2}
    assert "loop_norms" not in conf


def test_lists_for_each_layer():
    rates = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    deep = load("conformer", num_blocks=8, stochastic_depth_rate=rates)
    average = to_recursive(deep, SHAPE, Start()).config["encoder_conf"]
    assert average["stochastic_depth_rate"] == pytest.approx([0.0, 0.3, 0.4, 0.7])
    pick = to_recursive(deep, SHAPE, Start("pick", 2)).config["encoder_conf"]
    assert pick["stochastic_depth_rate"] == [0.0, 0.3, 0.4, 0.7]


def test_positions_of_intermediate_ctc_stay():
    """They count executed layers, as many as before."""
    positions = {"interctc_layer_idx": [3, 5], "interctc_use_conditioning": True}
    interctc = {"interctc_weight": 0.5}
    deep = load("transformer", num_blocks=8, model_conf=interctc, **positions)
    assert "encoder.conditioning_layer.weight" in deep.model.state_dict()
    converted = to_recursive(deep, RecursionShape(8, 1, 0, 0), Start())
    assert converted.model.encoder.interctc_layer_idx == [3, 5]
    assert torch.equal(encode(deep.model), encode(converted.model))


def test_training_options_that_private_parts_do_not_go_with():
    options = {"layer_drop_rate": 0.1, "gradient_checkpoint_layers": [1]}
    deep = load("e_branchformer", num_blocks=8, **options)
    plain = to_recursive(deep, SHAPE, Start())
    assert plain.config["encoder_conf"]["layer_drop_rate"] == 0.1 and not plain.notes
    private = to_recursive(deep, SHAPE, Start(loop_norms=True))
    assert not options.keys() & private.config["encoder_conf"].keys()
    assert [note.split()[0] for note in private.notes] == list(options)


def test_layers_that_differ_in_their_weights():
    """fixed_ave with a weight of 0 or 1 has one branch only."""
    weights = [0.5, 0.0, 0.5, 0.5, 0.0, 0.5]
    options = {"merge_method": "fixed_ave", "cgmlp_weight": weights}
    deep = load("branchformer", num_blocks=6, **options)
    converted = to_recursive(deep, RecursionShape(3, 2, 0, 0), Start())
    assert converted.config["encoder_conf"]["cgmlp_weight"] == [0.5, 0.0, 0.5]
    with pytest.raises(
        UserError, match=r"layers 0 and 4 cannot become one layer, .* only one of them has cgmlp"
    ):
        to_recursive(deep, RecursionShape(2, 3, 0, 0), Start())
    to_recursive(deep, RecursionShape(2, 3, 0, 0), Start("pick"))
    with pytest.raises(UserError, match="layers 0 and 4 cannot become one"):
        to_recursive(deep, RecursionShape(2, 3, 0, 0), Start("pick", loop_norms=True))


def test_other_encoders():
    deep = load("transformer", num_blocks=2)
    deep.config["encoder"] = "contextual_block_transformer"
    with pytest.raises(UserError, match="contextual_block_transformer, which is none of transf"):
        to_recursive(deep, RecursionShape(1, 2, 0, 0), Start())
    with pytest.raises(UserError, match="latent_recursive_transformer, .* Unroll it first"):
        to_recursive(load("latent_recursive_transformer"), SHAPE, Start())


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({"rank": -1}, "--rank -1"),
        ({"target_modules": ["w_1"]}, "--target_modules: they need a --rank"),
        ({"rank": 1000}, "--rank 1000: no linear layer has that many"),
        ({"rank": 2, "target_modules": ["linear_x"]}, "name ends with 'linear_x'"),
        ({"rank": 17, "target_modules": ["linear_q"]}, "rank=17 is too much for self_attn.linear"),
    ],
)
def test_impossible_private_parts(start, message):
    with pytest.raises(UserError, match=message):
        to_recursive(load("transformer", num_blocks=8), SHAPE, Start(**start))


def _keys(shape):
    keys = ("recurrent_blocks", "num_loops", "prelude_blocks", "coda_blocks")
    return {key: getattr(shape, key) for key in keys}


def _as_loaded(source, converted):
    return type(source)(source.found, converted.config, converted.model)


def _tie_shared_weights(encoder):
    """Give the loops equal values of all that has no private part."""
    layers = list(encoder.encoders.children())
    private = PrivateWeights(layers[1:3], 3, norms=True)
    first, *others = loop_layers(SHAPE)
    for loop in others:
        for place, (source, target) in enumerate(zip(first, loop, strict=True)):
            linear = {
                f"{name}.weight"
                for name, module in layers[source].named_modules()
                if isinstance(module, torch.nn.Linear)
            }
            own = linear | set(private.names[place])
            states = layers[source].state_dict()
            kept = {n: v for n, v in layers[target].state_dict().items() if n in own}
            layers[target].load_state_dict(states | kept)
