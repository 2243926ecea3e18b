"""Slim input layers and SpeechBrain's front end: names, lengths, and every way to run them."""

import copy
from importlib.util import find_spec

import pytest
import torch
from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import TooShortUttError

from espnet_recursive.asr.encoder.conf_checks import EncoderConfError
from espnet_recursive.asr.encoder.input_layer import (
    CONV2D,
    SPEECHBRAIN,
    SpeechBrainSubsampling,
    is_stock,
    shortest_input,
)
from espnet_recursive.speed import packed_linear
from espnet_recursive.speed.conv2d_in_parts import Conv2dInParts
from espnet_recursive.speed.prepared import PRECISIONS, prepare_for_inference
from tests.asr.encoder.conftest import ARCHITECTURES, train_step
from tests.asr.encoder.looped import build

SHAPE = (1, 2, 1, 1)
#: Options of each input layer of ours, narrower than D = 16 where it is ESPnet's.
OURS = [{"input_layer": layer, "input_channels": 6} for layer in CONV2D]
OURS += [{"input_layer": SPEECHBRAIN}, {"input_layer": SPEECHBRAIN, "input_channels": 6}]
every_layer = pytest.mark.parametrize("conf", OURS, ids=str)
TRANSFORMER = ARCHITECTURES["transformer"]


def sizes(encoder):
    return {name: tuple(value.shape) for name, value in encoder.state_dict().items()}


@pytest.mark.parametrize("channels", [None, 16])
@pytest.mark.parametrize("layer", CONV2D)
def test_the_default_is_espnets_bit_for_bit(arch, batch, layer, channels):
    stock = arch.build_stock(2, input_layer=layer).eval()
    ours = arch.build((2, 1, 0, 0), input_layer=layer, input_channels=channels).eval()
    assert sizes(ours) == sizes(stock)
    ours.load_state_dict(stock.state_dict())
    assert torch.equal(ours(*batch)[0], stock(*batch)[0])


@pytest.mark.parametrize("layer", CONV2D)
def test_a_slim_one_keeps_names_lengths_and_geometry(arch, batch, layer):
    stock = arch.build(SHAPE, input_layer=layer).eval()
    slim = arch.build(SHAPE, input_layer=layer, input_channels=6).eval()
    assert type(slim.embed) is type(stock.embed)
    assert list(slim.state_dict()) == list(stock.state_dict())
    differing = {n for n, size in sizes(slim).items() if sizes(stock)[n] != size}
    assert differing and all(n.startswith(("embed.conv.", "embed.out.weight")) for n in differing)
    for narrow, wide in zip(slim.embed.conv, stock.embed.conv, strict=True):
        assert type(narrow) is type(wide)
        if isinstance(wide, torch.nn.Conv2d):
            assert (narrow.kernel_size, narrow.stride) == (wide.kernel_size, wide.stride)
            assert narrow.out_channels == 6
    assert torch.equal(slim(*batch)[1], stock(*batch)[1])


@every_layer
def test_alone_equals_batched_and_in_one_piece(arch, conf):
    """Training with gradients and inference; the convolutions run in parts."""
    encoder = build(arch, shape=SHAPE, **conf)
    whole = copy.deepcopy(encoder)
    assert type(whole.embed.conv) is Conv2dInParts
    whole.embed.conv = torch.nn.Sequential(*whole.embed.conv)
    lengths = [601, 300, 26] if conf["input_layer"] != "conv2d1" else [201, 100, 26]
    x = torch.randn(3, max(lengths), 20, dtype=torch.float64)
    results = [train_step(e.train(), x, lengths) for e in (encoder, whole)]
    torch.testing.assert_close(*results, rtol=1e-8, atol=1e-8)
    grads = [{n: p.grad for n, p in e.named_parameters()} for e in (encoder, whole)]
    torch.testing.assert_close(*grads, rtol=1e-7, atol=1e-7)
    encoder.eval()
    with torch.no_grad():
        out, olens, _ = encoder(x, torch.tensor(lengths))
        # ESPnet's Conformer depends on the padding with its default positions.
        rows = 1 if arch.name == "conformer" else 3
        for row, length in enumerate(lengths[:rows]):
            own, own_length, _ = encoder(x[row : row + 1, :length], torch.tensor([length]))
            assert own.size(1) == own_length == olens[row]
            torch.testing.assert_close(own[0], out[row, : olens[row]], rtol=1e-6, atol=1e-6)


def test_dropout_of_a_part_is_drawn_once():
    """The backward pass recomputes the first block with the numbers of the forward pass."""
    torch.manual_seed(0)
    embed = SpeechBrainSubsampling(20, 16, 6, 0.5, torch.nn.Identity()).double()
    parts = Conv2dInParts(*embed.conv)
    assert parts.draws and not Conv2dInParts(*embed.conv[:3]).draws
    x = torch.randn(1, 1, 700, 20, dtype=torch.float64)
    weights = torch.randn(parts(x).shape, dtype=torch.float64)

    def loss():
        torch.manual_seed(3)
        return (parts(x) * weights).sum()

    loss().backward()
    first, step = parts[0].weight, 1e-6
    losses = []
    for change in (step, -2 * step):
        first.data[0, 0, 2, 2] += change
        losses.append(loss().item())
    numeric = (losses[0] - losses[1]) / (2 * step)
    assert first.grad[0, 0, 2, 2].item() == pytest.approx(numeric, rel=1e-5)


@pytest.mark.parametrize("conf", OURS, ids=str)
def test_the_shortest_input(arch, conf):
    encoder = arch.build(SHAPE, **conf).eval()
    least = shortest_input(encoder)
    x = torch.randn(2, least, 20)
    out, olens, _ = encoder(x, torch.tensor([least, least]))
    assert out.size(1) == olens[0] >= 1
    if conf["input_layer"] == SPEECHBRAIN:
        assert least == 13 and olens.tolist() == [1, 1]
    for frames in (least - 1, 1):
        with pytest.raises(TooShortUttError) as error:
            encoder(x[:, :frames], torch.tensor([frames] * 2))
        assert (error.value.actual_size, error.value.limit) == (frames, least)


def test_lengths_of_speechbrains():
    encoder = TRANSFORMER.build(SHAPE, input_layer=SPEECHBRAIN).eval()
    for frames in range(13, 60):
        out, olens, _ = encoder(torch.randn(1, frames, 20), torch.tensor([frames]))
        assert out.size(1) == olens[0] == ((frames - 5) // 2 - 4) // 2 + 1
    padded = encoder(torch.randn(2, 60, 20), torch.tensor([60, 5]))[1]
    assert padded.tolist() == [12, 0]


@pytest.mark.skipif(find_spec("speechbrain") is None, reason="SpeechBrain is not installed")
def test_speechbrains_own_front_end():
    """The same weights, the same frames; at the edges of time SpeechBrain pads."""
    from speechbrain.lobes.models.convolution import ConvolutionFrontEnd

    theirs = ConvolutionFrontEnd(
        (8, 10, 80), num_blocks=3, num_layers_per_block=1, out_channels=(64, 64, 64),
        kernel_sizes=(5, 5, 1), strides=(2, 2, 1), residuals=(False, False, False),
    ).eval()  # fmt: skip
    embed = SpeechBrainSubsampling(80, 16, 64, 0.1, torch.nn.Identity()).eval()
    values = list(theirs.state_dict().values())
    ours = embed.conv.state_dict()
    assert len(values) == len(ours)
    for value, (name, own) in zip(values, ours.items(), strict=True):
        assert value.shape == own.shape, name
        # Their kernels have the bands first, and then time.
        value.normal_()
        own.copy_(value.mT if value.ndim == 4 else value)
    x = torch.randn(1, 101, 80)
    with torch.no_grad():
        # Frame t of ours is centred on frame 4 t + 6 of the input, theirs on 4 t.
        found = embed.conv(x[:, 2:].unsqueeze(1)).permute(0, 2, 3, 1)
        expected = theirs(x)
    torch.testing.assert_close(found, expected[:, 2 : 2 + found.size(1)], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("layer", "count"), [(SPEECHBRAIN, 774_400), ("conv2d", 1_394_560)])
def test_parameters_by_hand(layer, count):
    """Of D = 512: SpeechBrain's front end, and conv2d with 128 channels."""
    channels = {SPEECHBRAIN: 64, "conv2d": 128}[layer]
    if layer == SPEECHBRAIN:
        convs = 25 * channels + channels + 25 * channels**2 + channels + channels**2 + channels
        by_hand = convs + 2 * channels * (40 + 20 + 20) + 20 * channels * 512 + 512
    else:
        by_hand = 10 * channels + 9 * channels**2 + channels + 19 * channels * 512 + 512
    encoder = TRANSFORMER.cls(80, output_size=512, input_layer=layer, input_channels=channels)
    assert sum(p.numel() for p in encoder.embed.parameters()) == by_hand == count


#: Of the largest states, which are about 1.
CLOSE = {"float32": 1e-5, "bfloat16": 0.15, "int8": 0.25}


@pytest.mark.parametrize("precision", PRECISIONS)
@every_layer
def test_prepared_for_inference(conf, precision, monkeypatch):
    monkeypatch.setattr(packed_linear, "_FEW_WEIGHTS", 0)  # the layers here are small
    encoder = build(TRANSFORMER, shape=SHAPE, **conf).float().eval()
    prepared = prepare_for_inference(copy.deepcopy(encoder), precision)
    x, lengths = torch.randn(1, 170, 20), torch.tensor([170])
    with torch.no_grad():
        out, olens, _ = encoder(x, lengths)
        found, found_lengths, _ = prepared(x, lengths)
    assert torch.equal(olens, found_lengths)
    torch.testing.assert_close(found, out, rtol=0, atol=CLOSE[precision])


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({"input_channels": 0}, "input_channels must be an integer of 1 or more, not 0"),
        ({"input_channels": True}, "input_channels must be an integer of 1 or more, not True"),
        ({"input_channels": 64.0}, "input_channels must be an integer of 1 or more, not 64.0"),
        ({"input_channels": "64"}, "input_channels must be an integer of 1 or more, not '64'"),
        ({"input_channels": 8, "input_layer": "linear"}, "input_layer='linear' has none"),
        ({"input_channels": 8, "input_layer": None}, "input_layer=None has none"),
        ({"input_layer": SPEECHBRAIN, "input_size": 4}, "needs features of 5 dimensions or more"),
        ({"input_layer": "conv2d_speechbrian"}, f"Did you mean '{SPEECHBRAIN}'"),
    ],
)
def test_refused(arch, conf, message):
    with pytest.raises(EncoderConfError, match=message):
        arch.build(SHAPE, **conf)


def test_the_fewest_bands():
    embed = SpeechBrainSubsampling(5, 16, 4, 0.0, torch.nn.Identity())
    assert embed(torch.randn(1, 40, 5), None)[0].shape == (1, 7, 16)
    # Of other input layers, which are built on the way, this few are none.
    encoder = TRANSFORMER.build(SHAPE, input_layer=SPEECHBRAIN, input_size=7).eval()
    assert encoder(torch.randn(1, 40, 7), torch.tensor([40]))[0].shape == (1, 7, 16)


def test_what_espnet_can_build():
    assert is_stock({}, 16) and is_stock({"input_channels": 16}, 16)
    assert not is_stock({"input_channels": 8}, 16)
    assert not is_stock({"input_layer": SPEECHBRAIN}, 16)
