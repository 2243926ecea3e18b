"""Features that a model was trained on, beside those that a frontend computes from the audio."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from espnet_recursive.errors import UserError
from espnet_recursive.model.closeness import read_utterances
from espnet_recursive.recipe.data_dir import read_table
from espnet_recursive.recipe.feats import read_features

#: A relative difference that rounding to 8 bits does not make: other features.
_MOST = 0.05


@dataclass(frozen=True)
class StoredFeatures:
    """An utterance, its features, and its audio. Encodes what a model takes of both.

    Attributes:
        name: Its id.
        samples: float32 (samples,) in +-1.
        features: float32 (frames, features).
    """

    name: str
    samples: np.ndarray
    features: np.ndarray

    def __call__(self, model: Any) -> torch.Tensor:
        """(T, D), what the encoder of ESPnet's model makes of it."""
        speech = self.features if model.frontend is None else self.samples
        out = model.encode(torch.from_numpy(speech)[None], torch.tensor([len(speech)]))[0]
        return (out[0] if isinstance(out, tuple) else out)[0]


def read_stored(wav_scp: Path, feats_scp: Path, config: dict[str, Any]) -> Iterator[StoredFeatures]:
    """Read the utterances that are in both tables.

    Args:
        wav_scp: Their audio.
        feats_scp: Their features.
        config: The configuration of the model that takes the audio.

    Raises:
        UserError: If a file cannot be read, or none is in both.
    """
    features, found = read_table(feats_scp), False
    for name, samples in read_utterances([wav_scp], config):
        utterance = name.removeprefix(f"{wav_scp}, ")
        if utterance in features:
            found = True
            stored = np.array(read_features(features[utterance], utterance))  # not a view of a file
            yield StoredFeatures(utterance, samples, stored)
    if not found:
        raise UserError(f"{wav_scp} and {feats_scp} have no utterance in common")


@torch.no_grad()
def check_features(frontend: Any, utterances: Sequence[StoredFeatures], source: str) -> str:
    """Refuse a frontend that computes other features than the stored ones.

    Args:
        frontend: ESPnet's.
        utterances: The utterances.
        source: Of the stored features, for messages.

    Returns:
        The largest difference, as a sentence.

    Raises:
        UserError: Naming the utterance.
    """
    largest = 0.0
    for name, samples, stored in ((u.name, u.samples, u.features) for u in utterances):
        features = frontend(torch.from_numpy(samples)[None], torch.tensor([len(samples)]))[0][0]
        if features.shape != stored.shape:
            raise UserError(
                f"{name} has {len(stored)} frames in {source}, and the frontend makes "
                f"{len(features)} of its audio: it is another frontend, or another recording"
            )
        change = np.abs(features.numpy() - stored)
        if (size := np.linalg.norm(change) / np.linalg.norm(stored)) > _MOST:
            raise UserError(
                f"{name}: the frontend's features are {size:.0%} away from those of {source}. "
                "Choose --frontend_conf as they were made (cmn: utterance, where the mean was "
                "subtracted from them)"
            )
        largest = max(largest, float(change.max()))
    return (
        f"Features of {len(utterances)} utterances: at most {largest:.2g} from those of {source}."
    )
