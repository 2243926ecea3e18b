"""Times of words, by aligning a text with the CTC posteriors of the encoder's output.

The alignment is torchaudio's, on which ESPnet's ``espnet2.bin.align`` relies, too. That one runs
the encoder a second time, and takes the text apart into tokens anew, which may be others.
"""

from copy import copy
from typing import Any

import torch
from torchaudio.functional import forced_align, merge_tokens

from espnet_recursive.errors import UserError
from espnet_recursive.transcription.words import Label, Word, words_of


def for_word_times(model: Any) -> Any:
    """A copy of a ``Speech2Text`` whose results :func:`word_times` can align.

    Raises:
        UserError: If the model has no CTC.
    """
    if getattr(model.asr_model, "ctc", None) is None:
        raise UserError("times of words need a model with CTC, and this one has none")
    model = copy(model)
    model.keep_encoder_output = True
    return model


@torch.no_grad()
def word_times(model: Any, nbest: Any, start: float, end: float) -> list[Word]:
    """Align the best text of an utterance.

    A text with more tokens than CTC can place in the frames is spread over them in even steps,
    without scores.

    Args:
        model: That of :func:`for_word_times`.
        nbest: Its hypotheses of the utterance.
        start: Seconds at which the utterance begins in its recording.
        end: Seconds at which it ends there.
    """
    asr = model.asr_model
    blank = asr.blank_id
    ids = [token for token in nbest[0][2] if token != blank]
    if not ids:
        return []
    log_probs = asr.ctc.log_softmax(nbest.encoded.output[None]).float().cpu()
    frames = log_probs.shape[1]
    repeated = sum(a == b for a, b in zip(ids, ids[1:], strict=False))  # a blank between each
    if len(ids) + repeated > frames:
        labels, frames = [Label(token, i, i + 1) for i, token in enumerate(ids)], len(ids)
    else:
        targets = torch.tensor([ids], dtype=torch.int32)
        path, scores = forced_align(log_probs, targets, blank=blank)
        spans = merge_tokens(path[0], scores[0].exp(), blank)
        labels = [Label(span.token, span.start, span.end, span.score) for span in spans]
    token_type = model.asr_train_args.token_type
    return words_of(labels, asr.token_list, token_type, (end - start) / frames, start)
