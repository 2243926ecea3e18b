"""What loops recover: quotients that can be counted, and where there is none."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from espnet_recursive.analysis.paper.recovery import control_of, deep_of, recovery
from espnet_recursive.analysis.paper.results import Row, read_rows
from espnet_recursive.analysis.paper.table import write_paper_results
from espnet_recursive.model.parameters import EncoderSize
from espnet_recursive.recipe.bootstrap import Interval
from espnet_recursive.recursion.shape import RecursionShape
from tests.analysis.paper.test_seeds import WORDS, group, result

RECIPES = Path(__file__).resolve().parents[3] / "egs2"
#: Row -> its shape, and its options beside the shape's.
ROWS = {
    "control": (RecursionShape(2, 1, 1, 1), {}),
    "L1": (RecursionShape(2, 5, 1, 1), {}),
    "B": (RecursionShape(12, 1, 0, 0), {}),
    "strided": (RecursionShape(2, 5, 1, 1), {"loop_strides": [2, 2, 1, 1, 1]}),
    "length": (RecursionShape(2, 5, 1, 1), {"loop_policy": "length"}),
    "wide": (RecursionShape(2, 5, 1, 1), {"output_size": 512}),
    "normed": (RecursionShape(2, 1, 1, 1), {"loop_norms": True}),
}


def row(name, results=()):
    shape, options = ROWS[name]
    size = EncoderSize(name, shape, shape.unique_blocks, shape.executed_blocks, 100, 200)
    options = {"output_size": 96, "loop_norms": False, "checkpoint_loops": name == "L1"} | options
    policy = options.get("loop_policy", "fixed")
    models = [r.model for r in results]
    return Row(name, size, None, models, list(results), policy, options=options)


def test_two_utterances_can_be_counted(tmp_path):
    """Draws: one twice has 4/4 recovered, the other twice 1/2, both 5/6."""
    groups = [
        group(tmp_path, name, errors)
        for name, errors in (("control", [4, 2]), ("looped", [0, 1]), ("deep", [0, 0]))
    ]
    found = recovery(*groups)
    assert found.gain == pytest.approx(75.0)
    assert (found.gain_interval.low, found.gain_interval.high) == pytest.approx((50.0, 100.0))
    assert found.rho == pytest.approx(5 / 6)
    assert (found.rho_interval.low, found.rho_interval.high) == pytest.approx((0.5, 1.0))


@pytest.mark.parametrize("looped, rho", [(0, 1.0), (1, 2 / 3), (3, 0.0), (4, -1 / 3)])
def test_errors_that_are_everywhere_the_same_leave_no_doubt(looped, rho, tmp_path):
    names = {"control": 3, "looped": looped, "deep": 0}
    found = recovery(*(group(tmp_path, name, [errors] * 9) for name, errors in names.items()))
    assert found.rho == pytest.approx(rho)
    assert found.rho_interval.low == found.rho_interval.high == pytest.approx(rho)


def test_seeds_add_doubt(tmp_path):
    """Of two looped models one has all of the gain and the other none; one of the two is drawn."""
    groups = [
        group(tmp_path, "control", [3] * 9, [3] * 9),
        group(tmp_path, "looped", [3] * 9, [0] * 9),
        group(tmp_path, "deep", [0] * 9, [0] * 9),
    ]
    found = recovery(*groups)
    assert found.rho == pytest.approx(0.5)
    assert found.rho_interval == Interval(0.0, 1.0)


def test_the_control_is_the_same_above_and_below_the_line(tmp_path):
    """Looped models as good as the deep ones recover all, whichever control is drawn."""
    rng = np.random.default_rng(0)
    controls = [rng.integers(2, WORDS + 1, 40).tolist() for _ in range(3)]
    deep = rng.integers(0, 2, 40).tolist()
    found = recovery(
        group(tmp_path, "control", *controls),
        group(tmp_path, "looped", deep),
        group(tmp_path, "deep", deep),
    )
    assert found.rho == 1.0 and found.rho_interval == Interval(1.0, 1.0)


def test_without_a_gain_there_is_no_rho(tmp_path):
    rng = np.random.default_rng(1)
    errors = [rng.integers(0, WORDS + 1, 40).tolist() for _ in range(3)]
    groups = [group(tmp_path, name, own) for name, own in zip("abc", errors, strict=True)]
    found = recovery(*groups)
    assert found.gain_interval.low < 0 < found.gain_interval.high
    assert found.rho is None and found.rho_interval is None


def test_a_deep_model_that_is_worse(tmp_path):
    found = recovery(*(group(tmp_path, name, [n] * 9) for n, name in enumerate("abc")))
    assert found.gain == pytest.approx(-50.0)
    assert found.gain_interval.high < 0 and found.rho is None


def test_other_utterances_cannot_be_compared(tmp_path):
    groups = [group(tmp_path, name, [1] * 9) for name in "ab"]
    assert recovery(*groups, group(tmp_path, "c", [1] * 8)) is None
    assert recovery(*groups, group(tmp_path, "d", [1] * 9, words=5)) is None


def test_rows_find_their_control_and_their_deep_row():
    rows = [row(name) for name in reversed(ROWS)]
    for name in ("L1", "strided"):
        looped = row(name)
        assert (control_of(looped, rows).name, deep_of(looped, rows).name) == ("control", "B")
    assert control_of(row("wide"), rows) is None
    other = replace(row("L1"), encoder="latent_recursive_conformer")
    assert control_of(other, rows) is None and deep_of(other, rows) is None


def test_rows_of_the_recipes():
    """By the options of their files: slim rows have slim controls, AN4's have the paper's names."""
    found = {}
    for corpus in ("speechocean762", "an4"):
        folder = RECIPES / corpus / "asr1/conf/encoder"
        names = sorted(path.stem for path in folder.glob("*.yaml"))
        rows = read_rows(names, folder, [])
        for own in rows:
            others = control_of(own, rows), deep_of(own, rows)
            if own.size.shape.num_loops > 1 and all(others):
                found[corpus, own.name] = tuple(other.name for other in others)
    assert found == {
        ("speechocean762", "L1"): ("control", "B"),
        ("speechocean762", "L1_slim"): ("control_slim", "B_slim"),
        ("speechocean762", "L1_slim_scaled"): ("control_slim", "B_slim"),
        ("speechocean762", "L1_slim_strides"): ("control_slim", "B_slim"),
        ("an4", "L1"): ("loops_1", "B"),
    }


@pytest.fixture
def trained(tmp_path):
    """Rows with one model each; the looped one was trained in two ways."""
    wrong = {"control": 3, "L1": 1, "B": 0, "length": 1}
    rows = {name: [result(tmp_path / name, [n] * 9)] for name, n in wrong.items()}
    rows["L1"].append(result(tmp_path / "trial", [0] * 9, settings='{"max_epoch": 3}'))
    rows["L1"].append(result(tmp_path / "L1", [0] * 9, decoding="d_num_loops2"))
    return [row(name, results) for name, results in rows.items()]


def test_the_table_has_it(trained, tmp_path):
    write_paper_results(trained, tmp_path / "RESULTS.md")
    (value,) = json.loads((tmp_path / "RESULTS.json").read_text())["recovery"]
    assert (value["control"], value["row"], value["deep"]) == ("control", "L1", "B")
    assert value["experiments"] == ["L1"] and value["error_rates"] == [75.0, 25.0, 0.0]
    assert value["rho"] == pytest.approx(2 / 3) and value["verdict"] == "resolved"
    text = (tmp_path / "RESULTS.md").read_text()
    assert "## What loops recover on test, WER" in text
    (line,) = [line for line in text.splitlines() if line.startswith("| L1: L1 ")]
    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        *("L1: L1", "25.00", "control 75.00", "B 0.00", "1, 1, 1", "+75.00", "+75.00 to +75.00"),
        *("+0.67", "+0.67 to +0.67", "resolved"),
    ]


def test_what_is_not_resolved_is_said(tmp_path):
    rng = np.random.default_rng(1)
    rows = [
        row(name, [result(tmp_path / name, rng.integers(0, WORDS + 1, 40).tolist())])
        for name in ("control", "L1", "B")
    ]
    write_paper_results(rows, tmp_path / "RESULTS.md")
    assert (
        "not resolved by 160 words: deep may be no better" in (tmp_path / "RESULTS.md").read_text()
    )
    (value,) = json.loads((tmp_path / "RESULTS.json").read_text())["recovery"]
    assert value["rho"] is None and value["rho_interval_95"] is None
