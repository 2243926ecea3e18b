"""Times of words where they are known: by posteriors that the test makes."""

from types import SimpleNamespace

import pytest
import torch

from espnet_recursive.errors import UserError
from espnet_recursive.transcription.word_times import for_word_times, word_times
from espnet_recursive.transcription.words import Word

BPE = ["<blank>", "\u2581a", "b", "\u2581c"]
CHAR = ["<blank>", "a", "b", "<space>"]


def model(tokens, token_type):
    """One whose encoder's output is its posteriors."""
    ctc = SimpleNamespace(log_softmax=lambda output: output.log_softmax(-1))
    asr = SimpleNamespace(ctc=ctc, blank_id=0, token_list=tokens)
    return SimpleNamespace(asr_model=asr, asr_train_args=SimpleNamespace(token_type=token_type))


def nbest(ids, best, tokens):
    output = 20 * torch.nn.functional.one_hot(torch.tensor(best), len(tokens)).float()

    class List(list):
        encoded = SimpleNamespace(output=output)

    return List([("", [tokens[i] for i in ids], ids, None)])


def test_pieces():
    found = word_times(
        model(BPE, "bpe"), nbest([1, 2, 3], [0, 1, 1, 0, 2, 0, 3, 0], BPE), 10.0, 18.0
    )
    assert found == [Word("ab", 11.0, 15.0, 1.0), Word("c", 16.0, 17.0, 1.0)]


def test_characters():
    ids, best = [1, 2, 3, 2, 2], [1, 2, 0, 3, 2, 0, 2, 0]
    found = word_times(model(CHAR, "char"), nbest(ids, best, CHAR), 0.0, 0.8)
    assert found == [Word("ab", 0.0, 0.2, 1.0), Word("bb", 0.4, 0.7, 1.0)]


def test_a_text_that_was_not_heard_has_a_low_score():
    (word,) = word_times(model(BPE, "bpe"), nbest([3], [0, 1, 1, 0], BPE), 0.0, 4.0)
    assert word.text == "c" and word.score < 0.01


@pytest.mark.parametrize("ids", [[1, 2, 3, 1, 2], [1, 1, 1]])
def test_more_tokens_than_frames_have_even_steps(ids):
    """Of the same token twice, CTC needs a blank between."""
    found = word_times(model(BPE, "bpe"), nbest(ids, [0, 0, 0, 0], BPE), 1.0, 2.0)
    assert found[0].start == 1.0 and found[-1].end == 2.0
    assert all(a.end == b.start for a, b in zip(found, found[1:], strict=False))
    assert all(word.score is None for word in found)


def test_nothing():
    assert word_times(model(BPE, "bpe"), nbest([], [0, 0], BPE), 0.0, 1.0) == []


def test_a_model_without_ctc():
    with pytest.raises(UserError, match="need a model with CTC"):
        for_word_times(SimpleNamespace(asr_model=SimpleNamespace(ctc=None)))
