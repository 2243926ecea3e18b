"""Passes with chunks: who sees whom, in all architectures."""

import pytest
import torch

from espnet_recursive.asr.depth import Depth
from espnet_recursive.asr.encoder.conf_checks import EncoderConfError
from espnet_recursive.errors import UserError
from espnet_recursive.speed.prepared import prepare_for_inference
from tests.asr.encoder.conftest import ARCHITECTURES
from tests.asr.encoder.looped import build, features, gradients, loss_of, outputs

WHOLE = Depth(chunk_size=0)
#: The attention that chunks need, where it is not the default.
OPTIONS = [{}, {"use_sdpa": True}]


@pytest.fixture(params=ARCHITECTURES.values(), ids=str)
def arch(request):
    return request.param


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_chunk_sees_itself_and_those_before_it(arch, options):
    encoder = build(arch, chunk_size=3, num_left_chunks=1, **options).eval()
    x = torch.randn(1, 63, 20, dtype=torch.float64)  # 15 states
    out, _, _ = encoder(x, torch.tensor([63]))
    # The features of state 6, the first of the third chunk, begin at 24; state 5 sees up to 26.
    later = x.clone()
    later[:, 27:] += 1
    changed = (encoder(later, torch.tensor([63]))[0] - out).abs().amax((0, 2)) > 1e-9
    assert not changed[:6].any() and changed[6:].all()


def test_alone_as_in_a_batch(arch):
    encoder = build(arch, part="strides", chunk_size=6, num_left_chunks=1, use_sdpa=True).eval()
    x, lengths = features()
    out, olens, _ = encoder(x, lengths)
    assert not out.isnan().any()
    for row, length in enumerate(lengths.tolist()):
        alone, _, _ = encoder(x[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(out[row, : olens[row]], alone[0], rtol=1e-10, atol=1e-10)


def test_one_chunk_is_the_whole_utterance(arch):
    encoder = build(arch, part="norms", chunk_size=4).eval()
    x, lengths = features()
    whole, olens, _ = encoder(x, lengths, depth=WHOLE)
    chunk, _, _ = encoder(x, lengths, depth=Depth(chunk_size=99))
    usual, _, _ = encoder(x, lengths)
    for row, frames in enumerate(olens.tolist()):
        torch.testing.assert_close(whole[row, :frames], chunk[row, :frames])
    assert not torch.allclose(usual, whole)
    stock = build(arch, part="norms").eval()
    assert torch.equal(stock(x, lengths)[0], whole)
    assert list(stock.state_dict()) == list(encoder.state_dict())


@pytest.mark.parametrize("options", [{}, {"checkpoint_loops": True}], ids=str)
def test_training_has_gradients_that_padding_does_not_change(arch, options):
    encoder = build(arch, part="low_rank", chunk_size=4, use_sdpa=True, **options).train()
    x, lengths = features()
    found = []
    for more in (0, 9):
        encoder.zero_grad()
        torch.manual_seed(3)
        padded = torch.nn.functional.pad(x, (0, 0, 0, more), value=7.0)
        loss_of(*outputs(encoder(padded, lengths))).backward()
        found.append(gradients(encoder))
    assert all(grad.isfinite().all() for grad in found[0].values())
    torch.testing.assert_close(found[0], found[1], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_prepared(arch, precision):
    encoder = build(arch, part="diagonal", chunk_size=4, num_left_chunks=1).float().eval()
    x, lengths = features([48])
    before, _, _ = encoder(x.float(), lengths)
    after, _, _ = prepare_for_inference(encoder, precision)(x.float(), lengths)
    close = 1e-4 if precision == "float32" else 0.5
    assert (after - before).abs().max() < close


@pytest.mark.parametrize(
    ("name", "conf", "said"),
    [
        ("branchformer", {"merge_method": "learned_ave"}, "merge_method=learned_ave"),
        (
            "branchformer",
            {"attention_layer_type": "fast_selfattn", "pos_enc_layer_type": "abs_pos"},
            "fast_selfattn",
        ),
        ("conformer", {"rel_pos_type": "legacy"}, "rel_pos_type: latest"),
        ("transformer", {"compile": True}, "compile: true does not go with chunk_size"),
        ("transformer", {"layer_drop_rate": 0.1}, "layer_drop_rate does not go with chunk_size=4"),
        ("transformer", {"loop_strides": [3]}, "multiple of each of loop_strides"),
    ],
    ids=str,
)
def test_encoders_that_have_no_chunks(name, conf, said):
    with pytest.raises(ValueError, match=said):
        ARCHITECTURES[name].build((1, 2, 0, 0), chunk_size=4, **conf)


def test_a_choice_that_an_encoder_cannot_make():
    encoder = ARCHITECTURES["conformer"].build((1, 2, 0, 0), rel_pos_type="legacy").eval()
    with pytest.raises(ValueError, match="rel_pos_type: latest"):
        encoder.set_depth(chunk_size=4)
    with pytest.raises(ValueError, match="num_left_chunks needs chunk_size"):
        encoder.set_depth(num_left_chunks=4)
    with pytest.raises(UserError, match="chunk_size must be an integer of 0 or more, not -3"):
        Depth(chunk_size=-3)
    assert issubclass(EncoderConfError, ValueError)
