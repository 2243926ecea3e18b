"""How the latent state of a recursive encoder moves from loop to loop."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from espnet_recursive.analysis.even_sample import EvenSample
from espnet_recursive.errors import UserError
from espnet_recursive.recursion.exit_criterion import relative_change
from espnet_recursive.recursion.shape import RecursionShape

#: What is measured after each loop, and in words. Angles are in degrees, means over the frames.
FIGURES = {
    "norm": "length of the state",
    "step": "length of the update",
    "relative_change": "relative change",
    "turn": "angle to the state before",
    "update_turn": "angle between updates",
    "to_trained": "angle to the trained depth",
    "to_last": "angle to the last loop",
}
#: Frames whose paths are kept.
_PATHS = 1000


@dataclass(frozen=True)
class Trajectory:
    """The way of one utterance.

    Attributes:
        utterance: Its name.
        frames: Its frames.
        figures: (L + 1, len(FIGURES)) at h_0 and after each loop; not a number where there is no
            loop before.
    """

    utterance: str
    frames: int
    figures: np.ndarray


@dataclass(frozen=True)
class Trajectories:
    """The ways of many utterances.

    Attributes:
        trained_loops: The loops of the model's configuration.
        of_utterances: Each utterance's.
        paths: (n, L + 1, 2) a sample of frames in the plane in which they move most, from 0.
        explained: (2,) shares of the squared lengths of all movement that the two axes show.
    """

    trained_loops: int
    of_utterances: list[Trajectory]
    paths: np.ndarray
    explained: np.ndarray

    @property
    def loops(self) -> int:
        """L, the loops that were run."""
        return len(self.of_utterances[0].figures) - 1

    @property
    def all_figures(self) -> np.ndarray:
        """(utterances, L + 1, len(FIGURES))."""
        return np.stack([one.figures for one in self.of_utterances])


def trajectories(
    encoded: Iterable[tuple[str, torch.Tensor]], shape: RecursionShape, num_loops: int
) -> Trajectories:
    """Follow the latent states of utterances.

    Args:
        encoded: Each utterance's name and hidden states, as :class:`HiddenStates` gives them.
        shape: {n_r, L, n_p, n_c} as configured.
        num_loops: The loops that were run; those of the configuration or more.

    Raises:
        UserError: If there is no utterance.
    """
    all_of_them, sample = [], EvenSample(_PATHS)
    for utterance, states in encoded:
        latent = latent_states(states, shape, num_loops)
        figures = trajectory_figures(latent, shape.num_loops)
        all_of_them.append(Trajectory(utterance, latent.shape[1], figures))
        sample.add((latent - latent[0]).transpose(0, 1))
    if not all_of_them:
        raise UserError("There is no utterance to follow. Name a data directory that has some.")
    paths, explained = plane(sample.rows)
    return Trajectories(shape.num_loops, all_of_them, paths, explained)


def latent_states(states: torch.Tensor, shape: RecursionShape, num_loops: int) -> torch.Tensor:
    """(L + 1, T, D), h_0 to h_L, out of the (N + 1, T, D) states of all executed layers."""
    places = [shape.end_of_loop(loop) for loop in range(num_loops + 1)]
    assert places[-1] + shape.coda_blocks + 1 == len(states), (shape, num_loops, len(states))
    return states[places]


def trajectory_figures(latent: torch.Tensor, trained_loops: int) -> np.ndarray:
    """The figures of an utterance.

    Args:
        latent: (L + 1, T, D), h_0 to h_L.
        trained_loops: One of 0..L.

    Returns:
        (L + 1, len(FIGURES)).
    """
    updates = latent.diff(dim=0)
    everywhere = torch.ones(len(updates), latent.shape[1], dtype=torch.bool)
    columns = {
        "norm": latent.norm(dim=-1).mean(1),
        "step": updates.norm(dim=-1).mean(1),
        "relative_change": relative_change(latent[:-1], latent[1:], everywhere),
        "turn": _degrees(latent[:-1], latent[1:]),
        "update_turn": _degrees(updates[:-1], updates[1:]),
        "to_trained": _degrees(latent, latent[trained_loops]),
        "to_last": _degrees(latent, latent[-1]),
    }
    figures = np.full((len(latent), len(FIGURES)), np.nan)
    for column, name in enumerate(FIGURES):
        values = columns[name].numpy()
        figures[len(latent) - len(values) :, column] = values
    return figures


def plane(paths: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Paths in the plane of their two principal components, from the start of each as the origin.

    Args:
        paths: (n, L + 1, D), each beginning with 0.

    Returns:
        (n, L + 1, 2), and the (2,) shares of the squared lengths that the axes show.
    """
    points = paths.flatten(0, 1)
    _, sizes, axes = torch.linalg.svd(points, full_matrices=False)
    axes = torch.nn.functional.pad(axes, (0, 0, 0, max(0, 2 - len(axes))))[:2]
    shares = torch.nn.functional.pad(sizes.square() / sizes.square().sum(), (0, 2))[:2]
    projected = paths @ axes.T
    # The signs of the axes are arbitrary: to the right and up, on average.
    projected = projected * torch.where(projected.mean((0, 1)) < 0, -1.0, 1.0)
    return projected.numpy(), shares.numpy()


def _degrees(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """(..., T, D) twice: mean over the frames of the angle between them."""
    # In float32, two states that are the same would be up to 0.03 degrees apart.
    cosine = torch.nn.functional.cosine_similarity(left.double(), right.double(), dim=-1)
    return cosine.clamp(-1, 1).arccos().rad2deg().mean(-1)
