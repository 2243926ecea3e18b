"""Figures of latent states over the loops, on paths whose figures are known."""

import numpy as np
import pytest
import torch

from espnet_recursive.analysis.loop_trajectory import (
    FIGURES,
    latent_states,
    plane,
    trajectories,
    trajectory_figures,
)
from espnet_recursive.errors import UserError
from espnet_recursive.recursion.shape import RecursionShape


def column(figures, name):
    return figures[:, list(FIGURES).index(name)].tolist()


def angles(values):
    return pytest.approx(values, abs=1e-4, nan_ok=True)


NONE = float("nan")
#: (L + 1, D): right, up, and back down.
SQUARE = torch.tensor([[1.0, 0.0], [2.0, 0.0], [2.0, 2.0], [2.0, 0.0]])


def test_figures_of_a_known_path():
    """Two frames, the second twice as long, have the same."""
    figures = trajectory_figures(torch.stack([SQUARE, 2 * SQUARE], dim=1), trained_loops=2)
    assert column(figures, "norm") == pytest.approx([1.5, 3, 3 * 2**0.5, 3])
    assert column(figures, "step") == angles([NONE, 1.5, 3, 3])
    assert column(figures, "relative_change") == angles([NONE, 0.5, 0.5**0.5, 1])
    assert column(figures, "turn") == angles([NONE, 0, 45, 45])
    assert column(figures, "update_turn") == angles([NONE, NONE, 90, 180])
    assert column(figures, "to_trained") == angles([45, 45, 0, 45])
    assert column(figures, "to_last") == angles([0, 0, 45, 0])


def test_one_loop():
    figures = trajectory_figures(SQUARE[:2, None], trained_loops=1)
    assert figures.shape == (2, len(FIGURES))
    assert np.isnan(column(figures, "update_turn")).all()


@pytest.mark.parametrize(
    "shape, loops, expected",
    [
        ((2, 3, 1, 1), 3, [1, 3, 5, 7]),
        ((2, 3, 1, 1), 4, [1, 3, 5, 7, 9]),
        ((1, 2, 0, 0), 2, [0, 1, 2]),
        ((4, 5, 2, 2), 5, [2, 6, 10, 14, 18, 22]),
    ],
)
def test_where_the_latent_states_are(shape, loops, expected):
    shape = RecursionShape(*shape)
    layers = shape.prelude_blocks + loops * shape.recurrent_blocks + shape.coda_blocks
    states = torch.arange(layers + 1.0).reshape(-1, 1, 1)
    assert latent_states(states, shape, loops).flatten().tolist() == expected


def test_plane():
    """In two dimensions nothing is lost, and lengths stay."""
    paths = torch.stack([SQUARE - SQUARE[0], 0.5 * (SQUARE - SQUARE[0])])
    projected, explained = plane(paths)
    assert np.allclose(np.linalg.norm(projected, axis=-1), paths.norm(dim=-1), atol=1e-6)
    assert np.allclose(projected[:, 0], 0)
    assert (projected.mean((0, 1)) >= 0).all()
    assert explained.sum() == pytest.approx(1) and explained[0] > explained[1]
    on_a_line, explained = plane(torch.tensor([[[0.0], [1.0], [3.0]]]))
    assert np.allclose(on_a_line, [[[0, 0], [1, 0], [3, 0]]]) and np.allclose(explained, [1, 0])


def test_of_utterances():
    shape = RecursionShape(1, 2, 0, 0)
    encoded = [(name, torch.randn(4, frames, 8)) for name, frames in (("a", 5), ("b", 9))]
    result = trajectories(encoded, shape, 3)
    assert (result.trained_loops, result.loops) == (2, 3)
    assert [(one.utterance, one.frames) for one in result.of_utterances] == [("a", 5), ("b", 9)]
    assert result.all_figures.shape == (2, 4, len(FIGURES))
    assert result.paths.shape == (14, 4, 2)
    assert np.array_equal(
        result.of_utterances[1].figures, trajectory_figures(encoded[1][1], 2), equal_nan=True
    )


def test_no_utterance():
    with pytest.raises(UserError, match="no utterance to follow"):
        trajectories([], RecursionShape(), 5)
