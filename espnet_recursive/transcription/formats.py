"""The forms of transcripts: text, JSON, SRT, VTT, CTM and TSV, written as results come."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

from espnet_recursive.transcription.cues import Cue, cues
from espnet_recursive.transcription.results import Segment, Transcript

#: The ending of each form's files.
ENDINGS = {
    "text": "txt",
    "json": "json",
    "srt": "srt",
    "vtt": "vtt",
    "ctm": "ctm",
    "tsv": "tsv",
}
#: Forms in which a file holds one recording.
OF_ONE_RECORDING = ("srt", "vtt")
TIMESTAMPS = ("segment", "word")


def needs_words(form: str, timestamps: str | None) -> bool:
    """Whether the times of words are a part of the form."""
    return form == "ctm" or timestamps == "word"


def likes_words(form: str, timestamps: str | None) -> bool:
    """Whether the form is better with the times of words, but can do without."""
    return needs_words(form, timestamps) or (form in OF_ONE_RECORDING and timestamps is None)


class Form:
    """Writes recordings one after the other.

    Args:
        name: One of ``ENDINGS``.
        timestamps: "segment", "word", or None for what is usual in the form.
        several: Whether lines of text are to name their recordings.
    """

    def __init__(self, name: str, timestamps: str | None = None, several: bool = False) -> None:
        self._timestamps, self._several = timestamps, several
        self._count = 0
        self._begin, self._segment = _SEGMENTS[name]
        self._is_json = name == "json"
        self._is_text = name == "text" and timestamps is None

    def begin(self) -> str:
        """What comes before all."""
        return self._begin

    def segment(self, file: str, segment: Segment) -> str:
        """A segment of a recording, as soon as it is known; its lines, each with its end."""
        if self._is_json or self._is_text:
            return ""
        return "".join(self._segment(self, file, segment))

    def transcript(self, transcript: Transcript) -> str:
        """What comes behind the segments of a recording."""
        if self._is_json:
            return json_line(transcript) + "\n"
        if self._is_text:
            return self._named(transcript.file) + transcript.text + "\n"
        return ""

    def _named(self, file: str) -> str:
        return f"{file}\t" * self._several

    def _times(self, segment: Segment) -> Iterator[Cue]:
        yield from cues(segment, self._timestamps or "segment")

    def _text(self, file: str, segment: Segment) -> Iterator[str]:
        for cue in self._times(segment):
            times = f"[{_clock(cue.start)} --> {_clock(cue.end)}]"
            yield f"{self._named(file)}{times} {_one_line(cue.text)}\n"

    def _tsv(self, file: str, segment: Segment) -> Iterator[str]:
        for cue in self._times(segment):
            row = (_one_line(file), f"{cue.start:.3f}", f"{cue.end:.3f}", _one_line(cue.text))
            yield "\t".join(row) + "\n"

    def _ctm(self, file: str, segment: Segment) -> Iterator[str]:
        name = "_".join(file.split()) or "-"
        for word in segment.words or ():
            times = f"{word.start:.3f} {word.end - word.start:.3f}"
            score = "" if word.score is None else f" {word.score:.4f}"
            yield f"{name} 1 {times} {'_'.join(word.text.split())}{score}\n"

    def _cues(self, file: str, segment: Segment, comma: str) -> Iterator[str]:
        for cue in cues(segment, self._timestamps):
            self._count += 1
            number = f"{self._count}\n" * (comma == ",")
            times = f"{_clock(cue.start, comma)} --> {_clock(cue.end, comma)}"
            yield f"{number}{times}\n{_cue_text(cue.text, comma)}\n\n"


def json_line(transcript: Transcript) -> str:
    """A transcript as one line of JSON; a segment has words where their times were asked for."""
    value = asdict(transcript)
    for segment in value["segments"]:
        if segment["words"] is None:
            del segment["words"]
    # A name that is not in UTF-8 has parts that only escapes can write.
    plain = transcript.file.isprintable()
    return json.dumps(value, ensure_ascii=not plain, allow_nan=False)


def _clock(seconds: float, comma: str = ".") -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{comma}{rest % 1000:03}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cue_text(text: str, comma: str) -> str:
    """A text that does not look like a part of the form."""
    text = "\n".join(line for line in text.splitlines() if line.strip())
    if comma == ",":
        return text.replace("-->", "->")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_SEGMENTS: dict[str, tuple[str, Callable[..., Any]]] = {
    "text": ("", Form._text),
    "json": ("", Form._text),
    "srt": ("", partial(Form._cues, comma=",")),
    "vtt": ("WEBVTT\n\n", partial(Form._cues, comma=".")),
    "ctm": ("", Form._ctm),
    "tsv": ("file\tstart\tend\ttext\n", Form._tsv),
}
