"""Similarity of the states after an encoder's layers, as in Figure 1 of the paper.

Two measures, each between all pairs of states:

* the **cosine** of the two states of a frame, averaged over all frames of all utterances. It is the
  paper's. A component that all frames share raises it.
* **linear CKA** (Kornblith et al. 2019), which compares the geometry of the frames relative to each
  other, and ignores a shared component and rotations. It is estimated without bias
  (Song et al. 2012; Nguyen et al. 2021) from a sample of the frames, because its sums would be a
  matrix of D x D for each pair of layers.

The memory does not grow with the number of utterances.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from espnet_recursive.analysis.even_sample import EvenSample
from espnet_recursive.errors import UserError

#: Frames that CKA is estimated from.
_CKA_FRAMES = 1024
#: The unbiased estimate divides by n - 3.
_LEAST_FRAMES = 4


@dataclass(frozen=True)
class LayerSimilarity:
    """Similarities between the N + 1 states of an encoder: the input of the first layer, then all.

    Attributes:
        cosine: (N + 1, N + 1) mean over the frames of the cosine of a frame's two states.
        strangers: (N + 1, N + 1) the same for the states of two frames drawn at random, as a
            reference for the cosine.
        cka: (N + 1, N + 1) linear CKA; unbiased, and so a little below 0 now and then.
        utterances: How many were encoded.
        frames: How many frames they have.
        cka_frames: How many of them CKA is estimated from.
    """

    cosine: np.ndarray
    strangers: np.ndarray
    cka: np.ndarray
    utterances: int
    frames: int
    cka_frames: int

    @property
    def layers(self) -> int:
        """N, the executed layers."""
        return len(self.cosine) - 1


def layer_similarity(
    states: Iterable[torch.Tensor], cka_frames: int = _CKA_FRAMES
) -> LayerSimilarity:
    """Compare the layers of an encoder.

    Args:
        states: (N + 1, T, D) of each utterance, without padding.
        cka_frames: Frames that CKA is estimated from, drawn evenly from all.

    Raises:
        UserError: If there are fewer than 4 frames, or utterances ran different numbers of layers.
    """
    if cka_frames < _LEAST_FRAMES:
        raise UserError(
            f"--cka_frames {cka_frames}: CKA cannot be estimated from fewer than {_LEAST_FRAMES}."
        )
    sums = _Sums(cka_frames)
    for of_utterance in states:
        sums.add(of_utterance)
    return sums.result()


def linear_cka(states: torch.Tensor) -> torch.Tensor:
    """Linear CKA between all pairs of states, by the unbiased estimate of HSIC.

    Args:
        states: (N, n, D) of n frames, 4 or more.

    Returns:
        (N, N).
    """
    # CKA knows neither place nor size; taking them away first keeps float32 exact enough.
    states = states - states.mean(1, keepdim=True)
    states = states / states.square().mean((1, 2), keepdim=True).sqrt().clamp_min(1e-20)
    grams = _centred(states @ states.mT).flatten(1)
    hsic = (grams @ grams.T).double()
    size = hsic.diagonal().sqrt()
    return hsic / size / size[:, None]


def _centred(grams: torch.Tensor) -> torch.Tensor:
    """(N, n, n) U-centred (Szekely and Rizzo 2014): products of these are n (n - 3) times HSIC."""
    n = grams.shape[-1]
    diagonal = grams.diagonal(dim1=1, dim2=2)
    diagonal.zero_()
    rows = grams.sum(2, keepdim=True) / (n - 2)
    total = rows.sum(1, keepdim=True) / (n - 1)
    grams.sub_(rows).sub_(rows.mT).add_(total)
    diagonal.zero_()
    return grams


class _Sums:
    """Sums over the frames."""

    def __init__(self, cka_frames: int) -> None:
        self._sample = EvenSample(cka_frames)
        self._cosines: torch.Tensor | None = None  # (N + 1, N + 1)
        self._directions: torch.Tensor | None = None  # (N + 1, D)
        self._utterances = self._frames = 0

    def add(self, states: torch.Tensor) -> None:
        layers, frames, size = states.shape
        if self._cosines is None or self._directions is None:
            self._cosines = torch.zeros(layers, layers, dtype=torch.double)
            self._directions = torch.zeros(layers, size, dtype=torch.double)
        if layers != len(self._cosines):
            raise UserError(
                f"The number of loops differs between utterances ({len(self._cosines) - 1} and "
                f"{layers - 1} layers executed): say with --num_loops how many to run."
            )
        by_frame = states.transpose(0, 1)
        unit = torch.nn.functional.normalize(by_frame, dim=-1)
        self._cosines += (unit @ unit.mT).sum(0, dtype=torch.double)
        self._directions += unit.sum(0, dtype=torch.double)
        self._sample.add(by_frame)
        self._utterances += 1
        self._frames += frames

    def result(self) -> LayerSimilarity:
        if self._frames < _LEAST_FRAMES or self._cosines is None or self._directions is None:
            raise UserError(
                f"{self._frames} frames of speech are too few to compare layers on: take "
                f"{_LEAST_FRAMES} or more."
            )
        n, directions = self._frames, self._directions
        # All pairs of frames, less each frame with itself.
        strangers = (directions @ directions.T - self._cosines) / (n * (n - 1))
        sample = self._sample.rows
        return LayerSimilarity(
            cosine=(self._cosines / n).numpy(),
            strangers=strangers.numpy(),
            cka=linear_cka(sample.transpose(0, 1)).numpy(),
            utterances=self._utterances,
            frames=n,
            cka_frames=len(sample),
        )
