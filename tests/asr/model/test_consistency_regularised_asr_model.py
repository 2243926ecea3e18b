"""CR-CTC: what the consistency of two views is, and when it is ESPnet's model itself."""

from argparse import Namespace
from pathlib import Path

import pytest
import torch
from espnet2.tasks.asr import ASRTask

from espnet_recursive import registry
from espnet_recursive.asr.model.consistency_regularised_asr_model import (
    ConsistencyRegularisedASRModel,
    consistency_loss,
)
from espnet_recursive.errors import UserError

registry.register()
TOKENS = ["<blank>", "<unk>", "a", "b", "c", "<sos/eos>"]
MASKS = {"apply_time_warp": True, "time_mask_width_range": [0, 6]}
NO_MASKS = {"freq_mask_width_range": [0, 1], "time_mask_width_range": [0, 1]}


def built(model, specaug=MASKS, input_size=20, **model_conf):
    args = ASRTask.get_default_config()
    args.update(
        model=model,
        token_list=TOKENS,
        input_size=input_size,
        specaug="specaug" if specaug else None,
        specaug_conf=specaug,
        normalize=None,
        encoder="transformer",
        encoder_conf={
            "output_size": 8,
            "attention_heads": 2,
            "linear_units": 8,
            "num_blocks": 2,
            "dropout_rate": 0.0,
            "positional_dropout_rate": 0.0,
            "interctc_layer_idx": [1],
        },
        decoder="transformer",
        decoder_conf={"attention_heads": 2, "linear_units": 8, "num_blocks": 1},
        ctc_conf={"dropout_rate": 0.0},
        model_conf={"ctc_weight": 0.3, "interctc_weight": 0.5, **model_conf},
    )
    if input_size is None:
        args["frontend_conf"] = {"n_fft": 128, "hop_length": 64, "n_mels": 20, "fs": 8000}
    torch.manual_seed(0)
    return ASRTask.build_model(Namespace(**args)).train()


def batch(input_size=20):
    torch.manual_seed(1)
    long = (50,) if input_size else (50 * 64,)
    speech = torch.randn(2, *long, *([20] if input_size else []))
    lengths = torch.tensor([long[0], long[0] * 4 // 5])
    return speech, lengths, torch.tensor([[2, 3, 4], [4, 2, -1]]), torch.tensor([3, 2])


def test_weight_zero_is_espnets_model_bit_for_bit():
    stock, ours = built("espnet"), built("espnet_cr_ctc", consistency_weight=0.0)
    assert list(stock.state_dict()) == list(ours.state_dict())
    for model in (stock, ours):
        torch.manual_seed(2)
        model(*batch())[0].sum().backward()
    for a, b in zip(stock.parameters(), ours.parameters(), strict=True):
        assert torch.equal(a.grad, b.grad)


def test_identical_views_have_no_inconsistency():
    model = built("espnet_cr_ctc", NO_MASKS)
    for part in model.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    assert float(model(*batch())[1]["loss_consistency"]) == pytest.approx(0.0, abs=1e-9)


def test_both_views_have_the_same_warp():
    """At ESPnet's window of 80 frames, utterances of 160 frames or fewer are not warped at all."""
    model = built("espnet_cr_ctc", NO_MASKS | {"apply_time_warp": True, "time_warp_window": 5})
    for part in model.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    seen = []
    model.encoder.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    speech, *others = batch()
    assert float(model(speech, *others)[1]["loss_consistency"]) == pytest.approx(0.0, abs=1e-9)
    one, other = seen[0].chunk(2)
    assert torch.equal(one, other) and not torch.equal(one, speech)


def test_padding_has_no_effect_and_each_view_learns_from_the_other_held_constant():
    a, b = (torch.randn(2, 5, 6).log_softmax(-1).requires_grad_() for _ in range(2))
    lengths = torch.tensor([5, 3])
    loss = consistency_loss(a, b, lengths)
    loss.backward()
    assert (a.grad[1, 3:] == 0).all() and (b.grad[1, 3:] == 0).all()
    assert torch.allclose(a.grad[0], -b.detach()[0].exp() / 4)
    with torch.no_grad():
        p, q = a[0], b[0]
        by_hand = ((q.exp() - p.exp()) * (q - p)).sum()
        p, q = a[1, :3], b[1, :3]
        by_hand += ((q.exp() - p.exp()) * (q - p)).sum()
        assert torch.allclose(loss, by_hand / 4)


@pytest.mark.parametrize("input_size", [20, None], ids=["features", "waveforms"])
def test_every_parameter_has_a_gradient_and_validation_is_espnets(input_size):
    model = built("espnet_cr_ctc", input_size=input_size)
    loss, stats, weight = model(*batch(input_size))
    assert float(stats["loss_consistency"]) > 0 and float(weight) == 2
    loss.sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    model.eval()
    stock = built("espnet", input_size=input_size).eval()
    stock.load_state_dict(model.state_dict())
    assert torch.equal(model(*batch(input_size))[0], stock(*batch(input_size))[0])


def test_the_loss_decreases():
    model = built("espnet_cr_ctc")
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for _ in range(15):
        optimiser.zero_grad()
        loss = model(*batch())[0].sum()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_the_recipes_configuration_chooses_it():
    conf = Path(__file__).parents[3] / "egs2/an4/asr1/conf/train_asr_cr_ctc.yaml"
    args = ASRTask.get_parser().parse_args(["--config", str(conf), "--output_dir", "unused"])
    args.token_list, args.input_size = TOKENS, 20
    model = ASRTask.build_model(args)
    assert (type(model), model.consistency_weight) == (ConsistencyRegularisedASRModel, 0.2)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"specaug": None}, "set specaug"),
        ({"ctc_weight": 0.0, "interctc_weight": 0.0}, "ctc_weight above 0"),
        ({"consistency_weight": -1.0}, "0 or more"),
    ],
)
def test_what_cannot_be_is_refused(options, reason):
    with pytest.raises(UserError, match=reason):
        built("espnet_cr_ctc", **options)
