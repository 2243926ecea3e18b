"""Frames, power spectra and what frontends that work on them have in common.

Only additions, products and gathers of fixed sizes are used, in float32: a batch, a traced graph
(ONNX) and one utterance run the same operations.
"""

from abc import abstractmethod
from contextlib import nullcontext

import numpy as np
import torch
from espnet2.asr.frontend.abs_frontend import AbsFrontend

from espnet_recursive.files.hertz import parse_hertz

#: Sampling rates of speech in Hz, and the longest transform, whose matrix grows with the square.
MIN_RATE, MAX_RATE = 1000, 96_000
MAX_N_FFT = 4096


def read_rate(fs: int | str) -> int:
    """Read ``frontend_conf.fs``.

    Raises:
        ValueError: If it is no sampling rate, or none of speech.
    """
    rate = parse_hertz(fs, "frontend_conf.fs")
    if not MIN_RATE <= rate <= MAX_RATE:
        raise ValueError(f"frontend_conf.fs {fs}: expected {MIN_RATE} to {MAX_RATE} Hz")
    return rate


def check_filters(rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float) -> None:
    """Refuse impossible mel filters.

    Raises:
        ValueError: If their frequencies or their number are impossible.
    """
    if not 0 <= fmin < fmax <= rate / 2:
        raise ValueError(
            f"frontend_conf: fmin {fmin:g} and fmax {fmax:g} are no range of frequencies at "
            f"{rate} Hz: expected 0 <= fmin < fmax <= {rate / 2:g}"
        )
    if not 1 <= n_mels <= n_fft // 2:
        raise ValueError(
            f"frontend_conf.n_mels {n_mels}: expected 1 to {n_fft // 2}, the bins of the spectrum"
        )


def power_of_two(samples: int) -> int:
    """The least power of two that is `samples` or more."""
    return 1 << max(samples - 1, 0).bit_length()


def dft_matrix(window: np.ndarray, n_fft: int, bins: int) -> np.ndarray:
    """Windowed discrete Fourier transform of a frame as a matrix.

    Args:
        window: (samples,) of a frame, at most `n_fft`; the frame is padded with zeros.
        n_fft: Length of the transform.
        bins: How many of its values, from frequency 0 upwards.

    Returns:
        float64 (samples, 2 x bins): the real parts, then the imaginary ones.
    """
    sample = np.arange(len(window))[:, None]
    # The phase is reduced as an integer, which keeps cosines of large arguments exact.
    angle = 2 * np.pi * (sample * np.arange(bins) % n_fft) / n_fft
    return window[:, None] * np.concatenate([np.cos(angle), -np.sin(angle)], axis=1)


def split_frames(samples: torch.Tensor, length: int, hop: int) -> torch.Tensor:
    """Cut a batch into overlapping frames.

    Args:
        samples: (batch, a multiple of `hop`), at least ceil(length / hop) - 1 hops long.
        length: Samples of a frame.
        hop: Samples from one frame to the next.

    Returns:
        (batch, frames, length), a frame for each place where a whole one and the rest of its last
        hop fit.
    """
    hops = -(-length // hop)
    # size(), not len(): a traced graph then takes batches of any size.
    blocks = samples.reshape(samples.size(0), -1, hop)
    frames = blocks.size(1) - hops + 1
    return torch.cat([blocks[:, i : i + frames] for i in range(hops)], dim=2)[..., :length]


class FramedFrontend(AbsFrontend):
    """A frontend without parameters that computes in float32 whatever precision the model has.

    Its constants are neither trained nor stored, and a model that is made half precision leaves
    them as they are: sums over a frame need float32.

    Args:
        constants: Name -> values of each constant.

    Attributes:
        hop_length: Samples from one frame to the next.
    """

    hop_length: int

    def __init__(self, constants: dict[str, np.ndarray]) -> None:
        super().__init__()
        self._constants = {name: value.astype(np.float32) for name, value in constants.items()}
        for name, value in self._constants.items():
            self.register_buffer(name, torch.tensor(value), persistent=False)

    def _apply(self, fn, recurse=True):
        """Follow the model to another device, not to another precision."""
        super()._apply(fn, recurse)
        for name, value in self._constants.items():
            device = getattr(self, name).device
            setattr(self, name, torch.from_numpy(value.copy()).to(device))
        return self

    @abstractmethod
    def count_frames(self, lengths: torch.Tensor) -> torch.Tensor:
        """Frames of utterances of so many samples."""

    @abstractmethod
    def count_samples(self, frames: int) -> int:
        """The fewest samples, and at least one, that have so many frames."""

    @abstractmethod
    def features(self, samples: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Features of a batch.

        Args:
            samples: float32 (batch, samples), anything beyond `lengths`.
            lengths: (batch,) samples of each utterance, on the device of `samples`.

        Returns:
            float32 (batch, frames of the longest or more, features), anything beyond an
            utterance's frames.
        """

    def forward(
        self, input: torch.Tensor, input_lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute features of a batch of waveforms.

        Args:
            input: (batch, samples) in +-1.
            input_lengths: (batch,) samples of each utterance.

        Returns:
            Features (batch, frames, output size) in the type of `input`, 0 beyond each utterance's
            frames, and the numbers of frames (batch,).
        """
        frames = self.count_frames(input_lengths)
        kind = input.device.type
        # Entered only where needed: a graph that is traced holds no trace of it.
        plain = torch.is_autocast_enabled(kind)
        with torch.autocast(kind, enabled=False) if plain else nullcontext():
            features = self.features(input.float(), input_lengths.to(input.device))
        features = features[:, : frames.max()]
        place = torch.arange(features.size(1), device=input.device)
        beyond = place[None, :, None] >= frames.to(input.device)[:, None, None]
        return features.masked_fill(beyond, 0.0).to(input.dtype), frames


def power_spectrum(frames: torch.Tensor, dft: torch.Tensor) -> torch.Tensor:
    """Power of frames at each frequency.

    Args:
        frames: (batch, frames, samples).
        dft: (samples, 2 x bins), see :func:`dft_matrix`.

    Returns:
        (batch, frames, bins).
    """
    real, imaginary = (frames @ dft).chunk(2, dim=2)
    return real.square() + imaginary.square()
