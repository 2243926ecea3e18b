"""From the waveform to normalised features, as modules that can be traced.

ESPnet pads a batch with zeros and mirrors what lies behind them; here each utterance is mirrored at
its own end. So it has the features that ESPnet gives it alone, whatever it shares a batch with.
"""

import sys
from collections.abc import Callable
from typing import Any, Protocol

import torch

from espnet_recursive.asr.frontend.framed_frontend import FramedFrontend
from espnet_recursive.errors import UserError
from espnet_recursive.export.normalised import Normalised, pad_mask
from espnet_recursive.export.replaced import replaced
from espnet_recursive.registry import FRONTENDS, import_quietly

DefaultFrontend = import_quietly("espnet2.asr.frontend.default").DefaultFrontend

Tensor = torch.Tensor


class TraceableFrontend(Protocol):
    """The part of a frontend that an exported file has.

    Attributes:
        hop_length: Samples from one frame to the next.
    """

    hop_length: int

    def samples_for(self, frames: int) -> int:
        """The fewest samples that give a number of frames, and that can be mirrored."""
        ...

    def __call__(self, waveform: Tensor, lengths: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N) samples, (B,) lengths and () the frames' last sample -> (B, T, F), (B,)."""
        ...


class Signal(torch.nn.Module):
    """Samples to normalised features.

    Args:
        model: ESPnet's model, whose frontend is one that ``traceable_frontend`` takes.
        frames: The fewest frames that its encoder takes; shorter input gets zeros behind it.

    Attributes:
        shortest: The samples that give so many frames.
    """

    def __init__(self, model: Any, frames: int) -> None:
        super().__init__()
        self.frontend = traceable_frontend(model.frontend)
        self.normalised = Normalised(model)
        self.shortest = self.frontend.samples_for(frames)

    def forward(self, waveform: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Compute features.

        Args:
            waveform: (B, N) float32, anything in the padding.
            lengths: (B,) int64.

        Returns:
            (B, T, F) features, 0 in the padding, and (B,) their lengths.
        """
        size = torch._shape_as_tensor(waveform)[1]
        lengths = torch.minimum(lengths, size)
        heard = _count(size) < lengths[:, None]
        waveform = torch.where(heard, waveform, torch.zeros(()))
        silence = waveform.new_zeros(1, self.shortest).expand(waveform.size(0), -1)
        waveform = torch.cat([waveform, silence], dim=1)
        size, lengths = (n.clamp(min=self.shortest) for n in (size, lengths))
        return self.normalised(*self.frontend(waveform, lengths, size))


class LogMel(torch.nn.Module):
    """ESPnet's ``default`` frontend: a short-time Fourier transform as a convolution, and log mel.

    Args:
        frontend: ESPnet's.
    """

    def __init__(self, frontend: Any) -> None:
        super().__init__()
        stft = frontend.stft
        self.hop_length, self._n_fft = stft.hop_length, stft.n_fft
        self._padding: int = stft.n_fft // 2 if stft.center else 0
        self.logmel = frontend.logmel
        self._kernel = torch.nn.Parameter(_fourier_kernel(stft), requires_grad=False)

    def samples_for(self, frames: int) -> int:
        """The fewest samples that give a number of frames, and that can be mirrored."""
        samples = (frames - 1) * self.hop_length + self._n_fft - 2 * self._padding
        return max(samples, self._padding + 1)

    def forward(self, waveform: Tensor, lengths: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N) samples, (B,) lengths and () the frames' last sample -> (B, T, F), (B,)."""
        # The window may be shorter than the transform, in whose middle it is.
        shorter = self._n_fft - self._kernel.size(-1)
        places = size + (2 * self._padding - shorter)
        waveform = _mirrored(waveform, lengths, shorter // 2 - self._padding, places)
        parts = torch.nn.functional.conv1d(waveform[:, None], self._kernel, stride=self.hop_length)
        real, imaginary = (parts**2).chunk(2, dim=1)
        frames = (lengths + 2 * self._padding - self._n_fft) // self.hop_length + 1
        with replaced(sys.modules[type(self.logmel).__module__], "makepad_mask", pad_mask):
            return self.logmel((real + imaginary).transpose(1, 2), frames)


class Framed(torch.nn.Module):
    """A frontend of this package, which is made to be traced.

    Args:
        frontend: Ours.
    """

    def __init__(self, frontend: FramedFrontend) -> None:
        super().__init__()
        self.frontend = frontend
        self.hop_length: int = frontend.hop_length

    def samples_for(self, frames: int) -> int:
        """The fewest samples that give a number of frames."""
        return self.frontend.count_samples(frames)

    def forward(self, waveform: Tensor, lengths: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N) samples, (B,) lengths and () the frames' last sample -> (B, T, F), (B,)."""
        return self.frontend(waveform[:, :size], lengths)


def traceable_frontend(frontend: Any) -> TraceableFrontend:
    """The exported form of a frontend.

    Raises:
        UserError: If it has none, with the reason.
    """
    for kind, exported in _FRONTENDS.items():
        if isinstance(frontend, kind):
            return exported(frontend)
    known = ", ".join(("default", *FRONTENDS))
    raise UserError(
        f"frontend {type(frontend).__name__} cannot be in the file. Those that can: {known}. "
        "Export the encoder alone (--to encoder), and compute its features yourself"
    )


def _default(frontend: Any) -> LogMel:
    stft, enhancement = frontend.stft, frontend.frontend
    if stft is None:
        raise UserError("apply_stft: false takes spectra, and a recogniser takes a waveform")
    if not stft.onesided:
        raise UserError("onesided: false gives more bins than ESPnet's mel filters take")
    for option in ("use_wpe", "use_beamformer"):
        if getattr(enhancement, option, False):
            raise UserError(f"frontend_conf {option} takes several microphones, the file takes one")
    return LogMel(frontend)


#: Each kind of frontend that can be in a file -> its exported form.
_FRONTENDS: dict[type, Callable[[Any], TraceableFrontend]] = {
    DefaultFrontend: _default,
    FramedFrontend: Framed,
}


def _fourier_kernel(stft: Any) -> Tensor:
    """(2 K, 1, win_length): windowed cosines and sines of the K bins, for a convolution."""
    n_fft, length = stft.n_fft, stft.win_length
    window = torch.ones(length, dtype=torch.float64)
    if stft.window is not None:
        window = getattr(torch, f"{stft.window}_window")(length, dtype=torch.float64)
    if stft.normalized:
        window = window * n_fft**-0.5
    places = _count(length) + (n_fft - length) // 2
    turns = _count(n_fft // 2 + 1)[:, None] * places % n_fft
    angles = turns.double() * (2 * torch.pi / n_fft)
    return (torch.cat([angles.cos(), -angles.sin()]) * window).float()[:, None]


def _mirrored(waveform: Tensor, lengths: Tensor, first: int, places: Tensor) -> Tensor:
    """(B, places): each utterance between its mirror images, from the place `first` on."""
    last = lengths[:, None] - 1
    places = torch.abs(_count(places) + first)
    places = torch.clamp(last - torch.abs(last - places), min=0)
    return torch.gather(waveform, 1, places)


def _count(number: Any) -> Tensor:
    """(number,) 0, 1, ...; the number may be a tensor, as in a trace."""
    return torch.arange(number)
