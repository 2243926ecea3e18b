"""A data set decoded at many depths."""

import json
import shutil
from collections import Counter

import numpy as np
import pytest
import soundfile

from espnet_recursive import Speech2Text
from espnet_recursive.analysis import loop_sweep
from espnet_recursive.analysis.loop_sweep import (
    check_sampling_rate,
    configured_depth,
    decoded_file,
    depth_label,
    depth_name,
    read_decoded,
    sweep,
)
from espnet_recursive.asr.depth import Depth
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_table, write_data_dir, write_table
from espnet_recursive.recipe.feats import write_ark
from tests.publish.conftest import recipe  # noqa: F401
from tests.publish.experiments import ENCODER, FAST, RECURSION, RECURSIVE

DEPTHS = [
    Depth(num_loops=1),
    Depth(num_loops=3),
    Depth(loop_exit="labels", loop_exit_threshold=0.3),
]


@pytest.fixture(scope="module")
def model(recipe):  # noqa: F811
    return Speech2Text.from_pretrained(recipe.asr, **FAST)


@pytest.fixture(scope="module")
def data(recipe):  # noqa: F811
    return recipe.data["train"]


@pytest.fixture
def decodings(monkeypatch):
    """The utterances that are decoded, and how often."""
    counts = Counter()
    decode = loop_sweep._decode

    def counting(model, utterance, speech):
        counts[utterance] += 1
        return decode(model, utterance, speech)

    monkeypatch.setattr(loop_sweep, "_decode", counting)
    return counts


@pytest.mark.parametrize(
    "depth, name, label",
    [
        (Depth(), "configured", "as configured"),
        (Depth(1), "loops_1", "1 loop"),
        (Depth(12), "loops_12", "12 loops"),
        (Depth(None, "kl", 0.05), "kl_0.05", "kl < 0.05"),
        (Depth(None, "kl", 0.05, 1), "kl_0.05", "kl < 0.05"),
        (Depth(None, "latent", 0, 2), "latent_0_min_2", "latent < 0, 2 or more"),
        (Depth(8, "latent", 0.5), "loops_8_latent_0.5", "latent < 0.5"),
    ],
)
def test_names(depth, name, label):
    assert (depth_name(depth), depth_label(depth)) == (name, label)


def test_each_depth_says_what_the_model_says_at_it(model, data, tmp_path):
    sweep(model, data, DEPTHS, tmp_path, {})
    for depth in DEPTHS:
        decoded = read_decoded(decoded_file(tmp_path, depth))
        assert decoded.keys() == read_table(data / "wav.scp").keys()
        depth.apply(model.asr_model)
        for utterance, path in read_table(data / "wav.scp").items():
            samples, _ = soundfile.read(path, dtype="float32")
            nbest, row = model(samples), decoded[utterance]
            assert (row.text, row.samples) == (nbest[0][0], len(samples))
            assert (row.loops, row.layers) == (nbest.encoded.loops, nbest.encoded.layers)
            assert 0 < row.encoder_seconds < row.decoding_seconds
    loops = {row.loops for row in read_decoded(decoded_file(tmp_path, DEPTHS[2])).values()}
    assert loops == {1, 2}


def test_a_sweep_that_was_stopped_goes_on(model, data, tmp_path, decodings, monkeypatch):
    sweep(model, data, DEPTHS, tmp_path / "whole", {})
    assert set(decodings.values()) == {3, 4}, "the first utterance once more, before time counts"
    shutil.copytree(tmp_path / "whole", tmp_path / "cut")
    first, second, third = (decoded_file(tmp_path / "cut", depth) for depth in DEPTHS)
    lines = first.read_bytes().splitlines(keepends=True)
    first.write_bytes(b"".join(lines[:3]) + lines[3][:20])  # killed within a line
    third.unlink()
    decodings.clear()
    sweep(model, data, DEPTHS, tmp_path / "cut", {})
    utterances = list(read_table(data / "wav.scp"))
    assert dict(decodings) == dict(zip(utterances, (2, 1, 1, 2, 2), strict=True))
    for depth in DEPTHS:
        whole, cut = (read_decoded(decoded_file(tmp_path / x, depth)) for x in ("whole", "cut"))
        assert {u: row.text for u, row in cut.items()} == {u: row.text for u, row in whole.items()}
        assert list(cut) == list(whole)
    decodings.clear()
    sweep(model, data, DEPTHS, tmp_path / "cut", {})
    assert not decodings


def test_the_order_of_the_depths_rotates(model, data, tmp_path, monkeypatch):
    order = []
    apply = Depth.apply
    monkeypatch.setattr(Depth, "apply", lambda self, m: order.append(self) or apply(self, m))
    sweep(model, data, DEPTHS, tmp_path, {})
    one, two, three = DEPTHS
    # All are tried before the first is decoded.
    assert order[:12] == [one, two, three, one, two, three, two, three, one, three, one, two]


def test_a_folder_of_another_sweep(model, data, tmp_path):
    origin = {"model": ["a", 1], "decoding": {}}
    sweep(model, data, DEPTHS[:1], tmp_path, origin)
    sweep(model, data, DEPTHS[:1], tmp_path, origin)
    with pytest.raises(UserError, match="holds decodings of another model, which sweep.json"):
        sweep(model, data, DEPTHS[:1], tmp_path, origin | {"model": ["b", 1]})
    assert json.loads((tmp_path / "sweep.json").read_text())["model"] == ["a", 1]


def test_a_depth_that_cannot_be_is_found_first(model, data, tmp_path, decodings):
    with pytest.raises(UserError, match="loop_exit_min=9: exit min_loops=9 is more than 3 loops"):
        sweep(model, data, [DEPTHS[0], Depth(None, "kl", 0.1, 9)], tmp_path, {})
    assert not decodings


def with_audio(data, folder, samples, rate=16000):
    """A copy of a data directory whose first utterance is other audio."""
    shutil.copytree(data, folder)
    table = read_table(folder / "wav.scp")
    utterance = next(iter(table))
    table[utterance] = str(folder / "other.wav")
    soundfile.write(folder / "other.wav", samples, rate)
    write_table(folder / "wav.scp", table)
    return utterance


def test_too_short_an_utterance_has_an_empty_text(model, data, tmp_path):
    utterance = with_audio(data, tmp_path / "data", np.full(700, 0.1))
    sweep(model, tmp_path / "data", DEPTHS[:1], tmp_path / "out", {})
    row = read_decoded(decoded_file(tmp_path / "out", DEPTHS[0]))[utterance]
    assert (row.text, row.samples, row.loops, row.layers) == ("", 700, 0, 0)


def test_audio_that_is_damaged(model, data, tmp_path):
    utterance = with_audio(data, tmp_path / "data", np.zeros(2000))
    (tmp_path / "data/other.wav").write_text("no audio")
    with pytest.raises(UserError, match=f"wav.scp, {utterance} cannot be read: .*Run the stage"):
        sweep(model, tmp_path / "data", DEPTHS[:1], tmp_path / "out", {})


def test_another_sampling_rate(data, tmp_path):
    check_sampling_rate(data, 16000)
    with_audio(data, tmp_path / "data", np.zeros(2000), 8000)
    with pytest.raises(UserError, match="has 8000 Hz, the model takes 16000"):
        check_sampling_rate(tmp_path / "data", 16000)


def test_a_model_of_features(recipe, data, tmp_path):  # noqa: F811
    exp = recipe.train_asr_of_features("features", 13)
    model = Speech2Text.from_pretrained(exp, **FAST)
    random = np.random.default_rng(0)
    utterances = [f"a-{n}" for n in range(3)]
    features = {u: random.normal(size=(90 + n, 13)) for n, u in enumerate(utterances)}
    places, _ = write_ark(tmp_path / "feats.ark", features.items())
    texts, speakers = dict.fromkeys(utterances, "GO"), dict.fromkeys(utterances, "a")
    write_data_dir(tmp_path / "data", places, texts, speakers, scp="feats.scp")
    sweep(model, tmp_path / "data", DEPTHS[:2], tmp_path / "out", {})
    for depth in DEPTHS[:2]:
        decoded = read_decoded(decoded_file(tmp_path / "out", depth))
        assert [row.samples for row in decoded.values()] == [90, 91, 92]
        depth.apply(model.asr_model)
        for utterance, matrix in features.items():
            nbest = model(matrix.astype(np.float32))
            assert decoded[utterance].text == nbest[0][0]
            assert decoded[utterance].loops == depth.num_loops


def test_the_configured_depth(model, recipe):  # noqa: F811
    assert configured_depth(model) == Depth(num_loops=3)
    conf = {"loop_policy_conf": {"min_length": 50, "max_length": 500, "max_loops": 4}}
    conf |= ENCODER | RECURSION | {"loop_policy": "length"}
    by_length = recipe.train_asr("by_length", RECURSIVE, conf)
    assert configured_depth(Speech2Text.from_pretrained(by_length)) == Depth()
    stock = recipe.train_asr("sweep_stock", "transformer", ENCODER | {"num_blocks": 1})
    with pytest.raises(UserError, match="TransformerEncoder, runs each layer once: there are no"):
        configured_depth(Speech2Text.from_pretrained(stock))
