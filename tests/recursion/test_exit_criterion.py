"""Exit criteria on states whose differences are known."""

import math

import pytest
import torch

from espnet_recursive.recursion.exit_criterion import (
    EXIT_CRITERIA,
    ExitRule,
    changed_labels,
    divergence,
    relative_change,
    second_difference,
)

MASK = torch.tensor([[True, True, True], [True, True, False]])


def test_relative_change_is_that_of_the_norms():
    after = torch.randn(2, 3, 4)
    before = after.clone()
    before[0] *= 1.5
    before[1, 2] += 100  # padding
    assert relative_change(before, after, MASK).tolist() == pytest.approx([0.5, 0.0])


def test_divergence_is_the_mean_over_frames():
    after = torch.tensor([0.5, 0.25, 0.25]).log().expand(2, 3, 3)
    before = torch.tensor([0.25, 0.5, 0.25]).log().expand(2, 3, 3).clone()
    before[1, 0] = after[1, 0]
    before[1, 2] = torch.tensor([0.98, 0.01, 0.01]).log()  # padding
    kl = 0.5 * math.log(2) - 0.25 * math.log(2)
    assert divergence(before, after, MASK).tolist() == pytest.approx([kl, kl / 2])


def test_divergence_of_many_frames_is_that_of_all():
    """Which are computed a few at a time."""
    before, after = torch.randn(2, 3, 41, 7).log_softmax(-1)
    mask = torch.arange(41) < torch.tensor([41, 33, 0])[:, None]
    of_frames = torch.nn.functional.kl_div(before, after, reduction="none", log_target=True)
    expected = (of_frames.sum(-1) * mask).sum(1) / mask.sum(1).clamp_min(1)
    torch.testing.assert_close(divergence(before, after, mask), expected)


def test_changed_labels_is_a_share_of_frames():
    before = torch.tensor([[1, 2, 3], [1, 1, 7]])
    after = torch.tensor([[1, 0, 3], [1, 1, 8]])
    assert changed_labels(before, after, MASK).tolist() == pytest.approx([1 / 3, 0])


def test_second_difference_is_that_of_the_steps():
    """By hand: steps of norm 2 and 1 in one direction, then at right angles; states of norm 5."""
    states = torch.tensor([3.0, 4.0]).expand(2, 3, 2) * MASK.unsqueeze(-1)
    steps = torch.tensor([[2.0, 0.0], [2.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    before, after = (torch.cat([s[:, None].expand(2, 3, 2), states], -1).clone() for s in steps)
    before[1, 2] += 100  # padding
    expected = [1 / 5, math.sqrt(5) / 5]
    assert second_difference(before, after, MASK).tolist() == pytest.approx(expected)


def test_first_loops():
    """A second difference needs three states; the others two."""
    first = {name: ExitRule(name, 0.1).first_loop for name in EXIT_CRITERIA}
    assert first == {"latent": 1, "kl": 1, "labels": 1, "acceleration": 2}
    assert ExitRule("acceleration", 0.1, 4).first_loop == 4


@pytest.fixture(params=sorted(EXIT_CRITERIA))
def criterion(request):
    return request.param


def ctc(states):
    return states @ torch.linspace(-1, 1, 20).reshape(4, 5)


@pytest.mark.parametrize(("threshold", "exits"), [(0.0, False), (math.inf, True)])
@pytest.mark.parametrize("moved", [0.0, 1.0])
def test_at_0_never_and_at_infinity_always(criterion, threshold, exits, moved):
    """Also where nothing changes at all."""
    states = torch.randn(2, 3, 4)
    rule = ExitRule(criterion, threshold)
    other = states + moved * torch.randn(2, 3, 4)
    views = [rule.view(states, ctc, states), rule.view(other, ctc, states)]
    finished = rule.finished(*views, MASK)
    assert finished.tolist() == [exits, exits]
    assert finished.device.type == "cpu"


def test_each_utterance_is_judged_alone(criterion):
    torch.manual_seed(0)
    before, after = torch.randn(2, 8, 3, 4)
    mask = torch.ones(8, 3, dtype=torch.bool)
    together = EXIT_CRITERIA[criterion]
    views = [together.view(x, ctc, before) for x in (before, after)]
    whole = together.difference(*views, mask)
    for row in range(8):
        alone = together.difference(views[0][row : row + 1], views[1][row : row + 1], mask[:1])
        torch.testing.assert_close(alone, whole[row : row + 1])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("cosine", 0.1), "'cosine' is none of latent, kl, labels, acceleration"),
        (("latent", -0.1), "threshold must be 0 or more, not -0.1"),
        (("latent", math.nan), "threshold must be 0 or more, not nan"),
        (("latent", 0.1, 0), "min_loops must be 1 or more, not 0"),
    ],
)
def test_impossible_rules(values, message):
    with pytest.raises(ValueError, match=message):
        ExitRule(*values)


def test_which_criteria_need_ctc():
    assert {name for name in EXIT_CRITERIA if ExitRule(name, 1).needs_ctc} == {"kl", "labels"}
