"""Kaldi's filterbank, against the library that sherpa-onnx uses."""

import kaldi_native_fbank
import numpy as np
import pytest
import soxr
import torch

from espnet_recursive.asr.frontend.kaldi_fbank import KaldiFbank

#: Rate -> difference allowed. At 8 kHz the library's own float32 is 2.2e-4 from float64 in places
#: (filter 48 covers hardly a bin); ours is less than 1e-4 from it.
TOLERANCE = {16000: 2e-4, 8000: 3e-4}
LENGTHS = (1, 10, 79, 80, 81, 120, 160, 161, 250, 399, 400, 401, 5000, 11123)


def kaldi(samples, fs):
    """Features as sherpa-onnx's loader of Zipformer CTC models sets the library up."""
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = fs
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = False
    options.mel_opts.num_bins = 80
    options.mel_opts.high_freq = -400
    fbank = kaldi_native_fbank.OnlineFbank(options)
    fbank.accept_waveform(fs, samples.tolist())
    fbank.input_finished()
    frames = [fbank.get_frame(i) for i in range(fbank.num_frames_ready)]
    return np.array(frames, np.float32).reshape(-1, 80)


@pytest.mark.parametrize("fs", sorted(TOLERANCE))
def test_equal_to_kaldi_native_fbank(speech, fs):
    frontend = KaldiFbank(fs="8k" if fs == 8000 else fs)
    for waveform in speech.values():
        samples = waveform if fs == 16000 else soxr.resample(waveform, 16000, fs)
        for length in (*LENGTHS, len(samples)):
            part = np.ascontiguousarray(samples[:length])
            features, frames = frontend(torch.from_numpy(part)[None], torch.tensor([len(part)]))
            expected = kaldi(part, fs)
            assert features.shape == (1, *expected.shape) and frames == len(expected)
            np.testing.assert_allclose(features[0], expected, atol=TOLERANCE[fs], rtol=0)
