"""The labels that a client of sherpa-onnx reads out of a file, to be compared with ESPnet's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from espnet_recursive.export.sherpa_graphs import END, FIRST_TOKEN
from espnet_recursive.onnx_recognizer.greedy import greedy


def client_labels(route: str, session: Any, frontend: Any, samples: np.ndarray) -> list[int]:
    """Do with an utterance what the client does, but for reading its audio.

    Args:
        route: The loader.
        session: Its file in onnxruntime.
        frontend: The model's.
        samples: (N,) float32.
    """
    return _CLIENTS[route](session, frontend, samples)


@torch.no_grad()
def _zipformer(session: Any, frontend: Any, samples: np.ndarray) -> list[int]:
    features, lengths = frontend(torch.from_numpy(samples)[None], torch.tensor([len(samples)]))
    inputs = {"raw_features": features.numpy(), "lengths": lengths.numpy()}
    log_probs, frames = session.run(None, inputs)
    return _tokens(log_probs[0, : frames[0]])


def _omnilingual(session: Any, frontend: Any, samples: np.ndarray) -> list[int]:
    deviation = np.sqrt(samples.var() + 1e-5)
    samples = ((samples - samples.mean()) / deviation).astype(np.float32)
    (logits,) = session.run(None, {"waveform": samples[None]})
    return _tokens(logits[0])


def _moonshine(session: Any, frontend: Any, samples: np.ndarray) -> list[int]:
    (hidden,) = session.run(None, {"waveform": samples[None]})
    tokens = hidden[0, :, 0].astype(int).tolist()
    return [token - FIRST_TOKEN for token in tokens[: tokens.index(END)]]


def _tokens(log_probs: np.ndarray) -> list[int]:
    return [label.token for label in greedy(log_probs)]


_CLIENTS: dict[str, Callable[[Any, Any, np.ndarray], list[int]]] = {
    "zipformer_ctc": _zipformer,
    "omnilingual": _omnilingual,
    "moonshine_v2": _moonshine,
}
