"""Beam search over CTC's posteriors, with an n-gram language model of words."""

import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from espnet_recursive.errors import UserError, is_integer
from espnet_recursive.files.silent_stderr import silent_stderr
from espnet_recursive.transcription.words import SPACE, WORD_START, Word

#: Names of tokens that are no text.
_UNKNOWN, _SENTENCE = "<unk>", "<sos/eos>"
#: The natural logarithms of a probability that is never chosen, and of the least one that is, where
#: it is not the best of its frame.
_NEVER, _LEAST = -1e9, -5.0


@dataclass(frozen=True)
class BeamOptions:
    """Options of the search.

    Attributes:
        beam_size: Hypotheses that are kept from one frame to the next.
        lm: A language model of words, as an ARPA file (.arpa or .arpa.gz) or KenLM's binary.
        lm_weight: Weight of the logarithm of its probability beside CTC's.
        word_bonus: Added for each word, where there is a language model.
    """

    beam_size: int = 100
    lm: Path | str | None = None
    lm_weight: float = 0.5
    word_bonus: float = 1.5


class BeamSearch:
    """Beam search of ctc-beam-decoder.

    Args:
        tokens: The token list, whose first is the blank.
        token_type: ESPnet's: char or bpe.
        options: How.

    Raises:
        UserError: If the library is missing, the options are impossible, the tokens make no words,
            or the language model cannot be read or is of other words.
    """

    def __init__(self, tokens: Sequence[str], token_type: str | None, options: BeamOptions) -> None:
        self._options = options
        lm = None if options.lm is None else Path(options.lm)
        _check(options, lm)
        labels = _labels(tokens, token_type)
        try:
            from ctc_beam_decoder import BeamSearchDecoder
        except ImportError as error:
            raise UserError(
                f"beam search needs ctc-beam-decoder ({error}): pip install ctc-beam-decoder, "
                "which has wheels for x86-64 Linux with glibc 2.35 or later, Windows, and macOS on "
                "Apple silicon; elsewhere leave beam_size and lm out"
            ) from error
        self._never = [i for i, token in enumerate(tokens) if token in (_UNKNOWN, _SENTENCE)]
        self._spaces = [i for i, label in enumerate(labels) if label in (" ", WORD_START)]
        others = {0, *self._never, *self._spaces}
        self._letters = [i for i in range(len(labels)) if i not in others]
        model: dict[str, Any] = {}
        if lm is not None:
            words = _words_of(lm)
            _check_words(lm, words, labels)
            model = {
                "kenlm_model_path": lm,
                "unigrams": words,
                "alpha": options.lm_weight,
                "beta": options.word_bonus,
            }
        try:
            with silent_stderr():  # KenLM draws a progress bar
                self._decoder = BeamSearchDecoder(labels, **model)
        except (ValueError, OSError, RuntimeError) as error:
            what = "the tokens" if lm is None else str(lm)
            raise UserError(f"{what} cannot be used for beam search: {error}") from error

    def __call__(
        self, log_probs: np.ndarray, frame_seconds: float, offset: float
    ) -> tuple[str, list[Word]]:
        """Decode an utterance.

        Args:
            log_probs: (T, V).
            frame_seconds: Seconds from one frame to the next.
            offset: Seconds before the utterance.

        Returns:
            Its text, and its words with their times.
        """
        log_probs = log_probs.astype(np.float32)
        log_probs[:, self._never] = _NEVER
        self._end_in_words(log_probs)
        beams = self._decoder.decode_beams(
            log_probs,
            beam_width=self._options.beam_size,
            token_min_logp=_LEAST,
            prune_history=True,
        )
        if not beams:  # there is nothing but silence
            return "", []
        text, _, frames, *_ = beams[0]
        words = [
            Word(word, *(round(offset + n * frame_seconds, 3) for n in ends))
            for word, ends in frames
        ]
        return text, words

    def _end_in_words(self, log_probs: np.ndarray) -> None:
        """Take spaces away behind which the decoder would take no letter any more.

        Like pyctcdecode, whose search it repeats, it has the language model score an empty unknown
        word behind a space at the end, and so loses texts.
        """
        letters = log_probs[:, self._letters] >= _LEAST
        (frames,) = np.nonzero(letters.any(axis=1))
        last = frames[-1] if len(frames) else -1
        log_probs[last + 1 :, self._spaces] = _NEVER


def _check(options: BeamOptions, lm: Path | None) -> None:
    if not is_integer(options.beam_size, least=1):
        raise UserError(f"beam_size {options.beam_size}: an integer of 1 or more")
    for name in ("lm_weight", "word_bonus"):
        if not np.isfinite(value := getattr(options, name)):
            raise UserError(f"{name} {value}: a finite number")
    if lm is not None and not lm.is_file():
        raise UserError(f"lm {lm} is not there: name an ARPA file or KenLM's binary")


def _labels(tokens: Sequence[str], token_type: str | None) -> list[str]:
    """The tokens as the decoder names them: the blank is empty, and a space a space."""
    if token_type not in ("char", "bpe"):
        raise UserError(
            f"beam search makes words of characters or pieces (token_type char or bpe), and these "
            f"tokens are {token_type}: leave beam_size and lm out"
        )
    pieces = any(token.startswith(WORD_START) for token in tokens)
    if pieces != (token_type == "bpe"):
        raise UserError(
            f"beam search takes tokens that begin with {WORD_START} for pieces that begin a word, "
            f"which does not fit token_type {token_type}: leave beam_size and lm out"
        )
    return ["", *(" " if token == SPACE else token for token in tokens[1:])]


def _words_of(file: Path) -> list[str] | None:
    """The words of an ARPA file; None for a binary, which does not tell them."""
    with file.open("rb") as binary:
        start = binary.read(4)
    if start.startswith(b"mmap"):
        return None
    words: list[str] = []
    try:
        opened: Any = gzip.open if start.startswith(b"\x1f\x8b") else open
        with opened(file, "rt", encoding="utf-8") as lines:
            inside = False
            for line in lines:
                line = line.strip()
                if line.startswith("\\"):
                    if inside and line == "\\end\\":
                        raise UserError(
                            f"lm {file} is of single words: KenLM takes 2-grams or more"
                        )
                    if inside:
                        break
                    inside = line == "\\1-grams:"
                elif inside and (fields := line.split()):
                    words.append(fields[1])
    except (OSError, EOFError, UnicodeDecodeError, IndexError) as error:
        raise UserError(f"lm {file} cannot be read as an ARPA file: {error}") from error
    words = [word for word in words if not re.fullmatch(r"</?s>|<unk>", word, re.IGNORECASE)]
    if not words:
        raise UserError(
            f"lm {file} is no ARPA file (\\1-grams: and words behind it), and no binary of KenLM"
        )
    return words


def _check_words(file: Path, words: Sequence[str] | None, labels: Sequence[str]) -> None:
    """Refuse a language model whose words the model cannot write, such as those in lower case."""
    if words is None:
        return
    characters = set("".join(label for label in labels if not re.fullmatch("<.+>", label)))
    writable = sum(characters.issuperset(word) for word in words)
    if 2 * writable < len(words):
        unwritable = next(word for word in words if not characters.issuperset(word))
        raise UserError(
            f"lm {file}: the model can write {writable} of its {len(words)} words, and not "
            f"{unwritable!r}: make it of text like that of the training, upper and lower case too"
        )
