"""Loading models, and refusing those that ESPnet would load without a word."""

import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor

import espnet
import numpy as np
import pytest
import soundfile
import torch
import yaml
from espnet2.bin import asr_inference
from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import TooShortUttError

import espnet_recursive
from espnet_recursive.asr.depth import Depth
from espnet_recursive.errors import UserError
from espnet_recursive.publish.speech2text import Speech2Text
from tests.publish.experiments import (
    ENCODER,
    FAST,
    RECURSION,
    RECURSIVE,
    change_member,
    change_yaml,
    working_directory,
)

CONFIG, WEIGHTS = "exp/asr_recursive/config.yaml", "exp/asr_recursive/3epoch.pth"


def test_it_is_exported():
    assert espnet_recursive.Speech2Text is Speech2Text
    assert issubclass(Speech2Text, asr_inference.Speech2Text)
    with pytest.raises(AttributeError, match="no attribute 'Speech2Txt'"):
        _ = espnet_recursive.Speech2Txt


def test_a_pack_a_folder_and_the_experiment_are_one_model(packed, recipe, tmp_path, monkeypatch):
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path / "folder")
    monkeypatch.chdir(tmp_path)
    lm = {"lm_train_config": recipe.lm / "config.yaml", "lm_file": recipe.lm / "3epoch.pth"}
    models = [
        Speech2Text.from_pretrained(packed, **FAST),
        Speech2Text.from_pretrained("folder", **FAST),
        Speech2Text.from_pretrained(recipe.asr, "3epoch.pth", **FAST, **lm),
    ]
    samples, _ = soundfile.read(recipe.audio[0], dtype="float32")
    results = [model(samples)[0] for model in models]
    assert len({result[0] for result in results}) == 1
    assert len({float(result[3].score) for result in results}) == 1
    assert all(isinstance(model, Speech2Text) for model in models)


def test_espnets_own_loader_builds_it(packed, recipe, monkeypatch):
    """Packs and hub ids, which ESPnet's takes, and experiments, with checks and the depth."""
    model = espnet.load(str(packed), task="asr", device="cpu", num_loops=1, **FAST)
    assert type(model) is Speech2Text
    model(np.zeros(16000, dtype=np.float32))
    assert model.asr_model.encoder.loops_run.tolist() == [1]
    monkeypatch.chdir(recipe.root)
    options = {"task": "asr", "device": "cpu", "model_file": "3epoch.pth"}
    assert type(espnet.load(str(recipe.asr), **options, **FAST)) is Speech2Text
    with pytest.raises(UserError, match="--model_file"):
        espnet.load(str(recipe.asr), **options | {"model_file": "last.ckpt"})


def test_the_checkpoint_alone_names_its_configuration(recipe):
    with working_directory(recipe.root):
        model = Speech2Text(asr_model_file=recipe.asr / "valid.acc.ave.pth", **FAST)
    assert str(model.asr_model.encoder.shape) == "{2, 3, 1, 1}"


def test_its_language_model_can_be_left_out(packed):
    with_lm = Speech2Text.from_pretrained(packed)
    without = Speech2Text.from_pretrained(packed, lm_train_config=None, lm_file=None)
    assert "lm" in with_lm.beam_search.full_scorers
    assert "lm" not in without.beam_search.full_scorers


def other_weights(pack, change, member=WEIGHTS):
    """Change the weights in a pack."""
    folder = pack.parent / "other"
    folder.mkdir()
    with zipfile.ZipFile(pack) as archive:
        archive.extract(member, folder)
    weights = torch.load(folder / member, weights_only=True)
    change(weights)
    torch.save(weights, folder / member)
    change_member(pack, member, lambda _: (folder / member).read_bytes())


def test_weights_that_are_missing(pack_copy):
    """ESPnet loads this, and decodes with random values."""
    other_weights(pack_copy, lambda weights: weights.pop("encoder.after_norm.weight"))
    asr_inference.Speech2Text.from_pretrained(str(pack_copy))
    with pytest.raises(UserError, match=r"3epoch.pth does not fit .*config.yaml: 1 missing \(enc"):
        Speech2Text.from_pretrained(pack_copy)


def test_messages_name_files_that_stay(pack_copy):
    other_weights(pack_copy, lambda weights: weights.pop("encoder.after_norm.weight"))
    with pytest.raises(UserError) as error:
        Speech2Text.from_pretrained(pack_copy)
    assert f"/{CONFIG}: 1 missing" in str(error.value)
    assert "asr_train_config.yaml" not in str(error.value)


def test_weights_of_other_layers(pack_copy, recipe):
    three = recipe.train_asr("three", RECURSIVE, ENCODER | RECURSION | {"recurrent_blocks": 1})
    change_member(pack_copy, WEIGHTS, lambda _: (three / "3epoch.pth").read_bytes())
    with pytest.raises(UserError, match=r"hold 3 encoder layers.*\{2, 3, 1, 1\}, has 4"):
        Speech2Text.from_pretrained(pack_copy)


def test_weights_of_another_shape(pack_copy):
    other_weights(
        pack_copy, lambda weights: weights.update({"ctc.ctc_lo.weight": torch.zeros(30, 8)})
    )
    with pytest.raises(UserError, match=r"ctc.ctc_lo.weight: \(30, 8\), not \(30, 16\)"):
        Speech2Text.from_pretrained(pack_copy)


def test_a_language_model_of_other_weights(pack_copy):
    member = "exp/lm/3epoch.pth"
    other_weights(pack_copy, lambda weights: weights.clear(), member)
    with pytest.raises(UserError, match=r"lm/3epoch.pth does not fit .*lm/config.yaml: \d+ missin"):
        Speech2Text.from_pretrained(pack_copy)


def test_another_tuple_with_the_same_names(pack_copy):
    conf = {"recurrent_blocks": 4, "num_loops": 3, "prelude_blocks": 0, "coda_blocks": 0}
    change_yaml(pack_copy, CONFIG, encoder_conf=ENCODER | conf)
    asr_inference.Speech2Text.from_pretrained(str(pack_copy))
    with pytest.raises(UserError, match=r"as \{2, 3, 1, 1\}, its configuration says \{4, 3, 0, 0"):
        Speech2Text.from_pretrained(pack_copy)


def test_a_configuration_that_cannot_be_built(pack_copy):
    change_yaml(pack_copy, CONFIG, decoder="no_such_decoder")
    with pytest.raises(UserError, match="config.yaml: its model cannot be built.*no_such_decoder"):
        Speech2Text.from_pretrained(pack_copy)


def test_a_stock_model_of_an_experiment(recipe, tmp_path):
    stock = recipe.train_asr("conformer", "conformer", ENCODER | {"num_blocks": 1})
    model = Speech2Text.from_pretrained(stock, **FAST)
    assert type(model.asr_model.encoder).__name__ == "ConformerEncoder"
    config = yaml.safe_load((stock / "config.yaml").read_text())
    shutil.copytree(stock, tmp_path / "two")
    config["encoder_conf"]["num_blocks"] = 2
    (tmp_path / "two/config.yaml").write_text(yaml.safe_dump(config))
    with working_directory(recipe.root), pytest.raises(UserError, match="has 2"):
        Speech2Text.from_pretrained(tmp_path / "two")


def test_a_batch_says_what_each_says_alone(packed, recipe):
    """In ESPnet's batches the last frames depend on the padding."""
    model = Speech2Text.from_pretrained(packed, **FAST, batch_size=3)
    theirs = asr_inference.Speech2Text.from_pretrained(str(packed), **FAST, batch_size=3)
    speech = [soundfile.read(path, dtype="float32")[0] for path in recipe.audio[:3]]
    assert len({len(samples) for samples in speech}) == 3
    alone = [float(model(samples)[0][3].score) for samples in speech]
    batch = [float(result[0][3].score) for result in model.batch_decode(speech)]
    assert batch == pytest.approx(alone, rel=1e-6)
    their_batch = [float(result[0][3].score) for result in theirs.batch_decode(speech)]
    assert their_batch != pytest.approx(alone, rel=1e-6), "then this class need not do anything"
    assert "encode" not in vars(model.asr_model)


def test_a_batch_that_is_too_large_is_tried_in_halves(packed, recipe, monkeypatch):
    model = Speech2Text.from_pretrained(packed, **FAST, batch_size=4)
    speech = [soundfile.read(path, dtype="float32")[0] for path in recipe.audio[:4]]
    search, sizes = model.beam_search.forward, []

    def small_memory(x, **kwargs):
        sizes.append(len(x))
        if len(x) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return search(x=x, **kwargs)

    expected = [result[0][0] for result in model.batch_decode(speech)]
    monkeypatch.setattr(model.beam_search, "forward", small_memory)
    assert [result[0][0] for result in model.batch_decode(speech)] == expected
    assert sizes == [4, 2, 2]


def decode(model, recipe, number=3):
    """Scores and token ids of some utterances."""
    nbests = [model(soundfile.read(path, dtype="float32")[0]) for path in recipe.audio[:number]]
    return [(float(nbest[0][3].score), nbest[0][2]) for nbest in nbests]


@pytest.fixture(scope="module")
def deeper(recipe):
    """The weights of asr_recursive with another number of loops in their configuration."""
    return recipe.train_asr("deeper", RECURSIVE, ENCODER | RECURSION | {"num_loops": 5})


def test_loops_at_load_are_those_of_a_configuration(recipe, deeper):
    weights = recipe.asr / "3epoch.pth"
    with working_directory(recipe.root):
        configured = Speech2Text(deeper / "config.yaml", weights, **FAST)
        chosen = Speech2Text(recipe.asr / "config.yaml", weights, **FAST, num_loops=5)
        plain = Speech2Text(recipe.asr / "config.yaml", weights, **FAST)
        assert decode(chosen, recipe) == decode(configured, recipe)
        assert decode(chosen, recipe) != decode(plain, recipe)


@pytest.mark.parametrize("loop_exit", ["latent", "kl", "labels", "acceleration"])
def test_thresholds_at_both_ends(packed, recipe, loop_exit):
    def at(**depth):
        return decode(Speech2Text.from_pretrained(packed, **FAST, **depth), recipe)

    rule = {"loop_exit": loop_exit, "loop_exit_min": 2}
    assert at(loop_exit_threshold=0, **rule) == at(num_loops=3)
    assert at(loop_exit_threshold=float("inf"), **rule) == at(num_loops=2)


def test_a_depth_that_cannot_be(packed):
    for depth, message in (
        ({"num_loops": 0}, "num_loops must be an integer of 1 or more, not 0"),
        (
            {"loop_exit": "entropy"},
            "loop_exit='entropy' is none of latent, kl, labels, acceleration",
        ),
        (
            {"loop_exit": "kl", "loop_exit_threshold": 0.1, "loop_exit_min": 4},
            "loop_exit_min=4: exit min_loops=4 is more than 3 loops",
        ),
    ):
        with pytest.raises(UserError, match=message):
            Speech2Text.from_pretrained(packed, **depth)


def test_a_stock_model_has_no_depth_to_choose(recipe):
    stock = recipe.train_asr("one_block", "transformer", ENCODER | {"num_blocks": 1})
    with pytest.raises(UserError, match="num_loops=2: .* TransformerEncoder, runs each layer once"):
        Speech2Text.from_pretrained(stock, num_loops=2)


@pytest.mark.parametrize("encoder_precision", ["float32", "bfloat16", "int8"])
def test_a_prepared_encoder(packed, recipe, encoder_precision):
    plain = Speech2Text.from_pretrained(packed, **FAST)
    prepared = Speech2Text.from_pretrained(packed, **FAST, encoder_precision=encoder_precision)
    expected, found = decode(plain, recipe), decode(prepared, recipe)
    if encoder_precision == "float32":
        assert [tokens for _, tokens in found] == [tokens for _, tokens in expected]
    for (score, _), (other, _) in zip(expected, found, strict=True):
        assert score == pytest.approx(other, rel=1e-4 if encoder_precision == "float32" else 0.1)


def test_a_precision_that_cannot_be(packed):
    with pytest.raises(UserError, match="encoder_precision='fp8' is none of float32, bfloat16"):
        Speech2Text.from_pretrained(packed, encoder_precision="fp8")
    for key, value in (("dtype", "bfloat16"), ("quantize_asr_model", True)):
        with pytest.raises(UserError, match=f"{key}={value} does not go with encoder_precision"):
            Speech2Text.from_pretrained(packed, encoder_precision="int8", **{key: value})


@pytest.fixture(scope="module")
def model(packed):
    return Speech2Text.from_pretrained(packed, **FAST)


@pytest.mark.parametrize("kind", ["int16", "int32", "uint8"])
def test_integer_samples_are_those_of_the_file(model, recipe, kind):
    """As soundfile, scipy and wave read them; in batches too."""
    samples, _ = soundfile.read(recipe.audio[0], dtype="int16")
    integers = {
        "int16": samples,
        "int32": samples.astype(np.int32) << 16,
        "uint8": ((samples >> 8) + 128).astype(np.uint8),
    }[kind]
    floats = (samples >> 8 << 8 if kind == "uint8" else samples) / np.float32(2**15)
    (expected, *_), (found, *_) = model(floats), model(integers)
    assert found[0] == expected[0] and float(found[3].score) == float(expected[3].score)
    assert float(model([integers])[0][0][3].score) == pytest.approx(float(expected[3].score))


@pytest.mark.parametrize("kind", ["int64", "uint16", "bool"])
def test_samples_of_no_known_scale(model, kind):
    with pytest.raises(UserError, match=f"speech of type {kind}: give samples between -1 and 1"):
        model(np.ones(16000, kind))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers(model, value):
    samples = np.zeros(16000, np.float32)
    samples[300] = value
    for speech in (samples, torch.from_numpy(samples), [np.zeros(16000, np.float32), samples]):
        with pytest.raises(UserError, match="no finite numbers .*first at 300 of 16000"):
            model(speech)


@pytest.mark.parametrize("length", [1, 100, 256])
def test_speech_that_the_frontend_cannot_take(model, length):
    with pytest.raises(
        UserError, match=f"it has {length} samples, and the frontend takes 257 or more"
    ):
        model(np.zeros(length, np.float32))
    with pytest.raises(TooShortUttError):  # ESPnet's, which its decoding knows
        model([np.zeros(length, np.float32), np.zeros(16000, np.float32)])


def test_a_beam_without_a_choice(model, packed):
    tokens = len(model.asr_model.token_list)
    for beam in (tokens, tokens + 5):
        with pytest.raises(UserError, match=f"beam_size {beam}: the model has {tokens} tokens"):
            Speech2Text.from_pretrained(packed, **FAST | {"beam_size": beam})
    Speech2Text.from_pretrained(packed, **FAST | {"beam_size": tokens - 1})


def test_threads_share_a_recogniser(packed, recipe):
    """Each call gives what it gives alone, at its own depth, one utterance or several."""
    model = Speech2Text.from_pretrained(packed, **FAST, encoder_precision="float32")
    audio = [soundfile.read(path, dtype="float32")[0] for path in recipe.audio[:4]]
    depths = [None, Depth(num_loops=1), Depth(num_loops=2), Depth(num_loops=5)]

    def decode(number):
        samples, depth = audio[number % 4], depths[number % 4]
        speech = [samples, audio[0]] if number % 2 else samples
        results = model(speech, depth=depth)
        return [
            (nbest[0][0], float(nbest[0][3].score), nbest.encoded.loops)
            for nbest in (results if number % 2 else [results])
        ]

    alone = [decode(number) for number in range(4)]
    assert len({result[0][1] for result in alone}) == 4
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(decode, range(12))) == alone * 3
