"""How much sound headers promise, and how much there is."""

import io

import numpy as np
import pytest
import soundfile

from espnet_recursive.files.audio_header import TOLERANCE, RepairedWav, find_sound
from tests.files.audio_kinds import encoded, speech, wav

RAW = speech().tobytes()


def sound_of(content):
    sound = find_sound(io.BytesIO(content))
    assert sound is not None
    return sound


@pytest.mark.parametrize("form", ["WAV", "WAVEX", "RF64", "W64", "AU", "CAF", "NIST"])
def test_headers_of_libsndfile_are_exact(form):
    content = encoded(speech(), form)
    sound = sound_of(content)
    counts = 4 if form == "CAF" else 0  # of edits, before the samples
    assert (sound.promised, sound.exact) == (len(RAW) + counts, True)
    at = sound.start + counts
    assert content[at : at + len(RAW)] in (RAW, speech().astype(">i2").tobytes())


@pytest.mark.parametrize("form", ["FLAC", "OGG", "MP3"])
def test_other_files_have_no_such_header(form):
    assert find_sound(io.BytesIO(encoded(speech(), form))) is None


@pytest.mark.parametrize("lacking", [1, 2, 8, TOLERANCE, TOLERANCE + 1, 5000])
def test_a_few_bytes_are_tolerated(lacking):
    for sound in (sound_of(wav(RAW)[:-lacking]), sound_of(wav(RAW, data_size=len(RAW) + lacking))):
        assert sound.missing == (lacking if lacking > TOLERANCE else 0)
        assert not sound.exact


@pytest.mark.parametrize("said", [0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("length", [2, 8, 16002])
def test_unknown_sizes(said, length):
    sound = sound_of(wav(RAW[:length], data_size=said))
    assert (sound.promised, sound.present, sound.missing) == (None, length, 0)


def test_an_empty_file_with_a_chunk_behind_is_empty():
    sound = sound_of(wav(b"", extra=b"LIST\4\0\0\0INFO"))
    assert (sound.promised, sound.present) == (0, 0)


@pytest.mark.parametrize("width, channels", [(1, 1), (2, 1), (2, 2), (3, 1), (4, 3)])
def test_a_repaired_file_is_what_others_read(width, channels):
    block = width * channels
    content = wav(RAW[:12000] + b"\1" * (block - 1), width, channels, data_size=0xFFFFFFFF)
    repaired = RepairedWav(io.BytesIO(content), sound_of(content)).read()
    whole = wav(RAW[:12000], width, channels)
    read, expected = (soundfile.read(io.BytesIO(c), dtype="int32")[0] for c in (repaired, whole))
    np.testing.assert_array_equal(read, expected)
    assert sound_of(repaired).exact


@pytest.mark.parametrize("size", range(0, 60, 3))
def test_headers_cut_off_anywhere_are_no_traceback(size):
    for form in ("WAV", "WAVEX", "RF64", "W64", "AU", "CAF", "NIST", "AIFF"):
        find_sound(io.BytesIO(encoded(speech(), form)[:size]))
