"""The layout of corpora prepared for CMU Sphinx: lists, transcripts, cepstra, headerless audio."""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from espnet_recursive.errors import UserError
from espnet_recursive.files.text_lines import plain_text, read_lines

#: Cepstral coefficients of a frame in Sphinx's feature files.
NUM_CEPSTRA = 13

_TRANSCRIPT = re.compile(r"^(?:<s>)?\s*(?P<words>.*?)\s*(?:</s>)?\s*\((?P<id>\S+)\)$")


def read_file_ids(path: Path) -> list[str]:
    """Read a .fileids file: a line for each recording, its path without folder and suffix.

    Raises:
        UserError: If the file is missing or empty.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist. Give the folder that holds etc/ as --corpus_dir.")
    file_ids = [file_id for line in read_lines(path) for file_id in line.split()]
    if not file_ids:
        raise UserError(f"{path} lists no recording. Unpack the archive of the corpus again.")
    return file_ids


def read_transcription(path: Path) -> dict[str, str]:
    """Read a transcription file of the Sphinx layout: lines "<s> WORDS </s> (recording)".

    Returns:
        The words of each recording.

    Raises:
        UserError: If the file is missing, a line is not of that form, or a recording comes twice.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist. Give the folder that holds etc/ as --corpus_dir.")
    transcripts: dict[str, str] = {}
    for number, line in enumerate(read_lines(path), 1):
        match = _TRANSCRIPT.match(plain_text(line))
        if match is None:
            raise UserError(f"{path}, line {number}: expected 'WORDS (recording)', found {line!r}")
        if match["id"] in transcripts:
            raise UserError(f"{path}, line {number}: {match['id']} comes twice. Remove one line.")
        transcripts[match["id"]] = match["words"]
    return transcripts


def read_cepstra(path: Path) -> np.ndarray:
    """Read a .mfc file: a count of values as int32, then that many float32, of either byte order.

    Returns:
        float32 (frames, NUM_CEPSTRA).

    Raises:
        UserError: If the file is cut off, holds no frame, or a value is no number.
    """
    data = path.read_bytes()
    present = (len(data) - 4) // 4
    # As in Sphinx, the byte order is the one in which the count is right.
    orders = [
        order for order in (">", "<") if data[:4] == np.array(present, f"{order}i4").tobytes()
    ]
    if not orders or len(data) % 4:
        count = int.from_bytes(data[:4], "big", signed=True)
        raise UserError(
            f"{path} is cut off or no feature file of Sphinx: it begins with the count {count} and "
            f"holds {max(present, 0)} values ({len(data)} bytes). Unpack the corpus again."
        )
    values = np.frombuffer(data, f"{orders[0]}f4", offset=4).astype(np.float32)
    if not present or present % NUM_CEPSTRA:
        raise UserError(
            f"{path} holds {present} values, which are not frames of {NUM_CEPSTRA} cepstra. "
            f"Make features of {NUM_CEPSTRA} cepstra, or use the waveforms."
        )
    if not np.isfinite(values).all():
        raise UserError(f"{path} has values that are no numbers. Make its features again.")
    return values.reshape(-1, NUM_CEPSTRA)


def subtract_means(cepstra: Mapping[str, np.ndarray], groups: Mapping[str, str]) -> None:
    """Subtract the mean over all frames of a group from each of its utterances, in place.

    Args:
        cepstra: For each utterance, (frames, dimensions), floating.
        groups: For each utterance, its group: itself, or its speaker.
    """
    members = defaultdict(list)
    for utterance, group in groups.items():
        members[group].append(utterance)
    for utterances in members.values():
        mean = np.concatenate([cepstra[utterance] for utterance in utterances]).mean(axis=0)
        for utterance in utterances:
            cepstra[utterance] -= mean


def with_deltas(cepstra: np.ndarray) -> np.ndarray:
    """Append first and second differences, as Sphinx does (its feature type 1s_c_d_dd).

    The first are c[t+2] - c[t-2], the second (c[t+3] - c[t-1]) - (c[t+1] - c[t-3]). The first and
    the last frame are repeated beyond the ends.

    Args:
        cepstra: (frames, dimensions).

    Returns:
        (frames, 3 x dimensions).
    """
    frames = len(cepstra)
    padded = np.pad(cepstra, ((3, 3), (0, 0)), mode="edge")
    at = [padded[3 + shift : 3 + shift + frames] for shift in range(-3, 4)]
    return np.hstack([cepstra, at[5] - at[1], (at[6] - at[2]) - (at[4] - at[0])])


def read_raw(path: Path) -> np.ndarray:
    """Read headerless 16 bit audio of either byte order.

    Nothing in the file tells the order. Speech is smooth, and with its bytes in the wrong order it
    is noise: the order with the smaller steps from sample to sample is the right one.

    Returns:
        int16 (samples,).

    Raises:
        UserError: If the file is empty or of an odd number of bytes.
    """
    data = path.read_bytes()
    if not data or len(data) % 2:
        raise UserError(
            f"{path} has {len(data)} bytes, which are not samples of 2 bytes. "
            "Unpack the archive of the corpus again."
        )
    orders = [np.frombuffer(data, order).astype(np.int16) for order in (">i2", "<i2")]
    return min(orders, key=lambda samples: np.abs(np.diff(samples.astype(np.float64))).sum())
