"""Which points a picture of a table's rows has."""

import json

import pytest

from espnet_recursive.analysis.paper.points import panels, read_results
from espnet_recursive.errors import UserError
from tests.analysis.paper.result_rows import ROWS, mean, row


def places(panel):
    return {name: [(p.name, p.x) for p in own] for name, own in panel.series.items()}


def test_over_loops():
    """Rows that share all but their loops; others than fixed ones have no place on the axis."""
    test, paper = panels(ROWS, "loops")
    assert test.title == "test, WER"
    assert places(test) == {
        "trained with this number of loops": [
            ("L1", 5),
            ("loops_1", 1),
            ("loops_20", 20),
            ("schedule at 20", None),
            ("schedule at 5", None),
        ]
    }
    first = test.series["trained with this number of loops"][0]
    assert (first.rate, first.ends, first.seeds) == (10.0, (9.0, 11.0), [9, 11])
    assert not test.paper
    assert (paper.title, paper.series) == ("the paper, LibriSpeech test_other, WER", {})
    ((_, printed),) = paper.paper.items()
    assert [(p.name, p.x, p.rate) for p in printed] == [
        ("L1", 5, 5.0),
        ("loops_1", 1, 5.0),
        ("loops_20", 20, 5.0),
        ("schedule", None, 5.0),
    ]


def test_over_parameters():
    """Without the rows of Table 2, which all have the parameters of L1."""
    test, _, paper = panels(ROWS, "parameters")
    assert places(test) == {
        "recurrent block alone": [("B", 0.45)],
        "with prelude and coda": [("L1", 0.45)],
    }
    assert [p.x for own in paper.paper.values() for p in own] == [25.2, 25.2]


def test_over_executed_layers():
    """As decoded, where that was measured; the paper says it of no decoding."""
    found = panels(ROWS, "executed")
    assert [panel.title for panel in found] == ["test, WER", "dev, WER"]
    executed = dict(places(found[0])["with prelude and coda"])
    assert executed == {
        "L1": 12,
        "loops_1": 12,
        "loops_1 at 2": 12,
        "loops_20": 12,
        "schedule at 20": 42.0,
        "schedule at 5": 12.0,
    }


def test_the_papers_own_rows_share_its_panel():
    rows = [row("B", "{24, 1, 0, 0}", [mean(3.0, "test_clean")], own=True, table=1)]
    (panel,) = panels(rows, "parameters")
    ((_, printed),) = panel.paper.items()
    assert [(p.name, p.x, p.rate) for p in printed] == [("B", 0.45, 2.0)]


def test_architectures_are_told_apart_where_there_are_several():
    rows = [*ROWS, row("B3", "{12, 1, 0, 0}", [mean(7.0)], table=3, encoder="branchformer")]
    assert list(panels(rows, "parameters")[0].series) == [
        "transformer: recurrent block alone",
        "transformer: with prelude and coda",
        "branchformer: recurrent block alone",
    ]


def test_a_decoding_and_data_sets_that_are_chosen():
    (fast, _) = panels(ROWS, "loops", decoding="fast")
    assert places(fast) == {"trained with this number of loops": [("loops_20", 20)]}
    assert panels(ROWS, "parameters", test_sets=["dev"])[0].title == "dev, WER"


def test_a_sweep_is_in_the_panel_of_its_data_set(tmp_path):
    path = tmp_path / "asr_L1_seed0" / "loop_sweep" / "loop_sweep.json"
    path.parent.mkdir(parents=True)
    depths = [
        {"name": f"loops_{n}", "num_loops": n, "loop_exit": None, "error_rate": 20 - n}
        for n in (1, 5)
    ]
    depths.append({"name": "kl", "num_loops": None, "loop_exit": "kl", "error_rate": 3})
    sweep = {"data_set": "test", "unit": "wer", "depths": depths}
    path.write_text(json.dumps(sweep))
    test, _ = panels(ROWS, "loops", sweeps=[path])
    points = test.series["asr_L1_seed0, decoded with this number"]
    assert [(p.x, p.rate) for p in points] == [(1, 19), (5, 15)]
    path.write_text(json.dumps(sweep | {"data_set": "dev"}))
    assert len(panels(ROWS, "loops", sweeps=[path])[0].series) == 1
    path.write_text("{}")
    with pytest.raises(UserError, match="is no loop_sweep.json"):
        panels(ROWS, "loops", sweeps=[path])


def test_what_cannot_be_drawn():
    with pytest.raises(UserError, match="No row of the table has a result .* over loops"):
        panels([row("B", "{12, 1, 0, 0}", [])], "loops")
    with pytest.raises(UserError, match="No row of the table"):
        panels([], "loops")
    with pytest.raises(UserError, match="--test_sets eval: what was decoded with lm is test, dev"):
        panels(ROWS, "executed", test_sets=["eval"])
    with pytest.raises(UserError, match="--decoding no: no row has it. Decodings: lm, fast"):
        panels(ROWS, "loops", decoding="no")


def test_files_that_are_no_results(tmp_path):
    with pytest.raises(UserError, match="RESULTS_PAPER.json does not exist. Write it with"):
        read_results(tmp_path)
    path = tmp_path / "RESULTS_PAPER.json"
    for text, message in (("[]", "is no table of rows"), ('{"rows": [{}]}', "earlier version")):
        path.write_text(text)
        with pytest.raises(UserError, match=message):
            read_results(path)


def test_files_of_earlier_versions_have_the_tuple_as_text_alone(tmp_path):
    path = tmp_path / "RESULTS_PAPER.json"
    path.write_text(json.dumps({"rows": ROWS}))
    assert read_results(path) == ROWS
    earlier = [{key: value for key, value in r.items() if key != "recursion"} for r in ROWS]
    path.write_text(json.dumps({"rows": earlier}))
    assert [r["recursion"] for r in read_results(path)] == [r["recursion"] for r in ROWS]
    path.write_text(json.dumps({"rows": [earlier[0] | {"shape": "{4, 5}, 2"}]}))
    with pytest.raises(UserError, match="is no table of rows"):
        read_results(path)
