"""Greedy CTC decoding: labels, words with their times, and text as ESPnet's tokenizers write it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: CTC's blank in ESPnet.
BLANK = 0
SPACE = "<space>"
#: What begins a word in sentencepiece.
WORD_START = "\u2581"


@dataclass(frozen=True)
class Label:
    """A label that was decoded.

    Attributes:
        token: Its place in the token list.
        start: The first frame of it.
        end: The frame behind its last.
    """

    token: int
    start: int
    end: int


@dataclass(frozen=True)
class Word:
    """A word that was recognised.

    Attributes:
        text: The word.
        start: Seconds from the beginning of the audio to its first label.
        end: Seconds to the end of its last label. CTC's labels are peaks, shorter than the sounds.
    """

    text: str
    start: float
    end: float


def greedy(log_probs: np.ndarray) -> list[Label]:
    """The best label of each frame, repetitions as one and blanks left out.

    Args:
        log_probs: (T, V) of one utterance.
    """
    best = np.asarray(log_probs).argmax(-1)
    starts = np.flatnonzero(np.diff(best, prepend=-1))
    ends = [*starts[1:], len(best)][: len(starts)]
    found = zip(best[starts].tolist(), starts.tolist(), map(int, ends), strict=True)
    return [Label(*label) for label in found if label[0] != BLANK]


def text_of(tokens: Sequence[str], token_type: str | None) -> str:
    """The text of tokens.

    Args:
        tokens: As the token list writes them.
        token_type: ESPnet's: bpe, char, word, or another, whose tokens follow one another.
    """
    if token_type == "word":
        return " ".join(tokens)
    if token_type == "bpe":
        return "".join(tokens).replace(WORD_START, " ").removeprefix(" ")
    return "".join(" " if token == SPACE else token for token in tokens)


def words_of(
    labels: Sequence[Label],
    tokens: Sequence[str],
    token_type: str | None,
    frame_seconds: float,
    offset: float = 0.0,
) -> list[Word]:
    """The words of an utterance with their times.

    Args:
        labels: What was decoded.
        tokens: The token list.
        token_type: ESPnet's.
        frame_seconds: Seconds from one output frame to the next.
        offset: Seconds before the utterance.
    """
    groups: list[list[Label]] = []
    begun = False
    for label in labels:
        token = tokens[label.token]
        if token_type == "char" and token == SPACE:
            begun = False
            continue
        if not begun or token_type == "word" or token.startswith(WORD_START):
            groups.append([])
        groups[-1].append(label)
        begun = True
    words = []
    for group in groups:
        text = text_of([tokens[label.token] for label in group], token_type)
        if text:
            seconds = (offset + n * frame_seconds for n in (group[0].start, group[-1].end))
            words.append(Word(text, *(round(s, 3) for s in seconds)))
    return words
