"""The picture of loop trajectories."""

import pytest
import torch
from matplotlib import pyplot
from matplotlib.image import imread

from espnet_recursive.analysis.loop_trajectory import trajectories
from espnet_recursive.analysis.loop_trajectory_picture import plot_trajectories
from espnet_recursive.analysis.loop_trajectory_table import TrajectoryReport
from espnet_recursive.recursion.shape import RecursionShape


@pytest.mark.parametrize("loops", [1, 3, 8])
def test_picture(loops, tmp_path):
    encoded = [(name, torch.randn(loops + 1, 30, 8).cumsum(0)) for name in "abc"]
    trained = min(loops, 3)
    result = trajectories(encoded, RecursionShape(1, trained, 0, 0), loops)
    paths = [tmp_path / "a.png", tmp_path / "a.svg"]
    plot_trajectories(TrajectoryReport("exp/asr_L1", "test", result), paths)
    height, width = imread(paths[0]).shape[:2]
    assert 1400 < width < 1800 and 800 < height < 1100
    text = paths[1].read_text()
    for said in ("asr_L1: 3 utterances, their mean and 10th to 90th percentile", "relative change",
                 "paths of frames, and their mean", "1st component ("):  # fmt: skip
        assert said in text, said
    assert ("the last loop" in text) == (loops > trained)
    assert not pyplot.get_fignums()
