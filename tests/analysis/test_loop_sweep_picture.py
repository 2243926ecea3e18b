"""The picture of a sweep."""

import pytest
from matplotlib import pyplot
from matplotlib.image import imread

from espnet_recursive.analysis.loop_sweep_picture import plot_loop_sweep
from espnet_recursive.analysis.loop_sweep_table import LoopSweep, Outcome
from espnet_recursive.asr.depth import Depth
from espnet_recursive.recipe.scoring import Score


def outcome(depth, errors, loops):
    score = Score(10, 1000, 1000 - errors, errors)
    return Outcome(
        depth, "wer", score, None, loops, 4 + 4 * loops, 0.02 * loops, 0.2 + 0.02 * loops
    )


FIXED = [outcome(Depth(n), errors, n) for n, errors in ((1, 240), (3, 95), (5, 86))]
EXITS = [
    outcome(Depth(None, criterion, threshold), errors, loops)
    for criterion in ("kl", "labels", "latent")
    for threshold, errors, loops in ((0.02, 86, 4.6), (0.05, 86, 3.9), (0.1, 99, 2.9))
]


@pytest.mark.parametrize("outcomes", [FIXED, FIXED[2:], FIXED + EXITS[:3], FIXED + EXITS])
def test_picture(outcomes, tmp_path):
    before = dict(pyplot.rcParams)
    path = plot_loop_sweep(LoopSweep("test", Depth(5), 1.0, outcomes), tmp_path / "new" / "a.png")
    picture = imread(path)
    height, width = picture.shape[:2]
    assert 1000 < width < 2500 and 500 < height < 900
    assert 0.7 < (picture[..., :3].min(axis=-1) > 0.99).mean() < 0.99
    assert not pyplot.get_fignums()
    assert dict(pyplot.rcParams) == before


def test_in_words(tmp_path):
    """In an SVG, text stays text."""
    result = LoopSweep("test", Depth(5), 1.0, FIXED + EXITS)
    text = plot_loop_sweep(result, tmp_path / "a.svg").read_text()
    for said in (
        "WER in percent",
        "test: kl &lt; threshold",
        "test: latent &lt; threshold",
        "cheapest with at most 1 % more errors than 5 loops (dotted)",
    ):
        assert said in text, said


def test_without_errors(tmp_path):
    """A scale of ratios has no zero."""
    result = LoopSweep("test", Depth(5), 1.0, [outcome(Depth(1), 50, 1), outcome(Depth(5), 0, 5)])
    assert plot_loop_sweep(result, tmp_path / "a.png").exists()
    result = LoopSweep("test", Depth(5), 1.0, [outcome(Depth(n), 0, n) for n in (1, 5)])
    assert "e−17" not in plot_loop_sweep(result, tmp_path / "a.svg").read_text()


def test_thresholds_that_give_the_same_are_written_together(tmp_path):
    same = [outcome(Depth(None, "kl", t), 86, 1.0) for t in (0.1, 0.2, 0.3, 0.4)]
    result = LoopSweep("test", Depth(5), 1.0, FIXED + same)
    assert ">0.1 to 0.4<" in plot_loop_sweep(result, tmp_path / "a.svg").read_text()
