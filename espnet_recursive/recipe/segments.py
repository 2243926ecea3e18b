"""Recordings, and the utterances that Kaldi's table `segments` cuts out of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from espnet_recursive.errors import UserError
from espnet_recursive.files.file_names import check_ids
from espnet_recursive.recipe.data_dir import check_same_keys, read_source, read_table, read_text

#: Seconds by which a segment may go beyond its recording, as in Kaldi; it ends there then.
MAX_OVERSHOOT = 0.5


@dataclass(frozen=True)
class Segment:
    """A part of a recording.

    Attributes:
        start: In seconds.
        end: In seconds; None for the end of the recording.
    """

    start: float
    end: float | None

    def __str__(self) -> str:
        return f"{self.start:g} to {'the end' if self.end is None else f'{self.end:g}'} s"


@dataclass(frozen=True)
class Recording:
    """A recording and its utterances.

    Attributes:
        name: Its id.
        value: Its value in wav.scp.
        segments: Of each utterance, which part it is; None where it is all of the recording.
    """

    name: str
    value: str
    segments: Mapping[str, Segment | None]


def read_recordings(source: Path) -> tuple[list[Recording], dict[str, str], dict[str, str]]:
    """Read wav.scp, segments where there is one, text and utt2spk of a data directory.

    Returns:
        The recordings; and of each utterance the text, and the speaker.

    Raises:
        UserError: If a table is missing or bad, the tables do not fit each other, or there is no
            utterance.
    """
    if not (source / "segments").exists():
        wav_scp, text, utt2spk = read_source(source)
        if not text:
            raise UserError(f"{source / 'text'} is empty: a data directory has utterances.")
        return [Recording(key, value, {key: None}) for key, value in wav_scp.items()], text, utt2spk
    path = source / "segments"
    wav_scp, lines = read_table(source / "wav.scp"), read_table(path)
    text, utt2spk = read_text(source / "text"), read_table(source / "utt2spk")
    check_ids(path, lines)
    for name, table in (("text", text), ("utt2spk", utt2spk)):
        check_same_keys(path, lines, source / name, table)
    parts: dict[str, dict[str, Segment | None]] = {}
    for utterance, line in lines.items():
        recording, segment = _parse(path, utterance, line)
        if recording not in wav_scp:
            raise UserError(
                f"{path}, {utterance}: the recording {recording} is not in {source / 'wav.scp'}. "
                "Add it there, or remove the utterance here, in text and in utt2spk."
            )
        parts.setdefault(recording, {})[utterance] = segment
    return [Recording(name, wav_scp[name], part) for name, part in parts.items()], text, utt2spk


def cut(samples: np.ndarray, rate: int, segment: Segment, name: str) -> np.ndarray:
    """The samples of a segment, as ESPnet and Kaldi take them.

    Args:
        samples: (samples,) of the recording.
        rate: Its sampling rate in Hz.
        segment: Which part.
        name: Which utterance of which file, for messages.

    Raises:
        UserError: If the recording is shorter, by more than MAX_OVERSHOOT.
    """
    length = len(samples) / rate
    end = None if segment.end is None else int(segment.end * rate)
    part = samples[int(segment.start * rate) : end]
    if (segment.end or 0) > length + MAX_OVERSHOOT or not len(part):
        raise UserError(
            f"{name}: its segment is from {segment}, and the recording has {length:.2f} s. Correct "
            "the times in segments."
        )
    return part


def _parse(path: Path, utterance: str, line: str) -> tuple[str, Segment]:
    recording, *times = line.split()
    try:
        start, end = map(float, times)
    except ValueError:
        start = end = math.nan
    # -1 is the end of the recording.
    if not (math.isfinite(start) and math.isfinite(end) and 0 <= start) or (
        end != -1 and end <= start
    ):
        raise UserError(
            f"{path}, {utterance}: expected a recording, and where the utterance starts and "
            f"ends in seconds, found {line!r}"
        )
    return recording, Segment(start, None if end == -1 else end)
