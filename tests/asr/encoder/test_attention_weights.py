"""Attention maps as ESPnet's trainer draws them, which its own encoders lack under SDPA."""

import copy

import pytest
import torch
from espnet2.asr.ctc import CTC
from espnet2.asr.decoder.transformer_decoder import TransformerDecoder
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.legacy.nets.pytorch_backend.transformer.attention import MultiHeadedAttention
from espnet2.main_funcs.calculate_all_attentions import calculate_all_attentions

SHAPE = (2, 3, 1, 1)
TOKENS = ["<blank>", "<unk>", "a", "b", "<sos/eos>"]

# Architecture and options for each attention that has an SDPA path.
REL = {"rel_pos_type": "latest", "pos_enc_layer_type": "rel_pos"}
LEGACY = {"rel_pos_type": "legacy", "pos_enc_layer_type": "rel_pos"}
ABS = {"rel_pos_type": "legacy", "pos_enc_layer_type": "abs_pos"}
KINDS = [
    ("transformer", {}, None),
    *(
        (name, options, attention)
        for name in ("branchformer", "conformer", "e_branchformer")
        for options, attention in (
            (REL, "rel_selfattn"),
            (LEGACY, "rel_selfattn"),
            (ABS, "selfattn"),
        )
    ),
]


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind[0]}-{kind[2]}-{kind[1].get('rel_pos_type')}")
def pair(request, architectures):
    """Our encoder without and with SDPA, and the stock one with it, all with the same weights."""
    name, options, attention = request.param
    arch = architectures[name]
    if attention:
        options = {**options, arch.attention_key: attention}
    options = {**options, "attention_dropout_rate": 0.3}
    plain, fused = (arch.build(SHAPE, use_sdpa=on, **options) for on in (False, True))
    fused.load_state_dict(plain.state_dict(), strict=True)
    stock = arch.unroll(plain, SHAPE, use_sdpa=True, **options)
    return plain.eval(), fused.eval(), stock.eval()


def attentions(encoder) -> list[MultiHeadedAttention]:
    return [m for m in encoder.modules() if isinstance(m, MultiHeadedAttention)]


def asr_model(encoder) -> ESPnetASRModel:
    torch.manual_seed(5)
    size = encoder.output_size()
    return ESPnetASRModel(
        vocab_size=len(TOKENS),
        token_list=TOKENS,
        frontend=None,
        specaug=None,
        normalize=None,
        preencoder=None,
        encoder=encoder,
        postencoder=None,
        decoder=TransformerDecoder(len(TOKENS), size, 2, 8, 1),
        ctc=CTC(odim=len(TOKENS), encoder_output_size=size),
        joint_network=None,
    ).eval()


@pytest.fixture
def asr_batch(batch) -> dict[str, torch.Tensor]:
    return {
        "speech": batch[0],
        "speech_lengths": batch[1],
        "text": torch.tensor([[2, 3, 2], [3, 3, -1]]),
        "text_lengths": torch.tensor([3, 2]),
    }


def test_sdpa_computes_the_same(pair, batch):
    plain, fused, stock = pair
    x, lengths = batch
    with torch.no_grad():
        for utterances in ((x, lengths), (x[:1], lengths[:1]), (x[1:, :35], lengths[1:])):
            out, olens, _ = plain(*utterances)
            fused_out, fused_olens, _ = fused(*utterances)
            stock_out, _, _ = stock(*utterances)
            for i, length in enumerate(olens):
                for other in (fused_out, stock_out):
                    torch.testing.assert_close(
                        out[i, :length], other[i, :length], rtol=1e-5, atol=1e-5
                    )
            assert torch.equal(olens, fused_olens)


def test_an_ordinary_forward_computes_no_weights(pair, batch):
    _, fused, _ = pair
    assert len(attentions(fused)) == 4
    with torch.no_grad():
        fused(*batch)
    fused.train()(*batch)[0].sum().backward()
    assert [m.attn for m in attentions(fused)] == [None] * 4


def test_espnet_draws_the_maps_that_it_draws_without_sdpa(pair, asr_batch):
    plain, fused, _ = pair
    maps, fused_maps = (calculate_all_attentions(asr_model(e), asr_batch) for e in (plain, fused))
    assert maps.keys() == fused_maps.keys()
    assert len([name for name in fused_maps if name.startswith("encoder.")]) == 4
    for name, utterances in maps.items():
        assert len(utterances) == 2
        torch.testing.assert_close(fused_maps[name], utterances, rtol=1e-5, atol=1e-5)
        for weights in fused_maps[name]:
            torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))


def test_maps_of_a_loop_are_those_of_its_last_execution(pair, asr_batch):
    _, fused, _ = pair
    maps = calculate_all_attentions(asr_model(fused), asr_batch)
    name = next(n for n in maps if n.startswith("encoder.encoders.1."))
    module = dict(asr_model(fused).named_modules())[name]
    assert torch.equal(module.attn[0], maps[name][-1])


def test_stock_encoders_still_crash_there(pair, asr_batch):
    """When this fails, ESPnet has mended it, and attention_weights.py may go."""
    _, _, stock = pair
    # A copy: ESPnet's hooks stay behind, also on an activation that all its encoders share.
    model = copy.deepcopy(asr_model(stock))
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'detach'"):
        calculate_all_attentions(model, asr_batch)


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_being_watched_changes_nothing(pair, batch, training):
    _, fused, _ = pair
    fused.train(training)
    results = []
    for watched in (False, True):
        handles = [m.register_forward_hook(lambda *_: None) for m in attentions(fused) if watched]
        torch.manual_seed(4)
        with torch.no_grad():
            out, olens, _ = fused(*batch)
        results.append((out, olens, torch.get_rng_state()))
        for handle in handles:
            handle.remove()
    for alone, with_watcher in zip(*results, strict=True):
        assert torch.equal(alone, with_watcher)
    for module in attentions(fused):  # of the longer utterance, before dropout
        torch.testing.assert_close(module.attn[0].sum(-1), torch.ones(module.attn.shape[1:3]))
    assert all(m.use_sdpa and m.training is training for m in attentions(fused))
    assert all(m.dropout.training is training for m in attentions(fused))


def test_drawing_leaves_no_watcher_behind(pair, asr_batch, batch):
    _, fused, _ = pair
    with torch.no_grad():
        before = fused(*batch)[0]
        calculate_all_attentions(asr_model(fused), asr_batch)
        for module in attentions(fused):
            module.attn = None
        assert torch.equal(fused(*batch)[0], before)
    assert [m.attn for m in attentions(fused)] == [None] * 4


def test_hooks_of_a_training_do_not_cost_weights(pair, batch):
    """Only outside of gradient computation does the trainer read them."""
    _, fused, _ = pair
    for module in attentions(fused):
        module.register_forward_hook(lambda *_: None)
    fused.train()(*batch)[0].sum().backward()
    assert [m.attn for m in attentions(fused)] == [None] * 4
