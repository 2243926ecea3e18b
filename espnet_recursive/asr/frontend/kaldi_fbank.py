"""Kaldi's log mel filterbank, as kaldi-native-fbank and sherpa-onnx compute it."""

import numpy as np
import torch
from typeguard import typechecked

from espnet_recursive.asr.frontend.framed_frontend import (
    FramedFrontend,
    check_filters,
    dft_matrix,
    power_of_two,
    power_spectrum,
    read_rate,
    split_frames,
)

#: The least energy whose logarithm is taken: the epsilon of float32.
ENERGY_FLOOR = float(np.finfo(np.float32).eps)


def povey_window(length: int) -> np.ndarray:
    """Kaldi's window: a Hann window, which goes to zero at both ends, to the power of 0.85."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / (length - 1))) ** 0.85


def mel(hertz: np.ndarray | float) -> np.ndarray:
    """Frequency in mel, with Kaldi's constants."""
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)


def kaldi_mel_filters(fs: int, n_fft: int, n_mels: int, fmin: float, fmax: float) -> np.ndarray:
    """Filters that are triangles over mel, of height 1.

    Returns:
        float64 (n_fft / 2, n_mels): Kaldi leaves the Nyquist frequency out.
    """
    edges = np.linspace(mel(fmin), mel(fmax), n_mels + 2)
    left, center, right = edges[:-2], edges[1:-1], edges[2:]
    at = mel(np.arange(n_fft // 2) * fs / n_fft)[:, None]
    return np.maximum(0, np.minimum((at - left) / (center - left), (right - at) / (right - center)))


class KaldiFbank(FramedFrontend):
    """Kaldi's log mel features: 25 ms frames every 10 ms, whole at both ends of an utterance.

    Each frame loses its mean, is pre-emphasised, weighted by the povey window and transformed; no
    dither. Frames are centred (``snip_edges`` false): the signal is mirrored at its ends. With
    samples in +-1 this is what sherpa-onnx's loader of Zipformer CTC models computes by itself,
    with kaldi-native-fbank. ``torchaudio.compliance.kaldi.fbank`` takes one utterance at a time,
    and cuts frames and transforms them in ways that become no ONNX graph of any length.

    Args:
        fs: Sampling rate: 16000, "16k".
        n_mels: Filters.
        fmin: Lowest frequency in Hz.
        fmax: Highest frequency in Hz; 0 or less counts from the Nyquist frequency downwards.
        preemphasis: Share of the sample before that is subtracted from each.

    Raises:
        ValueError: If the frequencies or the number of filters are impossible.
    """

    @typechecked
    def __init__(
        self,
        fs: int | str = 16000,
        n_mels: int = 80,
        fmin: float = 20.0,
        fmax: float = -400.0,
        preemphasis: float = 0.97,
    ) -> None:
        rate = read_rate(fs)
        # Kaldi rounds milliseconds down to samples.
        window, self.hop_length = rate * 25 // 1000, rate * 10 // 1000
        n_fft = power_of_two(window)
        top = fmax if fmax > 0 else rate / 2 + fmax
        check_filters(rate, n_fft, n_mels, fmin, top)
        super().__init__(
            {
                "dft": dft_matrix(povey_window(window), n_fft, n_fft // 2),
                "filters": kaldi_mel_filters(rate, n_fft, n_mels, fmin, top),
            }
        )
        self.n_mels, self.win_length, self.preemphasis = n_mels, window, preemphasis
        kaldi = (20.0, rate / 2 - 400.0, 0.97)
        self._as_kaldi_itself = (fmin, top, preemphasis) == kaldi

    def as_kaldi_itself(self) -> bool:
        """Whether all but the rate and the number of filters is what Kaldi's clients compute."""
        return self._as_kaldi_itself

    def output_size(self) -> int:
        """Features of a frame."""
        return self.n_mels

    def count_frames(self, lengths: torch.Tensor) -> torch.Tensor:
        """One frame for each hop, the last if half of it or more is there."""
        return (lengths + self.hop_length // 2) // self.hop_length

    def count_samples(self, frames: int) -> int:
        """See :meth:`FramedFrontend.count_samples`."""
        return max(frames * self.hop_length - self.hop_length // 2, 1)

    def features(self, samples: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Log mel energies; see :meth:`FramedFrontend.features`."""
        hop, window = self.hop_length, self.win_length
        hops = -(-window // hop)
        frames = (samples.size(1) + hop // 2) // hop
        place = torch.arange((frames + hops - 1) * hop, device=samples.device)
        # Mirrored at both ends, again and again where an utterance is shorter than its margin. The
        # whole periods that are added keep the remainder of a number that is not negative.
        period = 2 * lengths.clamp(min=1)[:, None]
        place = (place[None] - (window - hop) // 2 + period * window) % period
        place = torch.minimum(place, period - 1 - place)
        # A sample of zero stands behind, for a batch without any.
        framed = split_frames(
            torch.nn.functional.pad(samples, (0, 1)).gather(1, place), window, hop
        )
        framed = framed - framed.mean(dim=2, keepdim=True)
        before = torch.cat([framed[..., :1], framed[..., :-1]], dim=2)
        power = power_spectrum(framed - self.preemphasis * before, self.dft)
        return (power @ self.filters).clamp(min=ENERGY_FLOOR).log()
