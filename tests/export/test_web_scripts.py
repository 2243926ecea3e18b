"""The page's scripts under node: the same results as OnnxRecognizer's parts."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import soxr

from espnet_recursive.export import web_export
from espnet_recursive.onnx_recognizer.greedy import greedy
from espnet_recursive.transcription.pieces import pieces
from espnet_recursive.transcription.words import Word, joined, text_of, words_of
from tests.export.browser import find_program


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """Evaluates an expression of a script, with a value in `given`."""
    program = find_program("node")
    folder = tmp_path_factory.mktemp("scripts")
    for script in web_export.PAGE.glob("*.js"):
        shutil.copy(script, folder)
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")

    def evaluate(script, expression, given):
        code = (
            f"import * as script from './{script}'\nimport fs from 'fs'\n"
            "const given = JSON.parse(fs.readFileSync(0))\n"
            f"console.log(JSON.stringify({expression}))\n"
        )
        (folder / "run.mjs").write_text(code, encoding="utf-8")
        done = subprocess.run(
            [program, "run.mjs"],
            cwd=folder,
            input=json.dumps(given),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return evaluate


TOKENS = {
    "char": [
        "<blank>",
        "<unk>",
        "<space>",
        "a",
        "\u00e9",
        "\u2581",
        *"\u4e2d\u3042\u30a2\u30fc\u3005",
    ],
    "bpe": ["<blank>", "<unk>", "\u2581", "\u2581th", "e", "\u2581a"],
    "word": ["<blank>", "<unk>", "the", "a", "\u00e9t\u00e9", "\u2581"],
    "phn": ["<blank>", "<unk>", "AH", "B", "<space>", "\u2581"],
}


@pytest.mark.parametrize("token_type", TOKENS)
def test_text_and_words_are_onnx_recognizers(node, token_type):
    random = np.random.default_rng(0)
    tokens = TOKENS[token_type]
    # Runs of labels, blanks between some of them; an utterance of none, and one of one.
    bests = [
        np.repeat(random.integers(0, len(tokens), n), random.integers(1, 4, n)) for n in (40,) * 20
    ]
    bests += [np.zeros(0, int), np.zeros(5, int), np.array([3])]
    expected = []
    for best in bests:
        labels = greedy(np.eye(len(tokens))[best])
        words = words_of(labels, tokens, token_type, 0.04, 1.2345)
        text = text_of([tokens[label.token] for label in labels], token_type)
        expected.append(
            {
                "labels": [[label.token, label.start, label.end] for label in labels],
                "text": text,
                "words": [[word.text, word.start, word.end] for word in words],
            }
        )
    expression = """given.bests.map(best => {
        const labels = script.labelsOf(best)
        const tokens = labels.map(label => given.about.tokens[label.token])
        const words = script.wordsOf(labels, given.about, 1.2345)
        return {
            labels: labels.map(({ token, start, end }) => [token, start, end]),
            text: script.textOf(tokens, given.about.tokenType),
            words: words.map(word => [word.text, word.start, word.end])
        }
    })"""
    about = {"tokens": tokens, "tokenType": token_type, "frameSeconds": 0.04}
    given = {"bests": [best.tolist() for best in bests], "about": about}
    assert node("greedy.js", expression, given) == expected
    assert sum(len(utterance["words"]) for utterance in expected) > 50


def test_spaces_between_words(node):
    words = ["a", "\u4e2d", "\u56fd", "\U00020000", "b", "\u3042", "\u30fc", "c"]
    expression = "given.slice(1).map((word, i) => script.between(given[i], word) + word)"
    found = "".join(node("greedy.js", expression, words))
    assert words[0] + found == joined([Word(word, 0, 0) for word in words])


@pytest.mark.parametrize("rate", [8000, 11025])
def test_pieces_are_onnx_recognizers(node, rate):
    random = np.random.default_rng(1)
    samples = random.standard_normal(20 * rate).astype(np.float32) / 10
    samples[9 * rate : 10 * rate] = 0  # a pause, in which all places are as quiet
    samples[3 * rate : 3 * rate + 3000] /= 20
    seconds, ends = (1, 2.5, 4, 30), (20 * rate, 5 * rate + 17, rate, 1, 0)
    given = {"samples": samples.tolist(), "rate": rate, "seconds": seconds, "ends": ends}
    expression = """given.seconds.flatMap(seconds => given.ends.map(end =>
        script.pieces(Float32Array.from(given.samples).subarray(0, end), given.rate, seconds)))"""
    expected = [
        [[start, start + len(part)] for start, part in pieces(samples[:end], rate, maximum)]
        for maximum in seconds
        for end in ends
    ]
    assert node("pieces.js", expression, given) == expected and max(map(len, expected)) > 20


@pytest.mark.parametrize(("source", "target"), [(48000, 16000), (44100, 16000), (8000, 16000)])
def test_the_resampler_beside_soxr(node, source, target):
    time = np.arange(source // 2) / source
    # Below what is kept, and where the target has less than the source also above.
    tones = [100.0, 1000.0, 0.4 * min(source, target)] + [0.6 * target] * (source > target)
    samples = sum(0.2 * np.sin(2 * np.pi * tone * time) for tone in tones).astype(np.float32)
    given = {
        "samples": samples.tolist(),
        "from": source,
        "to": target,
        "sizes": [source, 128, 2048],
    }
    expression = """given.sizes.map(size => {
        const resampler = new script.Resampler(given.from, given.to)
        const samples = Float32Array.from(given.samples)
        const out = []
        for (let i = 0; i < samples.length; i += size) {
            out.push(...resampler.push(samples.subarray(i, i + size)))
        }
        return [...out, ...resampler.end()]
    })"""
    whole, *parts = map(np.array, node("resampler.js", expression, given))
    for part in parts:
        np.testing.assert_array_equal(part, whole)
    expected = soxr.resample(samples, source, target, quality="VHQ")
    assert abs(len(whole) - len(expected)) <= 1
    inner = slice(target // 20, target // 2 - target // 20)  # not the beginning and the end
    np.testing.assert_allclose(whole[inner], expected[inner], atol=1e-3)


def test_the_same_rate_is_not_touched(node):
    expression = "[...new script.Resampler(16000, 16000).push(Float32Array.from(given))]"
    assert node("resampler.js", expression, [0.5, -0.25, 1]) == [0.5, -0.25, 1]


def test_words_that_differ(node):
    def differ(words, reference):
        return node(
            "differences.js", "script.differences(...given)", [words.split(), reference.split()]
        )

    assert differ("the cat sat", "the cat sat") == [False] * 3
    assert differ("the bat sat", "the cat sat down") == [False, True, False]
    assert sum(differ("a the the cat", "the cat")) == 2 and differ("a the the cat", "the cat")[0]
    assert differ("a b", "") == [True, True] and differ("", "a b") == []


def test_depths(node):
    expression = "given.map(loops => [script.mostLoops(loops), script.comparedLoops(loops)])"
    one, five, many = node("depths.js", expression, [1, 5, 24])
    assert one == [3, [1, 2, 3]] and five == [8, [1, 2, 3, 4, 5, 6, 7, 8]]
    most, compared = many
    assert most == 36 and 24 in compared and compared[0] == 1 and compared[-1] == 36
    assert len(compared) <= 9 and compared == sorted(set(compared))
