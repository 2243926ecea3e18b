"""Words of labels, and texts as ESPnet's tokenizers write them."""

import numpy as np
import pytest
from espnet2.text.char_tokenizer import CharTokenizer
from espnet2.text.word_tokenizer import WordTokenizer

from espnet_recursive.onnx_recognizer.greedy import greedy
from espnet_recursive.transcription.words import Label, Word, text_of, words_of

TOKENS = ["<blank>", "\u2581a", "b", "\u2581", "\u2581\u2581x"]


def labels(*best):
    return greedy(np.eye(10)[list(best)])


@pytest.mark.parametrize("tokens", [list("ab"), ["<space>", "a", "<space>", "b"], []])
def test_characters(tokens):
    assert text_of(tokens, "char") == CharTokenizer().tokens2text(tokens)


def test_words():
    assert text_of(["one", "two"], "word") == WordTokenizer().tokens2text(["one", "two"])


def test_pieces():
    assert text_of(["\u2581one", "\u2581t", "wo"], "bpe") == "one two"
    assert text_of(["x", "\u2581t"], "bpe") == "x t" and text_of([], "bpe") == ""


def test_times_of_pieces():
    found = labels(0, 1, 0, 0, 2, 2, 0, 1, 2)
    words = words_of(found, TOKENS, "bpe", 0.04, offset=10.0)
    assert words == [Word("ab", 10.04, 10.24), Word("ab", 10.28, 10.36)]
    assert [word.text for word in words] == text_of([TOKENS[x.token] for x in found], "bpe").split()


def test_times_of_characters():
    tokens = ["<blank>", "<space>", "a", "b"]
    words = words_of(labels(1, 2, 0, 3, 1, 0, 1, 3, 2, 1), tokens, "char", 0.1)
    assert words == [Word("ab", 0.1, 0.4), Word("ba", 0.7, 0.9)]


def test_times_of_words():
    tokens = ["<blank>", "one", "two"]
    assert words_of(labels(1, 1, 2, 0, 2), tokens, "word", 1.0) == [
        Word("one", 0, 2), Word("two", 2, 3), Word("two", 4, 5),
    ]  # fmt: skip


def test_each_character_of_a_script_without_spaces_is_a_word():
    tokens = ["<blank>", "\u4f60", "\u597d", "a", "b"]
    words = words_of(labels(1, 2, 0, 3, 4, 1), tokens, "char", 1.0)
    assert [word.text for word in words] == ["\u4f60", "\u597d", "ab", "\u4f60"]


def test_the_score_of_a_word_is_the_mean_of_its_labels():
    found = [Label(1, 0, 1, 0.5), Label(2, 2, 3, 0.25), Label(1, 4, 5)]
    assert words_of(found, TOKENS, "bpe", 1.0) == [Word("ab", 0, 3, 0.375), Word("a", 4, 5)]
