"""Segments as the cues of subtitles, which a reader can follow."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from espnet_recursive.transcription.results import Segment
from espnet_recursive.transcription.words import Word, joined

#: Of a cue, as is usual for subtitles: two lines, of so many columns each, and seconds.
_COLUMNS, _SECONDS = 42, 7.0
#: Seconds: a pause after which another cue begins, and how long a cue stays behind its last word.
_PAUSE, _STAY = 1.0, 0.3


@dataclass(frozen=True)
class Cue:
    """A text with the seconds at which it appears and goes."""

    start: float
    end: float
    text: str


def cues(segment: Segment, timestamps: str | None = None) -> Iterator[Cue]:
    """Divide a segment.

    Args:
        segment: With the times of its words, unless it is to be one cue.
        timestamps: "segment" for one cue, "word" for one a word; None for cues of two lines.
    """
    if timestamps == "segment" or segment.words is None:
        if segment.text.strip():
            yield Cue(segment.start, segment.end, segment.text.strip())
    elif timestamps == "word":
        yield from (Cue(word.start, word.end, word.text) for word in segment.words)
    else:
        groups = list(_groups(segment.words))
        for i, group in enumerate(groups):
            latest = groups[i + 1][0].start if i + 1 < len(groups) else segment.end
            end = max(group[-1].end, min(group[-1].end + _STAY, latest))
            yield Cue(group[0].start, round(end, 3), _two_lines(group))


def _groups(words: Sequence[Word]) -> Iterator[list[Word]]:
    group: list[Word] = []
    for word in words:
        if group and (
            word.start - group[-1].end > _PAUSE
            or word.end - group[0].start > _SECONDS
            or _width(joined([*group, word])) > 2 * _COLUMNS
        ):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _two_lines(words: Sequence[Word]) -> str:
    """One line, or two of like lengths."""
    text = joined(words)
    if _width(text) <= _COLUMNS or len(words) == 1:
        return text
    halves = ((joined(words[:i]), joined(words[i:])) for i in range(1, len(words)))
    return "\n".join(min(halves, key=lambda lines: max(map(_width, lines))))


def _width(text: str) -> int:
    return sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in text)
