"""The text with the best posterior and language model score, found among all there are."""

import gzip
import itertools
import math
from collections import defaultdict

import numpy as np
import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.onnx_recognizer.beam_search import BeamOptions, BeamSearch
from espnet_recursive.onnx_recognizer.greedy import greedy
from espnet_recursive.transcription.words import Word, text_of

pytest.importorskip("ctc_beam_decoder")

TOKENS = ["<blank>", "<space>", "a", "b", "<unk>"]
PIECES = ["<blank>", "\u2581a", "b", "\u2581", "<sos/eos>"]
#: log10 of each word's probability and of its backoff, and of those of pairs.
ONE = {"<unk>": (-2.0, 0), "<s>": (-99, -0.2), "</s>": (-1.0, 0), "a": (-0.9, -0.3),
       "ab": (-0.4, -0.1), "b": (-1.2, -0.5)}  # fmt: skip
TWO = {("<s>", "ab"): -0.2, ("ab", "b"): -0.1, ("a", "</s>"): -0.3, ("b", "</s>"): -0.2}
WEIGHT, BONUS, OFFSET = 0.7, 0.9, -10.0


def arpa(to=str):
    lines = ["\\data\\", f"ngram 1={len(ONE)}", f"ngram 2={len(TWO)}", "", "\\1-grams:"]
    lines += [f"{p}\t{to(word)}\t{backoff}" for word, (p, backoff) in ONE.items()]
    lines += ["", "\\2-grams:", *(f"{p}\t{' '.join(pair)}" for pair, p in TWO.items())]
    return "\n".join([*lines, "", "\\end\\", ""])


@pytest.fixture
def lm(tmp_path):
    (tmp_path / "2gram.arpa").write_text(arpa(), encoding="utf-8")
    return tmp_path / "2gram.arpa"


def lm_score(words):
    """WEIGHT times the natural logarithm of the probability of words, and the bonus."""
    score, before = 0.0, "<s>"
    for word in (*words, "</s>"):
        word = word if word in ONE else "<unk>"
        score += TWO.get((before, word), ONE[before][1] + ONE[word][0])
        before = word
    unknown = sum(word not in ONE for word in words)
    return WEIGHT * (math.log(10) * score + OFFSET * unknown) + BONUS * len(words)


def best_of_all(log_probs, score):
    """The text with the highest sum over its paths, and a score of its words."""
    frames, size = log_probs.shape
    chances = defaultdict(float)
    for path in itertools.product(range(size - 1), repeat=frames):
        tokens = [TOKENS[i] for i, _ in itertools.groupby(path) if i]
        text = tuple(text_of(tokens, "char").split())
        chances[text] += math.exp(sum(log_probs[t, i] for t, i in enumerate(path)))
    return max(chances, key=lambda text: math.log(chances[text]) + score(text))


def posteriors(seed, frames=6, size=5):
    logits = 2.5 * np.random.default_rng(seed).standard_normal((frames, size))
    logits[:, -1] = -30
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


def test_without_a_language_model():
    search = BeamSearch(TOKENS, "char", BeamOptions())
    for seed in range(12):
        text, _ = search(posteriors(seed), 0.04, 0.0)
        assert tuple(text.split()) == best_of_all(posteriors(seed), lambda words: 0)


def test_with_a_language_model(lm):
    search = BeamSearch(TOKENS, "char", BeamOptions(100, lm, WEIGHT, BONUS))
    changed = 0
    for seed in range(12):
        log_probs = posteriors(seed)
        log_probs[-1, :2] = -30  # a letter is last
        text, _ = search(log_probs, 0.04, 0.0)
        assert tuple(text.split()) == best_of_all(log_probs, lm_score)
        changed += tuple(text.split()) != best_of_all(log_probs, lambda words: 0)
    assert changed > 3


def test_a_space_at_the_end_is_no_word(lm):
    search = BeamSearch(TOKENS, "char", BeamOptions(100, lm, WEIGHT, BONUS))
    raw = 0
    for seed in range(12):
        log_probs = posteriors(seed)
        log_probs[-2, :2] = log_probs[-1, 2:4] = -30  # a letter, and a blank or a space behind it
        best = best_of_all(log_probs, lm_score)
        assert tuple(search(log_probs, 0.04, 0.0)[0].split()) == best
        (text, *_), *_ = search._decoder.decode_beams(log_probs.astype(np.float32))
        raw += tuple(text.split()) == best
    assert raw < 12  # what the library finds by itself, as pyctcdecode 0.5 does


def test_times_of_words_and_pieces():
    best = [0, 1, 0, 2, 0, 1, 1, 0]
    log_probs = np.log(np.full((8, 5), 1e-4) + np.eye(5)[best])
    text, words = BeamSearch(PIECES, "bpe", BeamOptions(5))(log_probs, 0.04, 10.0)
    assert text == text_of([PIECES[one.token] for one in greedy(log_probs)], "bpe") == "ab a"
    # From the first frame of a word to that behind its last label.
    assert words[0] == Word("ab", 10.04, words[0].end) and 10.16 <= words[0].end <= 10.2
    assert words[1] == Word("a", 10.2, words[1].end) and 10.28 <= words[1].end <= 10.32


def test_tokens_that_are_no_text_are_never_found():
    for tokens, kind in ((TOKENS, "char"), (PIECES, "bpe")):
        log_probs = np.log(np.full((3, 5), 0.1) + np.eye(5)[[4, 4, 4]])
        text, words = BeamSearch(tokens, kind, BeamOptions())(log_probs, 0.04, 0.0)
        assert "<" not in text and "\u2047" not in text and len(words) == len(text.split())


def test_silence():
    log_probs = np.log(np.full((3, 5), 1e-9) + np.eye(5)[[0, 0, 0]])
    assert BeamSearch(TOKENS, "char", BeamOptions())(log_probs, 0.04, 0.0) == ("", [])


def test_a_compressed_model_has_its_words(lm):
    packed = lm.with_suffix(".arpa.gz")
    packed.write_bytes(gzip.compress(lm.read_bytes()))
    searches = [BeamSearch(TOKENS, "char", BeamOptions(20, file)) for file in (lm, packed)]
    for seed in range(5):
        plain, other = (search(posteriors(seed), 0.04, 0.0) for search in searches)
        assert plain == other


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam_size": 0}, "beam_size 0: an integer of 1 or more"),
        ({"lm_weight": math.nan}, "lm_weight nan: a finite number"),
        ({"word_bonus": math.inf}, "word_bonus inf: a finite number"),
    ],
)
def test_options(options, message):
    with pytest.raises(UserError, match=message):
        BeamSearch(TOKENS, "char", BeamOptions(**options))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "lm .*x.arpa is not there"),
        (b"", "is no ARPA file"),
        (b"hello\n", "is no ARPA file"),
        (b"\xff\xfe\x00", "cannot be read as an ARPA file"),
        (b"\x1f\x8bxxxxxxx", "cannot be read as an ARPA file"),
        (arpa().replace("\\2-grams:", "\\end\\").encode(), "is of single words: KenLM takes 2"),
        (arpa().encode()[:150], "x.arpa cannot be used for beam search: could not load"),
        (b"mmap lm http://kheafield.com/code format version 5\n\x00", "cannot be used for beam"),
        (arpa(str.upper).encode(), "can write 0 of its 3 words, and not 'A': make it of text"),
    ],
)
def test_files_that_are_no_language_model(content, message, tmp_path):
    file = tmp_path / "x.arpa"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match=message):
        BeamSearch(TOKENS, "char", BeamOptions(lm=file))


@pytest.mark.parametrize(
    ("tokens", "token_type", "message"),
    [
        (TOKENS, "word", "and these tokens are word"),
        (TOKENS, "bpe", "does not fit token_type bpe"),
        (PIECES, "char", "does not fit token_type char"),
    ],
)
def test_tokens_of_other_kinds(tokens, token_type, message):
    with pytest.raises(UserError, match=message):
        BeamSearch(tokens, token_type, BeamOptions())


def test_the_library_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ctc_beam_decoder", None)
    with pytest.raises(UserError, match="pip install ctc-beam-decoder, which has wheels for"):
        BeamSearch(TOKENS, "char", BeamOptions())
