"""Targets, tables and the picture, on figures that are made up."""

import pytest

from benchmarks.encoders.competitors import CONTAINER, ESPNET, RECURSIVE, SB, competitors
from benchmarks.encoders.counted import Counted
from benchmarks.encoders.machine import Machine
from benchmarks.encoders.peak_memory import Memory
from benchmarks.encoders.picture import plot
from benchmarks.encoders.plan import BY_LOOPS, LONG, PLANS, SHORT, STEP, USUAL
from benchmarks.encoders.race import Race, Result
from benchmarks.encoders.report import report, targets_table
from benchmarks.encoders.results import Ratio, Results
from benchmarks.encoders.targets import TARGETS

MACHINE = Machine("cpu", "a CPU", "AVX2", 2, 1, 0.0, "2026-01-31", {"torch": "2"})


def timed(name, work, baseline, row, times):
    """A result in which a setting of a system takes these seconds, give or take a hundredth."""
    rows = {ESPNET: baseline, SB: baseline, RECURSIVE: row}
    seconds = {
        competitor: [0.99 * value, value, 1.01 * value]
        for (system, setting), value in times.items()
        for competitor in competitors(system, rows[system], work.kind, [setting])
    }
    first, *_ = competitors(ESPNET, baseline, work.kind, ["defaults"])
    return Result(name, work, first, seconds)


INFERENCE = {
    (ESPNET, "defaults/float32"): 1.2,
    (ESPNET, "SDPA/float32"): 1.0,
    (ESPNET, "dynamic int8"): 0.6,
    (SB, "defaults/float32"): 1.1,
    (RECURSIVE, "as configured/float32"): 1.0,
    (RECURSIVE, "prepared/float32"): 0.8,
    (RECURSIVE, "prepared/int8"): 0.3,
}
SLIM = "slim/L1_slim_strides"
#: Fewer competitors than in the race of L1 itself, which counts for L1.
COMPACT = {
    (ESPNET, "defaults/float32"): 1.2,
    (ESPNET, "SDPA/float32"): 1.0,
    (ESPNET, "dynamic int8"): 0.6,
    (RECURSIVE, "prepared/float32"): 0.4,
    (RECURSIVE, "prepared/int8"): 0.2,
}
TRAINING = {
    (ESPNET, "defaults/float32"): 3.0,
    (ESPNET, "SDPA, fused Adam/float32"): 2.5,
    (RECURSIVE, "fused Adam/float32"): 2.0,
}


@pytest.fixture
def results():
    found = Results(MACHINE)
    container = timed("container", USUAL, "B", "B", {(ESPNET, "defaults/float32"): 1.0})
    container.seconds[CONTAINER] = [1.02, 1.02, 1.02]
    found.results = [
        container,
        *(timed("Transformer", work, "B", "L1", INFERENCE) for work in (SHORT, USUAL, LONG)),
        timed("training step", STEP, "B", "L1", TRAINING),
        timed("Branchformer", USUAL, "B3", "L5", INFERENCE),
        timed("compact L1", USUAL, "B", SLIM, COMPACT),
        timed("compact L1 training step", STEP, "B", SLIM, TRAINING),
    ]
    sizes = {"defaults": 3000.0, "SDPA": 2000.0}
    found.memories = [
        Memory(c, STEP, sizes[c.setting.name])
        for c in competitors(ESPNET, "B", "training", ["defaults/float32", "SDPA/float32"])
    ]
    for loops in (1, 5, 20):
        for setting, size in (("as configured", 600 + 100 * loops), ("checkpoint_loops", 900)):
            (who,) = competitors(RECURSIVE, BY_LOOPS[loops], "training", [f"{setting}/float32"])
            found.memories.append(Memory(who, STEP, float(size)))
    (slim,) = competitors(RECURSIVE, SLIM, "training", ["as configured/float32"])
    found.memories.append(Memory(slim, STEP, 960.0))
    found.counted = {"B": Counted("B", 400, 800), "L1": Counted("L1", 100, 200)}
    return found


def test_measured(results):
    measured = {target.text: target.measure(results) for target in TARGETS}
    values = {text: round(m.value, 3) for text, m in measured.items() if m}
    assert values == {
        "{24, 1, 0, 0}, inference, time to ESPnet's": 1.02,
        "L1, 12 s, float32, to ESPnet's defaults": 1.5,
        "L1, 12 s, float32, to its best in that precision": 1.25,
        "L5, 12 s, float32, to ESPnet's defaults": 1.5,
        "L5, 12 s, float32, to its best in that precision": 1.25,
        "L1, 12 s, fastest, to ESPnet's defaults": 4.0,
        "L1, 12 s, fastest, to its best in that precision": 2.0,
        "L1, 2 s, fastest, to ESPnet's defaults": 4.0,
        "L1, 2 s, fastest, to its best in that precision": 2.0,
        "L1, training step, float32, to ESPnet's defaults": 1.5,
        "L1, training step, float32, to its best in that precision": 1.25,
        "L1 with checkpoint_loops, peak memory to ESPnet's defaults": 0.3,
        "L1 with checkpoint_loops, peak memory to ESPnet's best": 0.45,
        "checkpoint_loops, peak memory of L = 20 to L = 5": 1.0,
        "L1, slim with strides, 12 s, float32, to ESPnet's best": 2.5,
        "L1, slim with strides, 12 s, int8, to ESPnet's best": 3.0,
        "L1, slim with strides, training step, float32, to ESPnet's best": 1.25,
        "L1, slim with strides, peak memory to ESPnet's defaults": 0.32,
        "L1's layers, bytes to all-reduce, to B's": 0.25,
        "L1's layers, optimiser state, to B's": 0.25,
    }


def test_table_of_targets(results):
    rows = {
        cells[1].strip(): [cell.strip() for cell in cells[2:5]]
        for cells in (line.split("|") for line in targets_table(results).splitlines())
    }
    assert rows["{24, 1, 0, 0}, inference, time to ESPnet's"] == [
        "<= 1.01", "1.020 (1.01 - 1.03)", "no",
    ]  # fmt: skip
    assert rows["L1, 12 s, float32, to ESPnet's defaults"][2] == "yes"
    assert rows["L5, training step, float32, to ESPnet's defaults"][1] == "not measured"
    gpu = "L1, training step of 48 x 12 s, bfloat16, to SpeechBrain's"
    assert rows[gpu][1] == "skipped: no cuda"


def test_report(results):
    results.results[0].left_out[CONTAINER] = "there is no reason"
    text = report(results)
    assert "## Transformer: inference, 12 s" in text
    assert "* left out: ours B, container, float32: there is no reason." in text
    (line,) = {
        line for line in text.splitlines() if line.startswith("| ours L1") and "int8" in line
    }
    assert [cell.strip() for cell in line.split("|")[1:5]] == [
        "ours L1", "prepared", "int8", "0.250",
    ]  # fmt: skip


def test_ratio():
    assert Ratio.of([1, 2, 3, 4, 5], [1, 1, 1, 1, 1]) == Ratio(3, 2, 4, 1, 5)


def test_picture(results, tmp_path):
    plot(results, [tmp_path / "a.png", tmp_path / "a.svg"])
    assert all(path.stat().st_size > 10_000 for path in tmp_path.iterdir())
    text = (tmp_path / "a.svg").read_text()
    for words in ("L1 and 24 layers", "L5 and 24 layers", "peak memory", "growth"):
        assert words in text


def test_no_picture_of_nothing(tmp_path):
    plot(Results(MACHINE), [tmp_path / "a.png"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("device", PLANS)
def test_plans_measure_what_is_asked(device):
    _, full = PLANS[device]
    races = [part for part in full() if isinstance(part, Race)]
    names = [race.name for race in races]
    assert len(set(names)) == len(names)
    for race in races:
        assert race.competitors[0].setting.precision == "float32"
        assert len({work.kind for work in race.works}) == 1
    assert {USUAL, SHORT, LONG} <= {work for race in races for work in race.works}


def test_no_time_left(results):
    results.left_out = ["memory", "memory", "d = 256"]
    assert "There was no time for: memory, d = 256." in report(results)
