"""Loops in ESPnet's recogniser: intermediate CTC, what is logged, and when progress is counted."""

import copy
import sys
from types import SimpleNamespace

import pytest
import torch
from espnet2.torch_utils.load_pretrained_model import load_pretrained_model
from espnet2.train.reporter import Reporter

from tests.asr.encoder.conftest import ARCHITECTURES
from tests.asr.encoder.looped import LENGTHS, SHAPE, build, features
from tests.asr.encoder.recogniser import batch, model_of

N_R, _, N_P, _ = SHAPE
#: Where ESPnet says that loops 1 and 3 end.
FIRST, THIRD = N_P + N_R, N_P + 3 * N_R


# ---- Intermediate CTC


def test_the_loss_is_weighted_over_the_loops(arch):
    plain, _, _ = model_of(build(arch))(**batch())
    loss, stats, _ = model_of(build(arch, interctc_loops=[1, 3]), interctc_weight=0.3)(**batch())
    of_loops = [stats[f"loss_interctc_layer{position}"] for position in (FIRST, THIRD)]
    assert stats["loss_ctc"].tolist() == pytest.approx(plain.tolist())
    torch.testing.assert_close(loss, 0.7 * plain + 0.3 * sum(of_loops) / 2)
    assert len({float(value.detach()) for value in (*of_loops, plain)}) == 3
    without, stats, _ = model_of(build(arch, interctc_loops=[1, 3]))(**batch())
    torch.testing.assert_close(without, plain)
    assert not [key for key in stats if "interctc" in key]


@pytest.mark.parametrize("training", [True, False])
def test_a_loss_does_not_depend_on_the_batch_where_loops_differ(arch, training):
    """All batches have the same statistics: ranks add them up by their names."""
    model = model_of(build(arch, "length", interctc_loops=[1, 3, 4]), interctc_weight=0.3)
    model.train(training)
    together, stats, _ = model(**batch())
    alone = [model(**batch([row])) for row in range(4)]
    assert {tuple(sorted(own)) for _, own, _ in alone} == {tuple(sorted(stats))}
    torch.testing.assert_close(sum(loss for loss, _, _ in alone) / 4, together)
    for key in (key for key in stats if key.startswith("loss_") and key != "loss_att"):
        torch.testing.assert_close(sum(own[key] for _, own, _ in alone) / 4, stats[key])


def test_a_finished_utterance_is_looked_at_as_it_finished():
    encoder = build(ARCHITECTURES["transformer"], "length", interctc_loops=[1, 2, 4])
    x, lengths = features()
    (_, states), _, _ = encoder(x[3:, :26], lengths[3:])
    assert encoder.loops_run.tolist() == [1]
    assert [position for position, _ in states] == [N_P + loops * N_R for loops in (1, 2, 4)]
    assert torch.equal(states[1][1], states[0][1]) and torch.equal(states[2][1], states[0][1])
    encoder.eval().set_depth(num_loops=2)
    (_, states), _, _ = encoder(x[3:, :26], lengths[3:])
    assert [position for position, _ in states] == [N_P + loops * N_R for loops in (1, 2)]


def test_executed_layers_are_no_positions_where_they_differ(interctc_arch):
    build(interctc_arch, "length", interctc_layer_idx=[FIRST])
    with pytest.raises(ValueError, match=r"interctc_layer_idx=\[4\] .* name loops in interctc_loo"):
        build(interctc_arch, "length", interctc_layer_idx=[FIRST + 1])


# ---- What is logged


def test_loops_stand_beside_the_losses(arch):
    _, stats, weight = model_of(build(arch, "length"))(**batch())
    assert float(stats["num_loops"]) == (3 + 2 + 4 + 1) / 4
    assert stats["num_loops"].shape == stats["loss"].shape == weight.shape
    _, stats, _ = model_of(build(arch))(**batch())
    assert "num_loops" not in stats, "always the same"


def test_loops_are_in_the_log_and_in_w_and_b(monkeypatch):
    """In TensorBoard too; see the recipe's test, which trains."""
    sent = []
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(log=sent.append))
    model = model_of(build(ARCHITECTURES["transformer"], "schedule"))
    reporter = Reporter()
    for epoch in (1, 2):
        model.train()
        reporter.set_epoch(epoch)
        with reporter.observe("train") as observer:
            _, stats, weight = model(**batch())
            observer.register({key: value for key, value in stats.items() if value is not None})
            observer.next()
            observer.wandb_log()
            assert f"num_loops={epoch}.000" in observer.log_message()
        reporter.wandb_log()
    logged = [entry[key] for entry in sent for key in entry if "num_loops" in key]
    assert logged == [1, 1, 2, 2]
    assert f"num_loops={epoch}.000" in reporter.log_message()


# ---- Progress


def counted(model):
    return model.state_dict()["encoder.progress._extra_state"].tolist()


def test_the_statistics_stage_counts_nothing():
    model = model_of(build(ARCHITECTURES["transformer"], "uniform")).train()
    model.collect_feats(**batch())
    assert counted(model) == [0, 0, 0, 1]


def test_inference_counts_nothing_and_leaves_the_weights_alone(arch):
    model = model_of(build(arch, "uniform")).eval()
    before = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        model.encode(*[batch()[key] for key in ("speech", "speech_lengths")])
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize("excluded", ["", ":::encoder.progress"])
def test_weights_of_another_training_bring_its_progress_unless_left_out(tmp_path, excluded):
    """As --init_param, which is how ESPnet starts from a trained model."""
    trained = model_of(build(ARCHITECTURES["transformer"], "schedule"))
    for _ in range(3):
        trained.train()(**batch())
    torch.save(trained.state_dict(), tmp_path / "model.pth")
    model = model_of(build(ARCHITECTURES["transformer"], "schedule"))
    load_pretrained_model(f"{tmp_path / 'model.pth'}{excluded}", model, ignore_init_mismatch=False)
    _, stats, _ = model.train()(**batch())
    assert float(stats["num_loops"]) == (1 if excluded else 4)
    weights = [m.encoder.encoders.unique_layers[0].norm1.weight for m in (model, trained)]
    assert torch.equal(*weights)


def test_lengths_are_those_of_the_other_tests():
    assert LENGTHS == [48, 35, 60, 26], "3, 2, 4 and 1 loops"
