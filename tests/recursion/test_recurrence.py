"""A pass by a plan, on layers that write down what they did."""

import math

import pytest
import torch

from espnet_recursive.recursion.exit_criterion import ExitRule
from espnet_recursive.recursion.loop_plan import LoopPlan
from espnet_recursive.recursion.recurrence import LayerPass, PlannedPass
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.recursion.stack import RecursiveStack

SHAPE = RecursionShape(recurrent_blocks=2, num_loops=3, prelude_blocks=1, coda_blocks=1)


class Layer(torch.nn.Module):
    """x -> 10 x + number: the digits of the state are the layers that ran. Counts its rows."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number, self.rows = number, []

    def forward(self, xs, masks):
        x, *positions = xs if isinstance(xs, tuple) else (xs,)
        assert masks is None or len(masks) == len(x)
        self.rows.append(len(x))
        x = 10 * x + self.number
        return ((x, *positions) if positions else x), masks


def run(counts, shape=SHAPE, xs=None, masks=None, **plan):
    """The states as numbers, and what was done."""
    stack = RecursiveStack([Layer(i + 1) for i in range(shape.unique_blocks)], shape).double()
    x = torch.zeros(len(counts), 1, 1, dtype=torch.float64) if xs is None else xs
    done = PlannedPass(stack, LoopPlan(torch.tensor(counts), **plan))
    out, masks_out = done(x, masks)
    assert masks_out is masks
    return out, done, stack


def digits(counts):
    return [float(f"1{'23' * count}4") for count in counts]


@pytest.mark.parametrize("counts", [[3], [1, 1], [1, 2, 3], [3, 1, 2, 1], [2, 5, 2]])
def test_every_utterance_runs_its_own_loops(counts):
    masks = torch.ones(len(counts), 1, 1, dtype=torch.bool)
    out, done, stack = run(counts, masks=masks)
    assert out.flatten().tolist() == digits(counts)
    assert done.loops.tolist() == counts
    # Finished rows are not computed.
    still = [sum(count >= loop for count in counts) for loop in range(1, max(counts) + 1)]
    assert [layer.rows for layer in stack.unique_layers] == [
        [len(counts)],
        still,
        still,
        [len(counts)],
    ]
    assert done.row_layers == sum(2 + 2 * count for count in counts)


def test_masks_and_positions_go_along():
    positions = torch.randn(1, 7, 1)
    masks = torch.ones(3, 1, 1, dtype=torch.bool)
    xs = (torch.zeros(3, 1, 1, dtype=torch.float64), positions)
    (out, out_positions), _, _ = run([2, 1, 3], xs=xs, masks=masks)
    assert out.flatten().tolist() == digits([2, 1, 3])
    assert out_positions is positions


def test_states_at_positions_are_of_the_whole_batch():
    _, done, _ = run([1, 3], states_after={1: 1, 3: 3, 5: 5, 7: 7, 8: 8})
    assert [(p, s.flatten().tolist()) for p, s in done.states] == [
        (1, [1, 1]),
        (3, [123, 123]),
        (5, [123, 12323]),  # the first has finished
        (7, [123, 1232323]),
        (8, [1234, 12323234]),
    ]


def test_positions_that_are_not_reached_have_no_state():
    _, done, _ = run([1, 1], states_after={5: 5, 9: 9})
    assert done.states == []


def test_a_condition_goes_on_to_the_next_layer():
    out, done, _ = run(
        [2], states_after={3: 3}, condition_after=[3], condition=lambda states: states + 0.5
    )
    assert done.states[0][1].item() == 123
    assert out.item() == (((123.5 * 10 + 2) * 10) + 3) * 10 + 4


# ---- Exit

#: Loops after which each utterance's state, in units of its own, hardly moves any more.
MASKS = torch.ones(3, 1, 1, dtype=torch.bool)


class Settling(torch.nn.Module):
    """Moves a state halfway to 1 in each loop."""

    def forward(self, xs, masks):
        return (xs + 1) / 2, masks


def settle(starts, rule, most=20):
    stack = RecursiveStack([Settling()], RecursionShape(1, most, 0, 0))
    x = torch.tensor(starts).reshape(-1, 1, 1)
    plan = LoopPlan(torch.full((len(starts),), most), rule)
    done = PlannedPass(stack, plan)
    out, _ = done(x, torch.ones(len(starts), 1, 1, dtype=torch.bool))
    return out.flatten(), done


def test_an_utterance_exits_when_it_has_settled():
    threshold = 0.01
    out, done = settle([1.0, 0.5, -30.0], ExitRule("latent", threshold))
    for start, loops, last in zip([1.0, 0.5, -30.0], done.loops.tolist(), out, strict=True):
        x, expected = start, 0
        while True:
            before, x, expected = x, (x + 1) / 2, expected + 1
            if abs(x - before) / abs(x) < threshold:
                break
        assert loops == expected and last.item() == pytest.approx(x)
    assert len(set(done.loops.tolist())) == 3
    assert done.row_layers == done.loops.sum()


class Drifting(torch.nn.Module):
    """Adds 1 in each loop: a step that does not change."""

    def forward(self, xs, masks):
        return xs + 1, masks


def test_acceleration_sees_steps_that_have_settled():
    """Where each step is half of the one before, the second difference is the step itself."""
    for threshold in (0.3, 0.1, 0.01):
        starts = [0.9, 0.5, -30.0]
        (one, a), (two, b) = (
            settle(starts, ExitRule(name, threshold, 2)) for name in ("latent", "acceleration")
        )
        assert a.loops.tolist() == b.loops.tolist() and torch.equal(one, two)
    stack = RecursiveStack([Drifting()], RecursionShape(1, 20, 0, 0))
    for name, loops in (("latent", 11), ("acceleration", 2)):
        done = PlannedPass(stack, LoopPlan(torch.tensor([20]), ExitRule(name, 0.095)))
        done(torch.zeros(1, 1, 1), None)
        assert done.loops.tolist() == [loops]


def test_exit_of_each_is_that_of_it_alone():
    starts = [0.9, 0.1, -3.0, 7.0]
    rule = ExitRule("latent", 0.02, min_loops=2)
    out, done = settle(starts, rule)
    for row, start in enumerate(starts):
        alone, done_alone = settle([start], rule)
        assert alone.item() == out[row].item()
        assert done_alone.loops.item() == done.loops[row].item()


@pytest.mark.parametrize("least", [1, 2, 5])
def test_threshold_infinity_is_the_minimum_and_0_the_maximum(least):
    _, done = settle([0.5, 3.0], ExitRule("latent", math.inf, least), most=5)
    assert done.loops.tolist() == [least, least]
    _, done = settle([0.5, 3.0], ExitRule("latent", 0.0, least), most=5)
    assert done.loops.tolist() == [5, 5]


def test_counts_bound_what_exit_allows():
    stack = RecursiveStack([Settling()], RecursionShape(1, 9, 0, 0))
    plan = LoopPlan(torch.tensor([1, 4, 9]), ExitRule("latent", 0.01))
    done = PlannedPass(stack, plan)
    done(torch.tensor([-1e3, -1e3, 1.0]).reshape(3, 1, 1), torch.ones(3, 1, 1).bool())
    assert done.loops.tolist() == [1, 4, 1]


def test_the_ctc_head_is_asked_once_a_loop():
    calls = []

    def ctc(states):
        calls.append(len(states))
        return torch.cat([states, -states], -1)

    stack = RecursiveStack([Settling()], RecursionShape(1, 6, 0, 0))
    plan = LoopPlan(torch.tensor([6, 6]), ExitRule("kl", 1e-9, min_loops=3), ctc)
    PlannedPass(stack, plan)(torch.tensor([5.0, 7.0]).reshape(2, 1, 1), torch.ones(2, 1, 1).bool())
    # After loops 2 to 5: the second is the first to be compared with, and after the last
    # nothing can be saved.
    assert calls == [2, 2, 2, 2]


def test_ends_of_loops_that_nobody_runs_have_the_states_of_all():
    _, done, _ = run([1, 2], states_after={3: 3, 5: 5}, states_beyond={9, 7})
    assert [(p, s.flatten().tolist()) for p, s in done.states] == [
        (3, [123, 123]),
        (5, [123, 12323]),
        (7, [123, 12323]),
        (9, [123, 12323]),
    ]


def test_positions_are_reported_under_their_numbers():
    _, done, _ = run([1, 2], states_after={3: 3, 6: 8})
    assert [number for number, _ in done.states] == [3, 8]


@pytest.mark.parametrize("rule", [None, ExitRule("latent", math.inf)])
def test_positions_in_the_coda_do_not_depend_on_who_exits(rule):
    masks = torch.ones(2, 1, 1, dtype=torch.bool)
    _, done, _ = run([3, 3], states_after={8: 8}, exit_rule=rule, masks=masks)
    assert [number for number, _ in done.states] == [8]


@pytest.mark.parametrize("most", range(9))
def test_at_most_so_many_layers(most):
    """As in ESPnet's encoders, which stop between layers."""
    out, done, stack = run([3, 3], max_layers=most)
    assert str(int(out[0])) == ("12323234"[:most] or "0")
    assert done.row_layers == 2 * most
    signal = torch.nn.Module()
    signal.forward = lambda states, loop: 1 / 0
    stack.loop_signals = torch.nn.ModuleList([signal])
    if most <= 1:  # no loop is entered
        PlannedPass(stack, LoopPlan(torch.tensor([3]), max_layers=most))(out[:1], None)


@pytest.mark.parametrize("loops", [1, 2, 3, 7])
@pytest.mark.parametrize("caches", [False, True])
def test_layer_by_layer_is_by_plan(loops, caches):
    shape = SHAPE.with_loops(loops)
    stack = RecursiveStack([Layer(i + 1) for i in range(4)], SHAPE).double()
    layers, x = LayerPass(stack, loops, caches), torch.zeros(2, 1, 1, dtype=torch.float64)
    masks = torch.ones(2, 1, 1, dtype=torch.bool)
    out, masks_out = layers(x, masks)
    assert torch.equal(out, PlannedPass(stack, LoopPlan(torch.tensor([loops, loops])))(x, masks)[0])
    assert masks_out is masks and len(layers) == shape.executed_blocks == len(list(layers))


def test_passes_of_one_stack_run_interleaved():
    """Two threads in the finest mixture that there is: layer by layer in turn."""
    stack = RecursiveStack([Layer(i + 1) for i in range(4)], SHAPE).double()
    x = torch.zeros(1, 1, 1, dtype=torch.float64)
    passes = [LayerPass(stack, loops) for loops in (1, 4)]
    states, visits = [x, x], [iter(one) for one in passes]
    while visits != [None, None]:
        for index, visit in enumerate(visits):
            if visit is not None and (layer := next(visit, None)) is not None:
                states[index], _ = layer(states[index], None)
            else:
                visits[index] = None
    assert [state.item() for state in states] == [*digits([1]), *digits([4])]
