"""A recogniser has ESPnet's posteriors from the waveform on, alone and in a batch."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from espnet2.asr.ctc import CTC
from espnet2.asr.frontend.default import DefaultFrontend
from espnet2.layers.utterance_mvn import UtteranceMVN

from espnet_recursive.export.int8 import quantised
from espnet_recursive.export.metadata import shortest_input
from espnet_recursive.export.recogniser_graph import encoder_with_ctc, recogniser_of
from espnet_recursive.export.runtime import open_session
from espnet_recursive.export.signal import Signal
from tests.export.conftest import ARCHITECTURES, build, weights_in
from tests.export.test_signal import speech

PRIVATE = {"loop_norms": True, "loop_film": True, "input_injection": "add"}


def model_of(encoder):
    frontend = DefaultFrontend(n_fft=64, hop_length=20, n_mels=20, fs=2000)
    ctc = CTC(odim=9, encoder_output_size=16)
    normalize = UtteranceMVN(norm_vars=True)
    parts = {"frontend": frontend, "normalize": normalize, "encoder": encoder, "ctc": ctc}
    return SimpleNamespace(**parts)


@torch.no_grad()
def expected(model, samples):
    features = model.frontend(torch.from_numpy(samples)[None], torch.tensor([len(samples)]))
    out, *_ = model.encoder(*model.normalize(*features))
    return model.ctc.log_softmax(out)[0].numpy()


def graph_of(model, num_loops=None, loops_as_input=True, convert=lambda encoder: encoder):
    signal = Signal(model, shortest_input(model.encoder)).eval()
    return recogniser_of(signal, convert(encoder_with_ctc(model, num_loops, loops_as_input)))


def run(session, utterances, **inputs):
    waveform = np.full((len(utterances), max(map(len, utterances))), 9, np.float32)
    for row, samples in zip(waveform, utterances, strict=True):
        row[: len(samples)] = samples
    lengths = np.array([len(samples) for samples in utterances])
    log_probs, frames = session.run(None, {"waveform": waveform, "lengths": lengths, **inputs})
    return [row[:count] for row, count in zip(log_probs, frames, strict=True)]


def assert_same(session, model, utterances, **inputs):
    for samples, found in zip(utterances, run(session, utterances, **inputs), strict=True):
        np.testing.assert_allclose(found, expected(model, samples), rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture(name):
    model = model_of(build(name, **PRIVATE))
    graph = graph_of(model)
    assert [value.name for value in graph.graph.input] == ["waveform", "lengths", "num_loops"]
    assert [value.name for value in graph.graph.output] == ["ctc_log_probs", "ctc_lengths"]
    assert not {value.name for value in graph.graph.input} & {
        tensor.name for tensor in graph.graph.initializer
    }
    session = open_session(graph, 1)
    for loops, lengths in ((3, (2000, 900, 120)), (1, (121,)), (5, (4001, 3000))):
        model.encoder.set_depth(loops)
        assert_same(session, model, speech(*lengths), num_loops=np.array(loops))
    for loops in (0, -1):
        with pytest.raises(Exception, match="num_loops_must_be_1_or_more"):
            run(session, speech(900), num_loops=np.array(loops))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_stock_encoders(name):
    model = model_of(ARCHITECTURES[name].build_stock(2).eval())
    session = open_session(graph_of(model, None, False), 1)
    assert_same(session, model, speech(2000, 900, 120))
    assert [len(found) for found in run(session, [np.zeros(1, np.float32)])] == [1]


def test_constant_loops():
    model = model_of(build("transformer"))
    graph = graph_of(model, 2, False)
    assert [value.name for value in graph.graph.input] == ["waveform", "lengths"]
    model.encoder.set_depth(2)
    assert_same(open_session(graph, 1), model, speech(2000))


def test_what_is_before_the_encoder_is_not_quantised():
    model = model_of(build("transformer", output_size=16, linear_units=64))
    plain, small = graph_of(model), graph_of(model, convert=quantised)
    kinds = [{t.name: t.data_type for t in g.graph.initializer} for g in (plain, small)]
    signal = {name: kind for name, kind in kinds[0].items() if name.startswith("signal/")}
    assert len(signal) == 2 and signal.items() <= kinds[1].items()
    assert small.ByteSize() < plain.ByteSize()
    ours, theirs = (run(open_session(g, 1), speech(2000), num_loops=np.array(3))[0]
                    for g in (small, plain))  # fmt: skip
    assert 0 < np.abs(np.exp(ours) - np.exp(theirs)).max() < 0.1
    parameters = sum(p.numel() for part in (model.encoder, model.ctc) for p in part.parameters())
    # The window's cosines and sines, and the mel filters.
    assert weights_in(plain.graph) < 1.2 * parameters + 66 * 64 + 33 * 20
