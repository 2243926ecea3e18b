"""Stage 5: the token list, and the sentencepiece model for subwords."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import sentencepiece

from espnet_recursive.errors import UserError
from espnet_recursive.files.whole_files import whole_dir

#: What :func:`train_bpe` writes.
_FILES = ("bpe.model", "bpe.vocab", "tokens.txt")
BLANK, UNKNOWN, SOS_EOS = "<blank>", "<unk>", "<sos/eos>"


def read_sentences(text: Path | str) -> Iterator[str]:
    """Return the transcripts of a text file of lines "id words", one by one.

    Raises:
        UserError: If there is no such file.
    """
    # At once and not at the first sentence: sentencepiece swallows what an iterator raises.
    if not Path(text).is_file():
        raise UserError(f"{text} does not exist. Run the stage that writes it, or check the path.")
    return _sentences(Path(text))


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
        input_sentence_size: At most so many sentences are used, drawn at random.

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
        vocabulary = (part / "bpe.vocab").read_text(encoding="utf-8").splitlines()
        pieces = [line.split("\t")[0] for line in vocabulary][3:]
        tokens = [BLANK, UNKNOWN, *pieces, SOS_EOS]
        (part / "tokens.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    logging.info("%d tokens in %s/tokens.txt", len(tokens), output_dir)
    return tokens


def _sentences(text: Path) -> Iterator[str]:
    with text.open(encoding="utf-8") as file:
        for line in file:
            _, *words = line.strip().split(maxsplit=1) or [""]
            yield from words
