"""Whisper encoders in the form of Hugging Face's transformers (the extra "whisper")."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from espnet_recursive.analysis.hidden_states import watching
from espnet_recursive.errors import UserError, reason
from espnet_recursive.model.device import usable_device
from espnet_recursive.recursion.shape import RecursionShape

#: Samples of a frame of the encoder: two hops of 10 ms, because the second convolution halves them.
_FRAME = 320


def is_whisper(model: str) -> bool:
    """Whether a name is that of a Whisper: by its config.json, here or on the hub.

    The hub is asked only where the name says "whisper"; ESPnet's packs have no config.json.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        return _is_whisper_config(path / "config.json")
    if path.exists() or "whisper" not in model.lower():
        return False
    from huggingface_hub import hf_hub_download

    name, _, revision = model.partition("@")
    try:
        return _is_whisper_config(
            Path(hf_hub_download(name, "config.json", revision=revision or None))
        )
    except Exception:  # of several libraries; who loads the model as one of ESPnet's says why not
        return False


class WhisperStates:
    """The hidden states of a Whisper encoder, as :class:`HiddenStates` says.

    Whisper encodes windows of 30 seconds, the last one filled up with silence. Only the frames of
    the utterance are kept; a longer one is cut into windows.

    Args:
        model: A folder, or a Hugging Face id with or without ``@revision``.
        device: As :func:`espnet_recursive.model.device.usable_device` takes it.

    Raises:
        UserError: If transformers is not installed, or the model cannot be loaded.
    """

    name: str
    rate: int | None = 16000
    recursion: RecursionShape | None = None

    def __init__(self, model: str, device: str = "cpu") -> None:
        transformers = _transformers()
        self.name = model
        device = usable_device(device)
        path = Path(model).expanduser()
        name, _, revision = model.partition("@")
        try:
            whole = transformers.WhisperModel.from_pretrained(
                path if path.is_dir() else name,
                revision=revision or "main",
                dtype=torch.float32,
            )
        except Exception as error:  # of several libraries, for files, names and the network
            raise UserError(f"{model} cannot be loaded as a Whisper: {reason(error)}") from error
        self._encoder = whole.encoder.eval().to(device)
        # Whisper's features are the same in all models but for the number of mel bands.
        self._features = transformers.WhisperFeatureExtractor(whole.config.num_mel_bins)

    @torch.inference_mode()
    def __call__(self, speech: np.ndarray) -> torch.Tensor:
        """Encode an utterance."""
        window = self._features.n_samples
        parts = [self._window(speech[i : i + window]) for i in range(0, len(speech), window)]
        return torch.cat(parts, dim=1)

    def set_loops(self, num_loops: int) -> None:
        """Refuse."""
        raise UserError(f"{self.name} is a Whisper, which runs each layer once: it has no loops.")

    def _window(self, speech: np.ndarray) -> torch.Tensor:
        features = self._features(speech, sampling_rate=self.rate, return_tensors="pt")
        with watching(self._encoder.layers) as states:
            self._encoder(features.input_features.to(self._encoder.conv1.weight.device))
        frames = -(-len(speech) // _FRAME)
        return torch.stack([state[0, :frames].cpu() for state in states])


def _is_whisper_config(path: Path) -> bool:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and config.get("model_type") == "whisper"


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise UserError(
            "A Whisper needs transformers, which is not installed: "
            "pip install 'espnet_recursive[whisper]'"
        ) from error
    # Its bars and notes stand between ours.
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers
