"""The same text however a recogniser is called, and a sentence for what is wrong."""

import numpy as np
import pytest
import soundfile
import torch

from espnet_recursive.errors import UserError
from espnet_recursive.model.loaded_model import load_asr_model
from espnet_recursive.onnx_recognizer import BeamOptions, OnnxRecognizer
from espnet_recursive.onnx_recognizer import recognizer as module
from espnet_recursive.onnx_recognizer.greedy import greedy
from espnet_recursive.onnx_recognizer.recognizer import Recognition
from espnet_recursive.transcription.pieces import pieces
from espnet_recursive.transcription.words import text_of

RATE = 16000


@pytest.fixture(scope="module")
def recognizer(exported):
    return OnnxRecognizer(exported[0], threads=1)


def speech(seconds, seed=0):
    samples = 0.1 * np.random.default_rng(seed).standard_normal(int(seconds * RATE))
    return samples.astype(np.float32)


@pytest.mark.parametrize("loops", [None, 1, 5])
def test_espnets_text(recognizer, recipe, loops):
    model = load_asr_model(recipe / "exp/recursive").model
    model.encoder.set_depth(loops)
    samples = speech(1.5)
    with torch.no_grad():
        out, _ = model.encode(torch.from_numpy(samples)[None], torch.tensor([len(samples)]))
        labels = greedy(model.ctc.log_softmax(out)[0].numpy())
    tokens = [recognizer.about.tokens[label.token] for label in labels]
    found = recognizer(samples, RATE, loops)
    assert found.text == text_of(tokens, "char") != ""
    assert [word.text for word in found.words] == found.text.split()
    assert found.words[-1].end == pytest.approx(0.04 * labels[-1].end)


def test_a_batch_is_its_utterances_alone(recognizer):
    utterances = [speech(seconds, i) for i, seconds in enumerate((1.5, 0.3, 2.5, 1.0))]
    alone = [recognizer(samples, RATE) for samples in utterances]
    for batch_size in (1, 3, 9):
        assert recognizer.batch(utterances, RATE, batch_size=batch_size) == alone
    assert recognizer.batch([], RATE) == []


def test_long_audio_is_the_sum_of_its_pieces(recognizer):
    samples = speech(5)
    samples[35_000:40_000] = 0
    parts = list(pieces(samples, RATE, 3.0))
    assert len(parts) == 2
    found = recognizer(samples, RATE, max_seconds=3.0)
    alone = [recognizer(part, RATE) for _, part in parts]
    assert found.text == " ".join(part.text for part in alone)
    shift = parts[1][0] / RATE
    assert [word.start for word in found.words] == pytest.approx(
        [word.start for word in alone[0].words] + [w.start + shift for w in alone[1].words]
    )


def test_long_audio_without_speech(exported):
    recognizer = OnnxRecognizer(exported[0], threads=1, vad="silero")
    noise = speech(3)
    assert recognizer(noise, RATE).text  # short audio is recognised as it is
    assert recognizer(noise, RATE, max_seconds=1.0) == Recognition("", [])


def test_pieces_of_speech_alone(exported, monkeypatch):
    """Speech between silence: silence is left out, and the rest is as if it came alone."""
    recognizer = OnnxRecognizer(exported[0], threads=1, vad="silero")
    parts = [(RATE, speech(1)), (3 * RATE, speech(2))]
    heard = []

    def speech_pieces(blocks, rate, detector, max_seconds):
        heard.append((len(blocks[0]), rate, type(detector).__name__, max_seconds))
        return iter(parts)

    monkeypatch.setattr(module, "speech_pieces", speech_pieces)
    found = recognizer(speech(6), RATE, max_seconds=3.0)
    assert heard == [(6 * RATE, RATE, "SileroDetector", 3.0)]
    alone = [recognizer(samples, RATE) for _, samples in parts]
    assert found.text == " ".join(part.text for part in alone)
    starts = [
        start / RATE + w.start for (start, _), p in zip(parts, alone, strict=True) for w in p.words
    ]
    assert [word.start for word in found.words] == pytest.approx(starts)
    with pytest.raises(UserError, match="vad 'other': silero is the only detector"):
        OnnxRecognizer(exported[0], vad="other")


def test_beam_search(exported, recognizer, tmp_path):
    pytest.importorskip("ctc_beam_decoder")
    searching = OnnxRecognizer(exported[0], threads=1, beam=BeamOptions(20))
    samples = speech(5)
    found = searching(samples, RATE, max_seconds=3.0)
    assert [word.text for word in found.words] == found.text.split() != []
    times = [end for word in found.words for end in (word.start, word.end)]
    assert times == sorted(times) and 3 < times[-1] <= 5.1
    assert searching.batch(2 * [samples], RATE, None, 3.0, 4) == 2 * [found]
    with pytest.raises(UserError, match="lm .*none.arpa is not there"):
        OnnxRecognizer(exported[0], beam=BeamOptions(lm=tmp_path / "none.arpa"))


def test_sixteen_bits(recognizer):
    whole = np.round(speech(1) * 2**15).clip(-(2**15), 2**15 - 1)
    expected = recognizer((whole / 2**15).astype(np.float32), RATE)
    assert recognizer(whole.astype(np.int16), RATE) == expected
    assert recognizer(list(whole / 2**15), RATE) == expected


@pytest.mark.parametrize(
    ("samples", "rate", "options", "message"),
    [
        (speech(1), 8000, {}, "the audio has 8000 Hz and .* takes 16000 Hz: resample it"),
        (speech(1)[:0], RATE, {}, "the audio is empty"),
        (speech(1)[:959], RATE, {}, "too short: 959 samples, where 960 .0.060 s. are the least"),
        (0 * speech(1), RATE, {}, "the audio is silent: all its samples are 0"),
        (np.append(speech(1), np.nan), RATE, {}, "samples that are no finite numbers"),
        (np.append(speech(1), np.inf), RATE, {}, "samples that are no finite numbers"),
        (speech(1).reshape(-1, 2), RATE, {}, "has shape .8000, 2.: one channel"),
        (np.ones(2000, np.int32), RATE, {}, "is of int32: float samples from -1 to 1, or int16"),
        (speech(1), RATE, {"num_loops": 0}, "num_loops 0: an integer of 1 or more"),
        (speech(1), RATE, {"num_loops": -1}, "num_loops -1: an integer of 1 or more"),
        (speech(1), RATE, {"num_loops": 2.5}, "num_loops 2.5: an integer of 1 or more"),
        (speech(1), RATE, {"max_seconds": 0.5}, "max_seconds 0.5: at least 1, and finite"),
        (speech(1), RATE, {"max_seconds": float("nan")}, "max_seconds nan: at least 1"),
    ],
)
def test_refused(recognizer, samples, rate, options, message):
    with pytest.raises(UserError, match=message):
        recognizer(samples, rate, **options)


def test_the_wrong_one_of_several_is_named(recognizer):
    with pytest.raises(UserError, match="utterance 1 is empty"):
        recognizer.batch([speech(1), []], RATE)
    with pytest.raises(UserError, match="batch_size 0"):
        recognizer.batch([speech(1)], RATE, batch_size=0)


def test_neither_torch_nor_espnet_is_imported(exported, recipe, run_python):
    """In a Python that has neither, from the folder to the text."""
    script = (
        "import sys\n"
        "names = 'torch espnet espnet2 onnx librosa scipy yaml tqdm pydantic tabulate typeguard'\n"
        "for name in (*names.split(), 'sentencepiece', 'matplotlib', 'huggingface_hub'):\n"
        "    sys.modules[name] = None\n"
        "from espnet_recursive.bin.onnx_transcribe import main\n"
        "main(sys.argv[1:])\n"
    )
    folder, audio = str(exported[0]), str(recipe / "speech.wav")
    samples, _ = soundfile.read(audio, dtype="float32")
    plain = OnnxRecognizer(folder)(samples, RATE, num_loops=2).text
    result = run_python("-c", script, folder, audio, "--num_loops", "2")
    assert result.stdout == f"{plain}\n" and result.returncode == 0, result.stderr
    pytest.importorskip("ctc_beam_decoder")
    searched = OnnxRecognizer(folder, beam=BeamOptions(9))(samples, RATE).text
    result = run_python("-c", script, folder, audio, "--beam_size", "9", "--vad", "silero")
    assert result.stdout == f"{searched}\n" and result.returncode == 0, result.stderr
