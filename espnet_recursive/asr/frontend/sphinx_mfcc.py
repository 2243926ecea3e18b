"""Cepstra of CMU Sphinx, as AN4 is distributed with them."""

from typing import Literal

import numpy as np
import torch
from typeguard import typechecked

from espnet_recursive.asr.frontend.framed_frontend import (
    MAX_N_FFT,
    FramedFrontend,
    check_filters,
    dft_matrix,
    power_spectrum,
    read_rate,
    split_frames,
)

#: Samples are 16 bit numbers in Sphinx.
FULL_SCALE = 32768.0
#: The least energy whose logarithm is taken.
ENERGY_FLOOR = 1e-5
PREEMPHASIS = 0.97


def sphinx_mel_filters(fs: int, n_fft: int, n_mels: int, fmin: float, fmax: float) -> np.ndarray:
    """Triangles of area 1 whose edges are equally spaced in mel, then rounded to bins.

    Returns:
        float64 (n_fft / 2 + 1, n_mels).

    Raises:
        ValueError: If two edges of a filter fall on one bin.
    """
    low, high = 2595 * np.log10(1 + np.array([fmin, fmax]) / 700)
    hertz = 700 * (10 ** (np.linspace(low, high, n_mels + 2) / 2595) - 1)
    width = fs / n_fft
    edges = np.floor(hertz / width + 0.5) * width
    left, center, right = edges[:-2], edges[1:-1], edges[2:]
    if (np.diff(edges) <= 0).any():
        raise ValueError(
            f"frontend_conf: {n_mels} filters from {fmin:g} to {fmax:g} Hz are narrower than the "
            f"{width:g} Hz of a bin: lower n_mels or raise n_fft"
        )
    at = np.arange(n_fft // 2 + 1)[:, None] * width
    heights = np.minimum((at - left) / (center - left), (right - at) / (right - center))
    return np.maximum(0, heights) * 2 / (right - left)


def sphinx_cosines(n_mels: int, n_cepstra: int) -> np.ndarray:
    """Sphinx's own cosine transform: the first filter counts half.

    Returns:
        float64 (n_mels, n_cepstra).
    """
    filters = np.arange(n_mels)[:, None]
    cosines = np.cos(np.pi * np.arange(n_cepstra) * (filters + 0.5) / n_mels) / n_mels
    cosines[0] /= 2
    return cosines


class SphinxMFCC(FramedFrontend):
    """Sphinx's cepstra: windows of 410 samples every 160 at 16 kHz, 40 filters, 13 coefficients.

    Equal to the features that AN4 is distributed with. No library among those that ESPnet installs
    has Sphinx's rounded filters and halved first term, hence this class. At other rates the window
    and the hop take as much time, and filters end at as large a share of the rate.

    Args:
        fs: Sampling rate: 16000, "16k".
        n_mels: Filters.
        n_cepstra: Coefficients of a frame.
        n_fft: Length of the Fourier transform.
        fmin: Lowest frequency in Hz.
        fmax: Highest frequency in Hz; by default 0.425 of the rate, 6800 Hz at 16 kHz.
        cmn: "utterance" to subtract the mean over the utterance.
        deltas: Whether to append first and second differences, as Sphinx does
            (:func:`espnet_recursive.corpora.sphinx.with_deltas`).

    Raises:
        ValueError: If the frequencies, the transform or the number of filters are impossible.
    """

    @typechecked
    def __init__(
        self,
        fs: int | str = 16000,
        n_mels: int = 40,
        n_cepstra: int = 13,
        n_fft: int = 512,
        fmin: float = 130.0,
        fmax: float | None = None,
        cmn: Literal["utterance"] | None = None,
        deltas: bool = False,
    ) -> None:
        rate = read_rate(fs)
        window, self.hop_length = int(0.025625 * rate), rate * 10 // 1000
        if not window <= n_fft <= MAX_N_FFT:
            raise ValueError(
                f"frontend_conf.n_fft {n_fft}: a window has {window} samples at {rate} Hz; "
                f"expected as many or more, and at most {MAX_N_FFT}"
            )
        top = 0.425 * rate if fmax is None else fmax
        check_filters(rate, n_fft, n_mels, fmin, top)
        if not 1 <= n_cepstra <= n_mels:
            raise ValueError(f"frontend_conf.n_cepstra {n_cepstra}: expected 1 to n_mels, {n_mels}")
        super().__init__(
            {
                "dft": dft_matrix(np.hamming(window), n_fft, n_fft // 2 + 1),
                "filters": sphinx_mel_filters(rate, n_fft, n_mels, fmin, top),
                "cosines": sphinx_cosines(n_mels, n_cepstra),
            }
        )
        self.n_cepstra, self.win_length = n_cepstra, window
        self.cmn, self.deltas = cmn, deltas

    def output_size(self) -> int:
        """Features of a frame."""
        return self.n_cepstra * (3 if self.deltas else 1)

    def count_frames(self, lengths: torch.Tensor) -> torch.Tensor:
        """Frames that fit whole, and one more for the rest of the samples."""
        return (lengths - self.win_length).clamp(min=-self.hop_length) // self.hop_length + 2

    def count_samples(self, frames: int) -> int:
        """See :meth:`FramedFrontend.count_samples`."""
        return self.win_length + (frames - 2) * self.hop_length if frames > 1 else 1

    def features(self, samples: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Cepstra; see :meth:`FramedFrontend.features`."""
        hop, window = self.hop_length, self.win_length
        inside = torch.arange(samples.size(1), device=samples.device)[None] < lengths[:, None]
        samples = (samples * FULL_SCALE).masked_fill(~inside, 0.0)
        hops = -(-window // hop)
        # Zeros first: in Sphinx the sample after the last is pre-emphasised too.
        samples = torch.nn.functional.pad(samples, (1, window + hops * hop))
        samples = samples[:, 1:] - PREEMPHASIS * samples[:, :-1]
        samples = samples[:, : samples.size(1) // hop * hop]
        energies = power_spectrum(split_frames(samples, window, hop), self.dft) @ self.filters
        cepstra = energies.clamp(min=ENERGY_FLOOR).log() @ self.cosines
        frames = self.count_frames(lengths)[:, None]
        if self.cmn:
            place = torch.arange(cepstra.size(1), device=samples.device)
            beyond = (place[None] >= frames)[..., None]
            means = cepstra.masked_fill(beyond, 0.0).sum(dim=1) / frames
            cepstra = cepstra - means[:, None]
        return with_deltas(cepstra, frames) if self.deltas else cepstra


def with_deltas(cepstra: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
    """Append first and second differences; an utterance's ends are repeated beyond them.

    Args:
        cepstra: (batch, frames, features).
        frames: (batch, 1) frames of each utterance.

    Returns:
        (batch, frames, 3 x features).
    """
    place = torch.arange(cepstra.size(1), device=cepstra.device)[None]

    def at(shift: int) -> torch.Tensor:
        index = torch.minimum((place + shift).clamp(min=0), frames - 1)
        return cepstra.gather(1, index[..., None].expand(-1, -1, cepstra.size(2)))

    first = at(2) - at(-2)
    second = (at(3) - at(-1)) - (at(1) - at(-3))
    return torch.cat([cepstra, first, second], dim=2)
