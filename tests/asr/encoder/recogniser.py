"""A small recogniser with CTC alone around an encoder, and a batch for it."""

import torch
from espnet2.asr.ctc import CTC
from espnet2.asr.espnet_model import ESPnetASRModel

from tests.asr.encoder.looped import features

TOKENS = ["<blank>", "<unk>", "a", "b", "<sos/eos>"]


def model_of(encoder, **conf):
    """A recogniser with CTC alone."""
    torch.manual_seed(3)
    return ESPnetASRModel(
        vocab_size=len(TOKENS),
        token_list=TOKENS,
        frontend=None,
        specaug=None,
        normalize=None,
        preencoder=None,
        encoder=encoder,
        postencoder=None,
        decoder=None,
        ctc=CTC(len(TOKENS), encoder.output_size()),
        joint_network=None,
        ctc_weight=1.0,
        report_cer=False,
        report_wer=False,
        **conf,
    ).double()


def batch(rows=range(4)):
    x, lengths = features()
    rows = list(rows)
    text = torch.tensor([[2, 3, 2]]).repeat(len(rows), 1)
    longest = int(lengths[rows].max())
    return {
        "speech": x[rows, :longest],
        "speech_lengths": lengths[rows],
        "text": text,
        "text_lengths": torch.full((len(rows),), 3),
    }
