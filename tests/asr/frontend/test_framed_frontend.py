"""Laws that hold for every frontend of this package."""

import numpy as np
import onnxruntime
import pytest
import torch
from espnet2.asr.frontend.abs_frontend import AbsFrontend

from espnet_recursive.asr.frontend.framed_frontend import dft_matrix, power_of_two, split_frames
from espnet_recursive.registry import FRONTENDS, frontend_class

RATES = (8000, 16000)
OPTIONS = {
    "KaldiFbank": {"fs": "11.025k", "n_mels": 23, "fmin": 50, "fmax": 5000.0, "preemphasis": 0},
    "SphinxMFCC": {"fs": "11.025k", "n_mels": 31, "cmn": "utterance", "deltas": True},
}


@pytest.fixture(params=sorted(FRONTENDS))
def frontend_type(request):
    return frontend_class(request.param)


@pytest.fixture(params=[*RATES, "all options"])
def frontend(request, frontend_type):
    if request.param in RATES:
        return frontend_type(fs=request.param)
    return frontend_type(**OPTIONS[frontend_type.__name__])


def batch_of(waveforms, filler):
    lengths = torch.tensor([len(waveform) for waveform in waveforms])
    batch = torch.full((len(waveforms), int(lengths.max()) + 700), filler)
    for row, waveform in zip(batch, waveforms, strict=True):
        row[: len(waveform)] = torch.from_numpy(waveform)
    return batch, lengths


def test_it_is_a_frontend_without_parameters_and_stored_values(frontend):
    assert isinstance(frontend, AbsFrontend)
    assert not list(frontend.parameters())
    assert not frontend.state_dict()


def test_the_fewest_samples_of_a_number_of_frames(frontend):
    for frames in (1, 2, 3, 7, 100):
        samples = frontend.count_samples(frames)
        below, count = frontend.count_frames(torch.tensor([samples - 1, samples])).tolist()
        assert count == frames and samples >= 1
        assert below == frames - 1 or samples == 1


@pytest.mark.parametrize("filler", [0.0, 0.7, float("nan")])
def test_in_a_batch_as_alone_whatever_is_behind(frontend, speech, filler):
    whole = list(speech.values())
    waveforms = [whole[0][:9000], whole[1][:401], whole[2][:79], whole[3][:4097], whole[4][:1]]
    features, lengths = frontend(*batch_of(waveforms, filler))
    for row, length, waveform in zip(features, lengths, waveforms, strict=True):
        alone, frames = frontend(torch.from_numpy(waveform)[None], torch.tensor([len(waveform)]))
        assert alone.shape == (1, length, frontend.output_size()) and frames == length
        torch.testing.assert_close(row[:length], alone[0], atol=2e-5, rtol=0)
        assert not row[length:].any()


def test_half_precision_computes_in_float32(frontend, speech):
    batch, lengths = batch_of([wave[:8000] for wave in speech.values()], 0.0)
    exact = frontend(batch, lengths)[0]
    for dtype in (torch.bfloat16, torch.float16):
        with torch.autocast("cpu", dtype=dtype):
            torch.testing.assert_close(frontend(batch, lengths)[0], exact, atol=0, rtol=0)
    half = batch.half()
    exact = frontend(half.float(), lengths)[0]
    converted = frontend.half()(half, lengths)[0]
    assert converted.dtype == torch.float16
    torch.testing.assert_close(converted, exact.half(), atol=0, rtol=0)


def test_a_model_of_the_meta_device_gets_its_constants(frontend_type, speech):
    with torch.device("meta"):
        late = frontend_type()
    late.to_empty(device="cpu")
    waveform = torch.from_numpy(next(iter(speech.values())))[None]
    lengths = torch.tensor([waveform.size(1)])
    assert torch.equal(late(waveform, lengths)[0], frontend_type()(waveform, lengths)[0])


def test_no_samples_have_no_frame_of_the_filterbank():
    features, lengths = frontend_class("kaldi_fbank")()(torch.zeros(2, 0), torch.zeros(2).long())
    assert features.shape == (2, 0, 80) and lengths.tolist() == [0, 0]


@pytest.mark.filterwarnings("ignore")
def test_one_onnx_graph_takes_batches_of_any_length(frontend, speech, tmp_path):
    file = tmp_path / "frontend.onnx"
    traced = batch_of([wave[:5000] for wave in speech.values()][:2], 0.0)
    torch.onnx.export(
        frontend.eval(), traced, file, dynamo=False, opset_version=17,
        input_names=["x", "n"], output_names=["y", "m"],
        dynamic_axes={"x": [0, 1], "n": [0], "y": [0, 1], "m": [0]},
    )  # fmt: skip
    session = onnxruntime.InferenceSession(file)
    for waveforms in ([*speech.values()], [next(iter(speech.values()))[:81]]):
        batch, lengths = batch_of(waveforms, 0.3)
        features, frames = session.run(None, {"x": batch.numpy(), "n": lengths.numpy()})
        expected, expected_frames = frontend(batch, lengths)
        assert frames.tolist() == expected_frames.tolist()
        np.testing.assert_allclose(features, expected, atol=2e-4)


def test_frames_are_slices():
    samples = torch.arange(2 * 12.0).view(2, 12)
    frames = split_frames(samples, 5, 3)
    assert torch.equal(frames, torch.stack([samples[:, i : i + 5] for i in (0, 3, 6)], dim=1))


def test_the_matrix_is_numpys_transform():
    window, frame = np.hamming(30), np.random.default_rng(0).normal(size=30)
    real, imaginary = np.split(frame @ dft_matrix(window, 32, 17), 2)
    np.testing.assert_allclose(real + 1j * imaginary, np.fft.rfft(frame * window, 32), atol=1e-12)


def test_powers_of_two():
    assert [power_of_two(n) for n in (1, 2, 3, 256, 257, 400)] == [1, 2, 4, 256, 512, 512]


@pytest.mark.parametrize(
    "conf", [{"fmin": -1.0}, {"fmin": 9000.0}, {"fmax": 9000.0}, {"n_mels": 0}]
)
def test_impossible_filters_are_refused(frontend_type, conf):
    with pytest.raises(ValueError, match="frontend_conf"):
        frontend_type(**conf)


def test_a_rate_that_is_none_is_refused(frontend_type):
    with pytest.raises(Exception, match=r"frontend_conf\.fs fast: expected a sampling rate"):
        frontend_type(fs="fast")
