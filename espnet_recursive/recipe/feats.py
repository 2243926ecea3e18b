"""Features that were computed before: Kaldi archives of matrices, as ESPnet reads them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from omniio import kaldi

from espnet_recursive.errors import UserError
from espnet_recursive.files.whole_files import whole_file


def write_ark(
    ark: Path | str, features: Iterable[tuple[str, np.ndarray]]
) -> tuple[dict[str, str], dict[str, int]]:
    """Write matrices into one Kaldi archive, whole or not at all.

    Args:
        ark: The archive to write.
        features: Utterances with their features, float32 (frames, dimensions).

    Returns:
        The place of each utterance's features, as feats.scp names it, and its number of frames.
    """
    # A path that holds where the data directory is moved to, or another program is started.
    path = Path(ark).resolve()
    places, frames = {}, {}
    with whole_file(path, "wb") as file:
        for utterance, matrix in features:
            # The place is that after the key.
            places[utterance] = f"{path}:{file.tell() + len(utterance.encode()) + 1}"
            frames[utterance] = len(matrix)
            kaldi.save_ark(file, {utterance: np.asarray(matrix, np.float32)})
    return places, frames


def read_features(place: str, utterance: str) -> np.ndarray:
    """Read the features of an utterance.

    Args:
        place: Its value in feats.scp.
        utterance: Its id, for messages.

    Returns:
        float32 (frames, dimensions).

    Raises:
        UserError: If there is no such matrix, it has no frame, or a value is no number.
    """
    remedy = "Run the stage that writes it again, or take the utterance out of the data directory."
    try:
        matrix = kaldi.load_mat(place)
    except Exception as error:  # of many kinds, for archives of many kinds
        raise UserError(f"feats.scp, {utterance}: {place} cannot be read: {error}. {remedy}") from (
            error
        )
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2 or not matrix.size:
        raise UserError(f"feats.scp, {utterance}: {place} is no matrix of features. {remedy}")
    if not np.isfinite(matrix).all():
        raise UserError(f"feats.scp, {utterance}: {place} has values that are no numbers. {remedy}")
    return matrix
