"""The look of the pictures."""

import matplotlib
import pytest

from espnet_recursive.analysis.style import COLORS, LINES, house_style


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
