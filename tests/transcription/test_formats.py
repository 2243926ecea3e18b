"""Forms of output, read back by a program of others."""

import json

import pysubs2
import pytest

from espnet_recursive.transcription.cues import cues
from espnet_recursive.transcription.formats import ENDINGS, Form, likes_words, needs_words
from espnet_recursive.transcription.results import Segment, Transcript
from espnet_recursive.transcription.words import Word, joined

LONG = ("one two three four five six seven eight nine ten " * 5).split()


def segment(words, start, step=0.4):
    found = [Word(w, start + i * step, start + i * step + 0.2, 0.5) for i, w in enumerate(words)]
    found = [Word(w.text, round(w.start, 3), round(w.end, 3), w.score) for w in found]
    return Segment(
        start, round(start + len(words) * step, 3), " ".join(words), words, -1.0, 3, found
    )


SEGMENTS = [segment(["a", "b"], 0.5), segment([], 2.0), segment(LONG, 3599.0)]
TRANSCRIPT = Transcript("a b.wav", "text", ["t"], -2.0, 3700.0, 0.1, 3, SEGMENTS)


def written(name, timestamps=None, several=False, transcript=TRANSCRIPT):
    form = Form(name, timestamps, several)
    parts = [form.segment(transcript.file, part) for part in transcript.segments]
    return form.begin() + "".join(parts) + form.transcript(transcript)


@pytest.mark.parametrize("name", ["srt", "vtt"])
@pytest.mark.parametrize("timestamps", [None, "segment", "word"])
def test_subtitles_read_back(name, timestamps):
    read = pysubs2.SSAFile.from_string(written(name, timestamps), format_=name)
    expected = [cue for part in SEGMENTS for cue in cues(part, timestamps)]
    assert [(event.start, event.end, event.plaintext) for event in read] == [
        (round(1000 * cue.start), round(1000 * cue.end), cue.text) for cue in expected
    ]
    assert " ".join(event.plaintext for event in read).split() == ["a", "b", *LONG]


def test_cues_can_be_read():
    found = list(cues(SEGMENTS[2]))
    assert len(found) >= 3
    for cue in found:
        assert cue.end - cue.start <= 7.3
        lines = cue.text.splitlines()
        assert len(lines) <= 2 and max(map(len, lines)) <= 60
    assert all(a.end <= b.start for a, b in zip(found, found[1:], strict=False))
    assert found[0].start == SEGMENTS[2].start and found[-1].end <= SEGMENTS[2].end


def test_a_pause_ends_a_cue():
    words = [Word("a", 0.0, 0.2), Word("b", 2.0, 2.1)]
    assert [cue.text for cue in cues(Segment(0.0, 3.0, "a b", [], 0.0, None, words))] == ["a", "b"]


def test_text_that_looks_like_the_form():
    words = [Word("<i>", 0.0, 0.2), Word("-->", 0.3, 0.4), Word("&", 0.5, 0.6)]
    odd = Transcript("f", "", [], 0, 1, 0, 1, [Segment(0, 1, "<i> --> &", [], 0.0, 1, words)])
    assert "&lt;i&gt; --&gt; &amp;" in written("vtt", transcript=odd)
    assert written("srt", transcript=odd).count("-->") == 1


def test_without_word_times_a_segment_is_a_cue():
    plain = Segment(0.0, 9.0, " ".join(LONG), LONG, 0.0, None)
    assert [(cue.start, cue.end) for cue in cues(plain)] == [(0.0, 9.0)]


def test_text():
    assert written("text") == "text\n" and written("text", several=True) == "a b.wav\ttext\n"
    first = written("text", "segment").splitlines()[0]
    assert first == "[00:00:00.500 --> 00:00:01.300] a b"
    last = written("text", "word", several=True).splitlines()[-1]
    assert last == "a b.wav\t[01:00:18.600 --> 01:00:18.800] ten"


def test_ctm():
    lines = written("ctm").splitlines()
    assert lines[0] == "a_b.wav 1 0.500 0.200 a 0.5000" and len(lines) == 2 + len(LONG)


def test_tsv():
    lines = [line.split("\t") for line in written("tsv").splitlines()]
    assert lines[:2] == [["file", "start", "end", "text"], ["a b.wav", "0.500", "1.300", "a b"]]
    assert len(written("tsv", "word").splitlines()) == 1 + 2 + len(LONG)


def test_json():
    value = json.loads(written("json"))
    assert list(value["segments"][0]) == [
        *("start", "end", "text", "tokens", "score", "loops", "words"),
    ]
    assert value["segments"][0]["words"][0] == {"text": "a", "start": 0.5, "end": 0.7, "score": 0.5}
    plain = Transcript("f", "", [], 0, 1, 0, 1, [Segment(0, 1, "", [], 0.0, 1)])
    assert "words" not in json.loads(written("json", transcript=plain))["segments"][0]


def test_which_forms_need_the_times_of_words():
    assert {name for name in ENDINGS if needs_words(name, None)} == {"ctm"}
    assert {name for name in ENDINGS if likes_words(name, None)} == {"ctm", "srt", "vtt"}
    assert all(needs_words(name, "word") for name in ENDINGS)
    assert not likes_words("srt", "segment")


def test_words_of_scripts_without_spaces():
    texts = ("\u4f60", "\u597d", "ok", "\u4f60")
    assert joined([Word(text, 0, 0) for text in texts]) == "\u4f60\u597d ok \u4f60"
