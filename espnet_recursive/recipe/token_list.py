"""Stage 5: the token list, and the sentencepiece model for subwords."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import sentencepiece

from espnet_recursive.errors import UserError
from espnet_recursive.files.text_lines import plain_text, read_lines
from espnet_recursive.files.whole_files import whole_dir

#: What :func:`train_bpe` writes.
_FILES = ("bpe.model", "bpe.vocab", "tokens.txt")
BLANK, UNKNOWN, SOS_EOS = "<blank>", "<unk>", "<sos/eos>"
#: ESPnet's symbols, and those of sentencepiece, which do not get into the list.
_RESERVED = (BLANK, UNKNOWN, SOS_EOS, "<s>", "</s>")


def read_sentences(text: Path | str) -> Iterator[str]:
    """Return the transcripts of a text file of lines "id words", one by one.

    Raises:
        UserError: If there is no such file.
    """
    # At once and not at the first sentence: sentencepiece swallows what an iterator raises.
    return _sentences(read_lines(text))


def read_nlsyms(symbols: str) -> list[str]:
    """Read what ESPnet's ``--bpe_nlsyms`` takes: symbols, or a file that lists them.

    Args:
        symbols: Symbols separated by commas, or the name of a file with one in each line, of which
            the first word counts.

    Returns:
        Each symbol once.

    Raises:
        UserError: If one has a meaning already in token lists or in sentencepiece, or the file
            cannot be read.
    """
    if Path(symbols).is_file():
        try:
            words = [line.split()[0] for line in read_lines(symbols) if line.strip()]
        except (OSError, UserError) as error:
            raise UserError(f"--bpe_nlsyms {symbols} cannot be read: {error}") from error
    else:
        words = [word for word in symbols.split(",") if word]
        # A symbol may have a slash, but then it has brackets.
        paths = [word for word in words if word[0] not in "<[{(" and Path(word).name != word]
        if paths or any(len(word.split()) != 1 for word in words) or symbols.endswith(".txt"):
            raise UserError(
                f"--bpe_nlsyms {symbols!r} is no file, and no symbols without spaces, separated by "
                "commas: check the path."
            )
    for word in words:
        if word in _RESERVED:
            raise UserError(
                f"--bpe_nlsyms: {word} has a meaning of its own in every token list. Leave it out."
            )
    return list(dict.fromkeys(words))


def train_bpe(
    sentences: Iterable[str],
    output_dir: Path | str,
    nbpe: int,
    bpemode: str = "unigram",
    nlsyms: Iterable[str] = (),
    character_coverage: float = 1.0,
    input_sentence_size: int = 100_000_000,
) -> list[str]:
    """Train sentencepiece and write bpe.model, bpe.vocab and tokens.txt as ESPnet's stage 5 does.

    Args:
        sentences: The text to train on.
        output_dir: The directory to write, whole or not at all.
        nbpe: Size of the sentencepiece vocabulary.
        bpemode: "unigram" or "bpe".
        nlsyms: Symbols that are never split.
        character_coverage: Share of the characters that the model covers.
        input_sentence_size: Maximum number of sentences, which are drawn at random.

    Returns:
        The tokens: blank, unknown, the vocabulary without its three control symbols, sos/eos.

    Raises:
        UserError: If the text is too small for `nbpe`, with what is possible, or `output_dir` holds
            other files than these three.
    """
    with whole_dir(output_dir, own=_FILES) as part:
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(sentences),
                model_prefix=str(part / "bpe"),
                vocab_size=nbpe,
                model_type=bpemode,
                character_coverage=character_coverage,
                input_sentence_size=input_sentence_size,
                user_defined_symbols=list(nlsyms),
                minloglevel=1,
            )
        except (RuntimeError, OSError) as error:
            raise UserError(
                f"sentencepiece could not make {nbpe} tokens (--nbpe) from this text: {error}"
            ) from error
        vocabulary = (part / "bpe.vocab").read_text(encoding="utf-8").split("\n")[:-1]
        pieces = [line.split("\t")[0] for line in vocabulary][3:]
        tokens = [BLANK, UNKNOWN, *pieces, SOS_EOS]
        (part / "tokens.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    logging.info("%d tokens in %s/tokens.txt", len(tokens), output_dir)
    return tokens


def _sentences(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        _, *words = plain_text(line).split(maxsplit=1) or [""]
        yield from words
