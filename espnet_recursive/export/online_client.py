"""A client of the step of a stream, in numpy, as sherpa-onnx is one in C++."""

from typing import Any

import numpy as np

from espnet_recursive.export.online_graph import LEVEL, OnlineStep


def run_online(session: Any, step: OnlineStep, feats: np.ndarray) -> np.ndarray:
    """Run a stream over the features of an utterance.

    Args:
        session: The step in onnxruntime.
        step: What it was made of, for the sizes.
        feats: float32 (T, F), log mel energies of samples in +-1.

    Returns:
        (T', V) log posteriors of the chunks that are whole.
    """
    given = {name: value.numpy() for name, value in step.inputs().items()}
    chunk, left = given["attn_mask"].shape[2] - step.left, step.left
    shift = chunk * step.geometry["subsampling_factor"]
    outs: list[np.ndarray] = []
    for begin in range(0, len(feats) - step.frames + 1, shift):
        given["x"] = feats[None, begin : begin + step.frames] + np.float32(LEVEL)
        given["attn_mask"][..., :left] = np.arange(left) >= left - chunk * len(outs)
        out, given["attn_cache"], given["conv_cache"] = session.run(None, given)
        given["offset"] = given["offset"] + out.shape[1]
        outs.append(out[0])
    return np.concatenate(outs) if outs else np.zeros((0, 0), np.float32)
