"""Words with their times, and text as ESPnet's tokenizers write it, from labels of frames."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

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
        score: Its probability, where that is known.
    """

    token: int
    start: int
    end: int
    score: float | None = None


@dataclass(frozen=True)
class Word:
    """A word that was recognised.

    Attributes:
        text: The word.
        start: Seconds from the beginning of the audio to its first label.
        end: Seconds to the end of its last label. CTC's labels are peaks, shorter than the sounds.
        score: The mean probability of its labels, where that is known.
    """

    text: str
    start: float
    end: float
    score: float | None = None


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

    Of characters, those between spaces are a word, and each of a script without spaces is one.

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
        alone = token_type == "word" or (token_type == "char" and _is_word(token))
        if not begun or alone or token.startswith(WORD_START):
            groups.append([])
        groups[-1].append(label)
        begun = not alone
    words = []
    for group in groups:
        text = text_of([tokens[label.token] for label in group], token_type)
        if text:
            start, end = (offset + n * frame_seconds for n in (group[0].start, group[-1].end))
            scores = [label.score for label in group if label.score is not None]
            score = round(sum(scores) / len(scores), 4) if scores else None
            words.append(Word(text, round(start, 3), round(end, 3), score))
    return words


def _is_word(character: str) -> bool:
    """Whether a character is of a script that is written without spaces."""
    name = unicodedata.name(character, "") if len(character) == 1 else ""
    return name.startswith(("CJK ", "HIRAGANA ", "KATAKANA "))


def joined(words: Sequence[Word]) -> str:
    """The text of words: with spaces, but none between characters of a script without them."""
    text = ""
    for word in words:
        together = text and _is_word(text[-1]) and _is_word(word.text)
        text += word.text if together or not text else f" {word.text}"
    return text
