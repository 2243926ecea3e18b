"""Self-distillation between loops: what is compared, and when it is ESPnet's model itself."""

from argparse import Namespace

import pytest
import torch
from espnet2.tasks.asr import ASRTask

from espnet_recursive import registry
from espnet_recursive.asr.encoder.shallow_output import ShallowOutput
from espnet_recursive.asr.model.self_distilled_asr_model import distillation_loss
from espnet_recursive.errors import UserError
from espnet_recursive.registry import ENCODERS

registry.register()
TOKENS = ["<blank>", "<unk>", "a", "b", "c", "<sos/eos>"]
SHAPE = {"prelude_blocks": 1, "recurrent_blocks": 1, "coda_blocks": 1, "num_loops": 3}


def built(model="espnet_self_distilled", encoder="latent_recursive_transformer", conf=SHAPE,
          model_conf=(), specaug="specaug"):  # fmt: skip
    wide = "cgmlp_linear_units" if "branchformer" in encoder else "linear_units"
    args = ASRTask.get_default_config()
    args.update(
        model=model,
        token_list=TOKENS,
        input_size=20,
        specaug=specaug,
        specaug_conf={"time_mask_width_range": [0, 6]} if specaug else {},
        normalize=None,
        encoder=encoder,
        encoder_conf={"output_size": 8, "attention_heads": 2, wide: 8, **conf},
        decoder="transformer",
        decoder_conf={"attention_heads": 2, "linear_units": 8, "num_blocks": 1},
        ctc_conf={"dropout_rate": 0.0},
        model_conf={"ctc_weight": 0.3, **dict(model_conf)},
    )
    torch.manual_seed(0)
    return ASRTask.build_model(Namespace(**args)).train()


def batch():
    torch.manual_seed(1)
    speech, lengths = torch.randn(2, 50, 20), torch.tensor([50, 40])
    return speech, lengths, torch.tensor([[2, 3, 4], [4, 2, -1]]), torch.tensor([3, 2])


def without_dropout(model):
    for part in model.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
        elif hasattr(part, "dropout_rate"):
            part.dropout_rate = 0.0
    return model


@pytest.mark.parametrize("encoder", ENCODERS)
def test_weights_of_zero_are_espnets_model_bit_for_bit(encoder):
    stock = built("espnet", encoder)
    ours = built(encoder=encoder, model_conf={"distillation_weight": 0.0})
    assert list(stock.state_dict()) == list(ours.state_dict())
    for model in (stock, ours):
        torch.manual_seed(2)
        model(*batch())[0].sum().backward()
    for a, b in zip(stock.parameters(), ours.parameters(), strict=True):
        assert torch.equal(a.grad, b.grad)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("loops, drawn", [(1, 0.2), (2, 0.7)])
def test_the_shallow_output_is_that_of_an_encoder_with_fewer_loops(encoder, loops, drawn):
    """And the pass itself is what it is without it."""
    model = without_dropout(built(encoder=encoder)).encoder
    fewer = without_dropout(built(encoder=encoder, conf=SHAPE | {"num_loops": loops},
                                  model_conf={"distillation_weight": 0.0})).encoder  # fmt: skip
    fewer.load_state_dict(model.state_dict())
    feats, lengths, *_ = batch()
    plain = model(feats, lengths)[0]
    model.shallow_output = ShallowOutput(drawn)
    assert torch.allclose(model(feats, lengths)[0], plain, atol=1e-6)
    expected = fewer(feats, lengths)[0]
    assert torch.allclose(model.shallow_output.states, expected, atol=1e-6)


@pytest.mark.parametrize("options", [
    {"loop_strides": [2, 2, 1]},
    {"interctc_loops": [1, 2]},
    {"checkpoint_loops": True},
    {"loop_norms": True, "input_injection": "add", "loop_film": True},
    {"coda_blocks": 0},
])  # fmt: skip
def test_other_options_of_loops_go_with_it(options):
    model = without_dropout(built(conf=SHAPE | options))
    fewer = without_dropout(built(conf=SHAPE | options, model_conf={"distillation_weight": 0.0}))
    fewer.load_state_dict(model.state_dict())
    feats, lengths, *_ = batch()
    model.encoder.shallow_output = ShallowOutput(0.99)
    model.encoder(feats, lengths)
    fewer.eval().encoder.set_depth(2)
    expected = fewer.encoder(feats, lengths)[0]
    expected = expected[0] if isinstance(expected, tuple) else expected
    assert torch.allclose(model.encoder.shallow_output.states, expected, atol=1e-6)


def test_an_utterance_with_fewer_loops_has_its_own_output():
    conf = SHAPE | {
        "loop_policy": "length",
        "loop_policy_conf": {"min_length": 40, "max_length": 50, "max_loops": 4},
    }
    encoder = without_dropout(built(conf=conf)).encoder
    feats, lengths, *_ = batch()
    encoder.shallow_output = ShallowOutput(0.5)
    out = encoder(feats, lengths)[0]
    assert encoder.loops_run.tolist() == [4, 1]
    assert torch.allclose(encoder.shallow_output.states[1, :7], out[1, :7], atol=1e-6)
    assert not torch.allclose(encoder.shallow_output.states[0], out[0], atol=1e-3)


def test_the_teacher_is_held_constant_and_padding_has_no_effect():
    student, teacher = (torch.randn(2, 5, 6).log_softmax(-1).requires_grad_() for _ in range(2))
    loss = distillation_loss(student, teacher, torch.tensor([5, 3]))
    loss.backward()
    assert teacher.grad is None and (student.grad[1, 3:] == 0).all()
    with torch.no_grad():
        by_hand = sum(
            (teacher[i, t].exp() * (teacher[i, t] - student[i, t])).sum()
            for i, frames in ((0, 5), (1, 3))
            for t in range(frames)
        )
    assert torch.allclose(loss, by_hand / 2)


def test_draws_are_all_smaller_numbers_of_loops():
    found = [ShallowOutput(n / 100).loop(5) for n in range(100)]
    assert [found.count(loops) for loops in range(1, 5)] == [25] * 4
    assert ShallowOutput(0.5).loop(1) == 0


def test_every_parameter_has_a_gradient_and_validation_is_espnets():
    model = built()
    loss, stats, weight = model(*batch())
    assert float(stats["loss_distillation"]) > 0 and float(weight) == 2
    loss.sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    assert model.encoder.shallow_output is None
    model.eval()
    stock = built("espnet").eval()
    stock.load_state_dict(model.state_dict())
    assert torch.equal(model(*batch())[0], stock(*batch())[0])


def test_the_loss_is_the_sum_of_its_parts():
    """Of the same seed, the weight alone makes the difference."""
    losses = []
    for weight in (0.2, 0.6):
        model = built(model_conf={"distillation_weight": weight})
        torch.manual_seed(3)
        loss, stats, _ = model(*batch())
        losses.append((float(loss.detach()), float(stats["loss_distillation"])))
    (one, part), (other, same) = losses
    assert part == same and other - one == pytest.approx(0.4 * part, rel=1e-3)


def test_both_views_of_cr_ctc_are_distilled():
    model = built(model_conf={"consistency_weight": 0.2})
    loss, stats, weight = model(*batch())
    assert float(weight) == 2
    assert float(stats["loss_consistency"]) > 0 and float(stats["loss_distillation"]) > 0
    loss.sum().backward()


def test_a_pass_of_one_loop_has_nothing_to_learn():
    conf = SHAPE | {"loop_policy": "schedule", "loop_policy_conf": {"end": 3, "total": 9}}
    _, stats, _ = built(conf=conf)(*batch())
    assert float(stats["loss_distillation"]) == 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"encoder": "transformer", "conf": {"num_blocks": 2}}, "TransformerEncoder, has none"),
        ({"conf": SHAPE | {"num_loops": 1}}, "num_loops of 2 or more"),
        ({"model_conf": {"ctc_weight": 0.0}}, "ctc_weight above 0"),
        ({"model_conf": {"distillation_weight": -1.0}}, "0 or more"),
        ({"model_conf": {"consistency_weight": 0.2}, "specaug": None}, "set specaug"),
        ({"encoder": "latent_recursive_e_branchformer",
          "conf": SHAPE | {"gradient_checkpoint_layers": [1]}}, "gradient_checkpoint_layers"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(options, reason):
    with pytest.raises(UserError, match=reason):
        built(**options)
