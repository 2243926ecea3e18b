"""What holds for every recursive encoder, each compared with ESPnet's own under it."""

import copy
import inspect
import pickle
from collections import Counter

import pytest
import torch
from espnet2.asr.ctc import CTC
from espnet2.legacy.nets.pytorch_backend.nets_utils import make_pad_mask
from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import TooShortUttError
from espnet2.utils.get_default_kwargs import get_default_kwargs

from espnet_recursive.speed.conv2d_in_parts import Conv2dInParts

# {n_r, L, n_p, n_c}
SHAPES = [(4, 5, 2, 2), (2, 3, 1, 1), (1, 4, 0, 0), (2, 2, 0, 0), (3, 2, 0, 1), (1, 3, 2, 0)]
shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)
sdpa = pytest.mark.parametrize("use_sdpa", [False, True], ids=["plain", "sdpa"])


def run(encoder, x, lengths, **more):
    """Output, its lengths and all gradients of one pass from the same random state."""
    torch.manual_seed(3)
    x = x.clone().requires_grad_()
    out, olens, _ = encoder(x, lengths, **more)
    (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)).sum().backward()
    return out, olens, {"input": x.grad, **{n: p.grad for n, p in encoder.named_parameters()}}


# 1. No recursion is ESPnet's encoder, bit for bit.


@sdpa
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("num_blocks", [1, 3])
def test_without_recursion_every_bit_is_the_stock_encoders(
    arch, batch, num_blocks, training, use_sdpa
):
    options = {"use_sdpa": use_sdpa, "attention_dropout_rate": 0.1}
    stock = arch.build_stock(num_blocks, **options).train(training)
    ours = arch.build((num_blocks, 1, 0, 0), **options).train(training)
    ours.load_state_dict(stock.state_dict(), strict=True)
    out, olens, gradients = run(ours, *batch)
    stock_out, stock_olens, stock_gradients = run(stock, *batch)
    assert torch.equal(out, stock_out)
    assert torch.equal(olens, stock_olens)
    assert gradients.keys() == stock_gradients.keys()
    for name in gradients:
        assert torch.equal(gradients[name], stock_gradients[name]), name
    # Of long utterances, too.
    assert type(ours.embed.conv) is torch.nn.Sequential


def test_dropout_is_at_work_in_that_comparison(arch, batch):
    encoder = arch.build((3, 1, 0, 0)).train()
    assert not torch.equal(encoder(*batch)[0], encoder(*batch)[0])


@pytest.mark.parametrize("shape", [(3, 1, 0, 0), (1, 5, 1, 1)], ids=str)
def test_the_same_seed_makes_the_stock_encoders_weights(arch, shape):
    torch.manual_seed(7)
    ours = arch.build(shape)
    after_ours = torch.get_rng_state()
    torch.manual_seed(7)
    stock = arch.build_stock(3)
    assert torch.equal(after_ours, torch.get_rng_state())
    states, stock_states = ours.state_dict(), stock.state_dict()
    assert list(states) == list(stock_states)
    for name, state in states.items():
        assert torch.equal(state, stock_states[name]), name


def test_num_blocks_alone_is_a_stock_configuration(arch, batch):
    stock = arch.build_stock(3).eval()
    ours = arch.build(num_blocks=3).eval()
    ours.load_state_dict(stock.state_dict(), strict=True)
    assert str(ours.shape) == "{3, 1, 0, 0}"
    assert torch.equal(ours(*batch)[0], stock(*batch)[0])


# 2. Recursion is a stock encoder with one layer an execution, their weights tied.


@sdpa
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@shapes
def test_recursion_is_the_unrolled_stock_encoder(arch, batch, shape, training, use_sdpa):
    x, lengths = batch[0].double(), batch[1]
    options = {"use_sdpa": use_sdpa, "attention_dropout_rate": 0.1}
    ours = arch.build(shape, **options).double().train(training)
    unrolled = arch.unroll(ours, shape, **options)
    out, olens, gradients = run(ours, x, lengths)
    stock_out, stock_olens, stock_gradients = run(unrolled, x, lengths)
    torch.testing.assert_close(out, stock_out, rtol=0, atol=1e-6)
    assert torch.equal(olens, stock_olens)
    torch.testing.assert_close(gradients["input"], stock_gradients["input"], rtol=0, atol=1e-5)
    arch.compare_gradients(ours, unrolled, shape)


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_long_utterances_pass_the_input_layer_in_parts(arch, training):
    shape, lengths = (2, 2, 1, 1), torch.tensor([501, 350])
    x = torch.randn(2, 501, arch.input_size, dtype=torch.float64)
    ours = arch.build(shape).double().train(training)
    assert type(ours.embed.conv) is Conv2dInParts
    unrolled = arch.unroll(ours, shape)
    assert type(unrolled.embed.conv) is torch.nn.Sequential
    (out, _, gradients), (stock_out, _, stock_gradients) = (
        run(encoder, x, lengths) for encoder in (ours, unrolled)
    )
    torch.testing.assert_close(out, stock_out, rtol=0, atol=1e-6)
    torch.testing.assert_close(gradients["input"], stock_gradients["input"], rtol=0, atol=1e-5)
    arch.compare_gradients(ours, unrolled, shape)


def test_number_of_loops_matters(arch, batch):
    outs = []
    for loops in (1, 2, 3):
        torch.manual_seed(0)
        outs.append(arch.build((1, loops, 1, 1)).eval()(*batch)[0])
    assert not torch.allclose(outs[0], outs[1], atol=1e-3)
    assert not torch.allclose(outs[1], outs[2], atol=1e-3)


# 3. Every layer is held once and runs as often as the tuple says.


@shapes
def test_each_parameter_stands_once(arch, shape):
    n_r, _, n_p, n_c = shape
    encoder = arch.build(shape)
    stock = arch.build_stock(n_p + n_r + n_c)
    names = [name for name, _ in encoder.named_parameters(remove_duplicate=False)]
    assert names == [name for name, _ in stock.named_parameters()]
    assert list(encoder.state_dict()) == list(stock.state_dict())
    blocks = list(dict.fromkeys(n.split(".")[1] for n in names if n.startswith("encoders.")))
    assert blocks == [str(i) for i in range(n_p + n_r + n_c)]
    (group,) = torch.optim.SGD(encoder.parameters()).param_groups
    held = [id(parameter) for parameter in group["params"]]
    assert len(held) == len(set(held)) == len(names)


@shapes
def test_each_layer_runs_as_often_as_the_tuple_says(arch, batch, shape):
    n_r, loops, n_p, n_c = shape
    encoder = arch.build(shape)
    calls = Counter()
    for index, layer in enumerate(encoder.encoders.unique_layers):
        layer.register_forward_hook(lambda *_, i=index: calls.update([i]))
    encoder(*batch)
    assert [calls[i] for i in range(n_p + n_r + n_c)] == [1] * n_p + [loops] * n_r + [1] * n_c
    assert calls.total() == encoder.shape.executed_blocks == n_p + loops * n_r + n_c


# 4. What ESPnet's models ask of an encoder.


@sdpa
@pytest.mark.parametrize("fill", [0.0, 1e3, "noise"])
def test_an_utterance_alone_equals_itself_in_a_padded_batch(arch, fill, use_sdpa):
    lengths = torch.tensor([163, 120, 121, 50])
    x = torch.randn(4, 163, arch.input_size)
    for utterance, length in zip(x, lengths, strict=True):
        utterance[length:] = 100 * torch.randn(()) if fill == "noise" else fill
    encoder = arch.build((2, 3, 1, 1), use_sdpa=use_sdpa).eval()
    with torch.no_grad():
        together, olens, _ = encoder(x, lengths)
        for i, length in enumerate(lengths):
            alone, olen, _ = encoder(x[i : i + 1, :length], lengths[i : i + 1])
            assert olens[i] == olen[0]
            torch.testing.assert_close(together[i, : olens[i]], alone[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8"])
def test_input_too_short_for_subsampling(arch, kind):
    least = {"conv2d": 7, "conv2d1": 5, "conv2d2": 7, "conv2d6": 11, "conv2d8": 15}[kind]
    encoder = arch.build((1, 2, 1, 1), input_layer=kind).eval()
    enough = torch.randn(1, least, arch.input_size)
    assert encoder(enough, torch.tensor([least]))[1].tolist() == [1]
    with pytest.raises(TooShortUttError) as error:
        encoder(enough[:, 1:], torch.tensor([least - 1]))
    assert (error.value.actual_size, error.value.limit) == (least - 1, least)


@shapes
def test_all_hidden_states_are_one_for_each_execution(interctc_arch, batch, shape):
    encoder = interctc_arch.build(shape).eval()
    unrolled = interctc_arch.unroll(encoder, shape)
    with torch.no_grad():
        (out, states), _, _ = encoder(*batch, return_all_hs=True)
        (_, stock_states), _, _ = unrolled(*batch, return_all_hs=True)
        assert len(states) == encoder.shape.executed_blocks
        assert torch.equal(encoder.after_norm(states[-1]), out)
        assert torch.equal(out, encoder(*batch)[0])
        torch.testing.assert_close(states, stock_states)


def test_a_padding_mask_does_what_lengths_do(interctc_arch, batch):
    x, lengths = batch
    encoder = interctc_arch.build((2, 3, 1, 1)).eval()
    out, olens, _ = encoder(x, lengths)
    masked_out, masked_olens, _ = encoder(x, torch.tensor([1, 1]), masks=make_pad_mask(lengths))
    assert torch.equal(out, masked_out)
    assert torch.equal(olens, masked_olens)


# 5. Intermediate CTC: positions are executed layers.


def intermediate(encoder, batch, **more) -> dict[int, torch.Tensor]:
    (_, states), _, _ = encoder(*batch, **more)
    return dict(states)


def test_position_after_a_loop_is_the_encoder_with_so_many_loops(interctc_arch, batch):
    n_r, loops, n_p, n_c = shape = (2, 3, 1, 1)
    ends = [n_p + i * n_r for i in range(1, loops + 1)]
    encoder = interctc_arch.build(shape, interctc_layer_idx=ends).eval()
    with torch.no_grad():
        states = intermediate(encoder, batch)
        assert list(states) == ends == [3, 5, 7]
        for i, end in enumerate(ends, start=1):
            shorter = interctc_arch.build((n_r, i, n_p, 0)).eval()
            weights = {n: w for n, w in encoder.state_dict().items() if ".3." not in n}
            shorter.load_state_dict(weights, strict=True)
            # ESPnet's E-Branchformer alone gives intermediate states without the final norm.
            normed = interctc_arch.name != "e_branchformer"
            state = states[end] if normed else encoder.after_norm(states[end])
            torch.testing.assert_close(state, shorter(*batch)[0], rtol=1e-5, atol=1e-5)


def test_positions_change_nothing_else(interctc_arch, batch):
    plain = interctc_arch.build((2, 3, 1, 1)).eval()
    encoder = interctc_arch.build((2, 3, 1, 1), interctc_layer_idx=[1, 4, 7]).eval()
    encoder.load_state_dict(plain.state_dict(), strict=True)
    (out, states), olens, _ = encoder(*batch)
    assert [position for position, _ in states] == [1, 4, 7]
    assert torch.equal(out, plain(*batch)[0])
    assert torch.equal(olens, plain(*batch)[1])


@pytest.mark.parametrize("positions", [[3, 5, 7], [2], [1, 2, 3, 4, 5, 6, 7]], ids=str)
def test_conditioning_feeds_back_at_every_position(interctc_arch, batch, positions):
    shape = (2, 3, 1, 1)
    conf = {"interctc_layer_idx": positions, "interctc_use_conditioning": True}
    interctc_arch.compare_with_stock(shape, conf, batch[0], batch[1].tolist())

    encoder = interctc_arch.build(shape, **conf).eval()
    ctc = CTC(odim=5, encoder_output_size=16)
    encoder.conditioning_layer = torch.nn.Linear(5, 16)
    with torch.no_grad():
        (out, _), _, _ = encoder(*batch, ctc=ctc)
        encoder.conditioning_layer.bias.add_(torch.randn(16))
        (other_out, _), _, _ = encoder(*batch, ctc=ctc)
    assert not torch.allclose(out, other_out, atol=1e-3)


@pytest.mark.parametrize("positions", [[0], [0, 1], [-1], [8], [3, 9]], ids=str)
def test_positions_outside_of_the_executed_layers_are_refused(interctc_arch, positions):
    with pytest.raises(ValueError, match="interctc_layer_idx.* between 1 and 7, not "):
        interctc_arch.build((2, 3, 1, 1), interctc_layer_idx=positions)


def test_positions_beyond_the_unique_layers_are_not(interctc_arch):
    encoder = interctc_arch.build((1, 5, 0, 0), interctc_layer_idx=[4])
    assert encoder.interctc_layer_idx == [4]


# 6. What people do with an encoder.


@shapes
def test_tells_its_tuple_when_printed(arch, shape):
    n_r, loops, n_p, n_c = shape
    encoder = arch.build(shape)
    text = str(encoder)
    layers = sum(p.numel() for n, p in encoder.named_parameters() if n.startswith("encoders."))
    every = sum(p.numel() for p in encoder.parameters())
    unique, executed = n_p + n_r + n_c, n_p + loops * n_r + n_c
    assert f"{{n_r, L, n_p, n_c}} = {{{n_r}, {loops}, {n_p}, {n_c}}}" in text
    assert f"{unique} unique layers, {executed} executed" in text
    assert f"{layers:,} in layers, {every:,} in all" in text


def test_espnet_reads_the_options_and_their_defaults(arch):
    ours, stock = get_default_kwargs(arch.cls), get_default_kwargs(arch.stock_cls)
    recursion = {"prelude_blocks": 2, "recurrent_blocks": 4, "coda_blocks": 2, "num_loops": 5}
    loops = {"loop_policy": "fixed", "loop_policy_conf": {}, "interctc_loops": []}
    loops |= {"input_channels": None, "loop_strides": [], "loop_scale": None}
    loops |= {"chunk_size": 0, "num_left_chunks": -1}
    private = dict.fromkeys(("input_injection", "loop_embedding", "loop_adapter_conf"))
    private |= {"loop_film": False, "loop_norms": False}
    speed = {"checkpoint_loops": False, "compile": False}
    assert ours == {**stock, "num_blocks": None, **recursion, **loops, **private, **speed}


def test_signature_keeps_espnets_order_and_types(arch):
    ours = inspect.signature(arch.cls).parameters
    stock = inspect.signature(arch.stock_cls).parameters
    assert list(ours)[: len(stock)] == list(stock)
    assert all(ours[name].annotation == stock[name].annotation for name in stock)


def test_takes_positional_options_as_the_stock_encoder_does(arch):
    names = list(inspect.signature(arch.stock_cls).parameters)
    conf = {**get_default_kwargs(arch.stock_cls), **arch.small, "num_blocks": 2}
    values = [conf[name] for name in names[1 : names.index("num_blocks") + 1]]
    rest = {k: v for k, v in arch.small.items() if names.index(k) > len(values)}
    encoder = arch.cls(20, *values, num_loops=3, **rest)
    assert str(encoder.shape) == "{2, 3, 0, 0}"
    assert encoder.output_size() == 16


def pickled(encoder):
    return pickle.loads(pickle.dumps(encoder))


@pytest.mark.parametrize("trip", [copy.deepcopy, pickled])
@sdpa
def test_copies_are_whole_and_independent(arch, batch, trip, use_sdpa):
    encoder = arch.build((2, 3, 1, 1), use_sdpa=use_sdpa).eval()
    twin = trip(encoder)
    out = encoder(*batch)[0]
    assert twin.shape == encoder.shape
    assert torch.equal(twin(*batch)[0], out)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    assert torch.equal(encoder(*batch)[0], out)


def test_weights_are_saved_and_loaded_as_plain_tensors(arch, batch, tmp_path):
    encoder, other = (arch.build((2, 3, 1, 1)).eval() for _ in range(2))
    torch.save(encoder.state_dict(), tmp_path / "encoder.pth")
    states = torch.load(tmp_path / "encoder.pth", weights_only=True)
    assert not torch.equal(other(*batch)[0], encoder(*batch)[0])
    other.load_state_dict(states, strict=True)
    assert torch.equal(other(*batch)[0], encoder(*batch)[0])


@pytest.mark.parametrize("other", [(2, 3, 1, 0), (2, 3, 2, 1), (3, 3, 1, 1), (8, 1, 0, 0)], ids=str)
def test_weights_of_other_layers_are_refused(arch, other):
    states = arch.build((2, 3, 1, 1)).state_dict()
    with pytest.raises(RuntimeError, match="Missing key|Unexpected key"):
        arch.build(other).load_state_dict(states, strict=True)


def test_weights_fit_every_number_of_loops(arch, batch):
    encoder, more_loops = (arch.build((2, loops, 1, 1)).eval() for loops in (2, 4))
    more_loops.load_state_dict(encoder.state_dict(), strict=True)
    assert not torch.allclose(more_loops(*batch)[0], encoder(*batch)[0], atol=1e-3)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_quantised_encoder_recurs(arch, batch):
    encoder = arch.build((2, 3, 1, 1)).eval()
    quantised = torch.quantization.quantize_dynamic(encoder, {torch.nn.Linear}, dtype=torch.qint8)
    kinds = {type(m) for m in quantised.encoders.modules()}
    assert torch.nn.Linear not in kinds
    calls = Counter()
    for index, layer in enumerate(quantised.encoders.unique_layers):
        layer.register_forward_hook(lambda *_, i=index: calls.update([i]))
    with torch.no_grad():
        out, quantised_out = encoder(*batch)[0], quantised(*batch)[0]
    assert quantised.shape == encoder.shape
    assert [calls[i] for i in range(4)] == [1, 3, 3, 1]
    assert 0 < (out - quantised_out).abs().max() < 0.5
