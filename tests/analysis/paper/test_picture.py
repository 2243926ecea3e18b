"""The pictures of a table's rows."""

import pytest
from matplotlib import pyplot
from matplotlib.image import imread

from espnet_recursive.analysis.paper.picture import plot_results
from espnet_recursive.analysis.paper.points import AXES, Panel, Point, panels
from tests.analysis.paper.result_rows import ROWS


@pytest.mark.parametrize("x", AXES)
def test_picture(x, tmp_path):
    plot_results(panels(ROWS, x), x, [tmp_path / "new" / "a.png"])
    picture = imread(tmp_path / "new" / "a.png")
    assert 0.8 < (picture[..., :3].min(axis=-1) > 0.99).mean() < 0.99
    assert not pyplot.get_fignums()


def test_in_words(tmp_path):
    """In an SVG, text stays text."""
    plot_results(panels(ROWS, "loops"), "loops", [tmp_path / "a.svg"])
    text = (tmp_path / "a.svg").read_text()
    for said in (
        "test, WER",
        "the paper, LibriSpeech test_other, WER",
        "loops L of the recurrent block",
        ">20<",
        ">at 5<",
        "single seeds; filled: their mean, 95 % interval",
    ):
        assert said in text, said


def test_rows_in_one_place_are_named_side_by_side(tmp_path):
    plot_results(panels(ROWS, "executed"), "executed", [tmp_path / "a.svg"])
    text = (tmp_path / "a.svg").read_text()
    for name in ("B", "L1", "loops_1", "loops_20", "schedule at 5"):
        assert f">{name}<" in text
    assert "the paper" not in text


def test_all_points_are_inside(tmp_path, monkeypatch):
    """Points that are moved aside are seen by the axes, too."""
    points = [Point("R1", 0.5, 30.0, (25.0, 36.0), (28.0, 32.0)), Point("R2", 0.51, 9.0)]
    panel = Panel("test, WER", "wer", {"one": points}, {"one": [Point("R1", 0.5, 2.0)]})
    with monkeypatch.context() as patch:
        patch.setattr(pyplot, "close", lambda figure: None)
        plot_results([panel], "parameters", [tmp_path / "a.png"])
    (axes,) = pyplot.gcf().axes
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    pyplot.close()
    assert left < 0.5 and right > 0.51
    assert low < 2.0 and high > 36.0
