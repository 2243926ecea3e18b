"""Agreement of an exported recogniser with ESPnet: texts and posteriors of utterances."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from espnet_recursive.errors import UserError
from espnet_recursive.model.loaded_model import LoadedModel
from espnet_recursive.onnx_recognizer.greedy import greedy
from espnet_recursive.registry import import_quietly

TooShortUttError = import_quietly("espnet2.asr.encoder.transformer_encoder").TooShortUttError

#: Seconds of the noise that takes the place of audio, and its standard deviations.
_NOISE = ((3.0, 0.1), (1.3, 0.02), (0.5, 0.001))


@dataclass(frozen=True)
class Agreement:
    """Agreement with ESPnet.

    Attributes:
        inputs: What was compared.
        texts: Utterances.
        same_texts: Those with the same labels after greedy CTC decoding.
        labels: Share of the frames with the same best label.
        largest: The largest difference of a posterior.
    """

    inputs: str
    texts: int
    same_texts: int
    labels: float
    largest: float


def noise(rate: int) -> list[tuple[str, np.ndarray]]:
    """Utterances of noise, always the same."""
    random = np.random.default_rng(0)
    return [
        (f"noise of {seconds} s", (std * random.standard_normal(int(seconds * rate))).astype("f4"))
        for seconds, std in _NOISE
    ]


@torch.no_grad()
def espnet_log_probs(loaded: LoadedModel, name: str, samples: np.ndarray) -> np.ndarray:
    """(T', V) CTC's log posteriors in ESPnet.

    Raises:
        UserError: If the utterance is too short for the encoder.
    """
    model = loaded.model
    speech, lengths = torch.from_numpy(samples)[None], torch.tensor([len(samples)])
    try:
        out, _ = model.encode(speech, lengths)
    except (TooShortUttError, RuntimeError) as error:
        raise UserError(f"{name} is too short for the model: leave it out ({error})") from error
    return model.ctc.log_softmax(out[0] if isinstance(out, tuple) else out)[0].numpy()


def measure_agreement(
    session: Any,
    inputs: dict[str, np.ndarray],
    utterances: Iterable[tuple[str, np.ndarray]],
    expected: Iterable[np.ndarray],
) -> Agreement:
    """Compare.

    Args:
        session: The exported recogniser in onnxruntime.
        inputs: Its inputs beside the waveform.
        utterances: Names and samples.
        expected: (T', V) log posteriors of each in ESPnet.
    """
    names, same, labels, largest = [], 0, [], 0.0
    for (name, samples), x in zip(utterances, expected, strict=True):
        y = recognise(session, samples, inputs)
        if len(y) != len(x):
            raise UserError(f"{name}: {len(y)} frames in the file and {len(x)} in ESPnet")
        names.append(name)
        same += [a.token for a in greedy(x)] == [b.token for b in greedy(y)]
        labels.append(x.argmax(-1) == y.argmax(-1))
        # A NaN is the largest difference that there is.
        largest = float(np.max([largest, np.abs(np.exp(x) - np.exp(y)).max()]))
    agreeing = float(np.concatenate(labels).mean())
    return Agreement(", ".join(names), len(names), same, agreeing, largest)


def recognise(session: Any, samples: np.ndarray, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """(T', V) CTC's log posteriors of one utterance in the file."""
    feed = {"waveform": samples[None], "lengths": np.array([len(samples)]), **inputs}
    log_probs, lengths = session.run(["ctc_log_probs", "ctc_lengths"], feed)
    return log_probs[0, : lengths[0]]
