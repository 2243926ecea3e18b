"""Races: who is timed, in which order, and who is left out."""

import pytest
import torch

from benchmarks.encoders import race as races
from benchmarks.encoders.competitors import CONTAINER, ESPNET, RECURSIVE, Competitor, competitors
from benchmarks.encoders.race import Race, run
from benchmarks.encoders.settings import Setting
from benchmarks.encoders.work import Encoder, Work

TINY = Work("inference", 1, 40)
DEFAULTS, SDPA = competitors(ESPNET, "B", "inference", ["defaults", "SDPA"])


def test_all_have_all_repeats_at_all_works(rows):
    works = [TINY, Work("inference", 2, 60)]
    results = run(Race("r", works, [DEFAULTS, SDPA, CONTAINER]), rows, "cpu", (2, 2))
    assert [result.work for result in results] == works
    for result in results:
        assert result.baseline is DEFAULTS and not result.left_out
        assert {c: len(s) for c, s in result.seconds.items()} == {
            DEFAULTS: 2, SDPA: 2, CONTAINER: 2,
        }  # fmt: skip
        assert list(result.differences) == [SDPA] and result.differences[SDPA] < 1e-5


def test_a_failure_costs_nobody_else(rows):
    def fail(encoder):
        raise RuntimeError("no such kernel")

    failing = Competitor(ESPNET, "B", Setting("failing", finish=fail))
    missing = Competitor(RECURSIVE, "L1", Setting("missing", conf={"warp_drive": True}))
    (result,) = run(Race("r", [TINY], [DEFAULTS, failing, missing, SDPA]), rows, "cpu", (2, 2))
    assert set(result.seconds) == {DEFAULTS, SDPA}
    assert result.left_out == {
        failing: "FAILED: RuntimeError: no such kernel",
        missing: "latent_recursive_transformer has no option warp_drive",
    }


@pytest.fixture
def clock(monkeypatch):
    """Encoders that take no time, but one second for each unit of their row's name."""
    done = []

    def build(self, folder, device, kind):
        return Encoder(_Named(int(self.row), done))

    monkeypatch.setattr(Competitor, "build", build)
    monkeypatch.setattr(races, "seconds", lambda work, clock: [work(), done[-1]][1])
    return done


class _Named:
    def __init__(self, number, done):
        self.number, self.done = number, done

    def train(self):
        return self

    def parameters(self):
        import torch

        return [torch.nn.Parameter(torch.zeros(1))]

    def __call__(self, xs_pad, ilens):
        self.done.append(self.number)
        return [xs_pad.requires_grad_()]


def test_in_turn_from_both_ends_and_the_slow_one_left_out(clock):
    one, two, nine = (Competitor("any", str(n), Setting("")) for n in (1, 2, 9))
    race = Race("r", [Work("training", 1, 40)], [one, two, nine], seconds=1e9)
    (result,) = run(race, None, "cpu", (2, 3))
    assert clock == [1, 1, 1, 2, 2, 2, 9, 9, 9, 1, 2, 2, 1, 1, 2]
    assert result.seconds == {one: [1, 1, 1], two: [2, 2, 2]}
    assert result.left_out == {nine: "takes 9 times as long as the first"}


def test_ends_when_its_time_is_over(clock):
    one = Competitor("any", "1", Setting(""))
    race = Race("r", [Work("training", 1, 40)], [one], seconds=0)
    (result,) = run(race, None, "cpu", (2, 9))
    assert len(result.seconds[one]) == 2


def test_one_that_lacks_memory_is_out_and_the_others_go_on(clock, monkeypatch):
    done = clock
    one, two = (Competitor("any", str(n), Setting("")) for n in (1, 2))

    def lacking(work, clock):
        work()
        if len(done) > 6 and done[-1] == 2:  # after the warm-up
            raise torch.OutOfMemoryError("GPU out of memory\nTried to allocate 2 GiB")
        return done[-1]

    monkeypatch.setattr(races, "seconds", lacking)
    works = [Work("training", 1, 40), Work("training", 1, 80)]
    results = run(Race("r", works, [one, two], seconds=1e9), None, "cpu", (2, 2))
    for result in results:
        assert result.seconds == {one: [1, 1]}
        (reason,) = result.left_out.values()
        assert reason.startswith("FAILED: OutOfMemoryError: GPU out of memory (training, 0.")
