"""The look of the pictures."""

import matplotlib
import pytest
from matplotlib import pyplot

from espnet_recursive.analysis.style import COLORS, LINES, house_style, picture, plain_numbers
from espnet_recursive.errors import UserError


def test_settings_hold_inside_only():
    before = dict(matplotlib.rcParams)
    with house_style():
        assert matplotlib.rcParams["savefig.bbox"] == "tight"
        assert matplotlib.rcParams["backend"].lower() == "agg"
    assert dict(matplotlib.rcParams) == before


def test_settings_end_with_an_exception():
    before = dict(matplotlib.rcParams)
    with pytest.raises(KeyError), house_style():
        raise KeyError
    assert dict(matplotlib.rcParams) == before


def test_colors_differ_in_lightness_too():
    """Seven colours that a grey printer does not make one of: no two are of the same luminance."""
    assert len(set(COLORS)) == 7 and len(set(LINES)) == 4
    rgb = [matplotlib.colors.to_rgb(color) for color in COLORS]
    assert len({round(0.299 * r + 0.587 * g + 0.114 * b, 3) for r, g, b in rgb}) == 7


def test_picture_in_several_formats(tmp_path):
    with picture([tmp_path / "new" / "a.png", tmp_path / "a.svg", tmp_path / "a.pdf"]) as (_, axes):
        axes.plot([1, 2, 3])
    assert (tmp_path / "new" / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "a.svg").read_text()
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    assert not pyplot.get_fignums()


def test_the_same_picture_is_the_same_file(tmp_path):
    for name in ("a.svg", "b.svg"):
        with picture(tmp_path / name, 1, 2) as (_, (left, right)):
            left.plot([1, 2, 3])
            right.scatter([1], [1])
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_nothing_is_written_of_a_picture_that_fails(tmp_path):
    with pytest.raises(KeyError), picture(tmp_path / "a.png"):
        raise KeyError
    assert not list(tmp_path.iterdir()) and not pyplot.get_fignums()


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(UserError, match="a.gif: a picture's name ends in .png, .svg, .pdf"):
        with picture([tmp_path / "a.png", tmp_path / "a.gif"]):
            raise AssertionError("something was drawn")
    assert not list(tmp_path.iterdir())


def test_numbers_at_a_logarithmic_axis(tmp_path):
    with picture(tmp_path / "a.svg") as (_, axes):
        axes.plot([1, 2], [0.3, 30])
        axes.set_yscale("log")
        plain_numbers(axes.yaxis)
    text = (tmp_path / "a.svg").read_text()
    for number in (0.5, 1, 2, 5, 10, 20):
        assert f">{number}<" in text
    assert "e-0" not in text and "e−0" not in text
