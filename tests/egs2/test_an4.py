"""The AN4 recipe on the wheel's utterances: from features, and the first stages from waveforms."""

import json
import zipfile

import pytest
import yaml

from espnet_recursive.recipe.data_dir import read_table
from tests.corpora.miniature import build_an4
from tests.egs2.conftest import CONF, TINY, Recipe

#: Without the check of the training YAML, which takes as long as all of the rest.
DATA_ONLY = ["--skip_train", "true", "--stop_stage", "3"]
SETS = {"train_nodev": 3, "dev": 2, "test": 2}


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """The recipe after all stages, on features; its corpus is in the folder beside."""
    root = tmp_path_factory.mktemp("an4")
    recipe = Recipe(root, "an4")
    build_an4(root / "an4", ".mfc", ".sph")
    config = yaml.safe_load((CONF / "train_asr_tiny.yaml").read_text())
    for key in ("frontend_conf", "preprocessor_conf"):
        del config[key]
    config["specaug_conf"]["freq_mask_width_range"] = [0, 3]
    (root / "train_asr_tiny.yaml").write_text(yaml.safe_dump(config))
    recipe.options = [
        *TINY,
        *("--asr_config", str(root / "train_asr_tiny.yaml"), "--use_lm", "false"),
        *("--inference_args", "--lm_weight 0", "--nj", "1", "--inference_nj", "1"),
        *("--test_sets", "test"),
        *("--local_data_opts", f"--corpus_dir {root}/an4", "--nbpe", "29"),
    ]
    status, recipe.output = recipe.run(*recipe.options)
    assert status == 0, recipe.output
    recipe.exp = recipe.dir / "exp" / "asr_tiny"
    return recipe


def test_features_go_through_the_stages(features):
    for name, count in SETS.items():
        folder = features.dir / "dump/extracted" / name
        assert len(read_table(folder / "feats.scp")) == count
        assert (folder / "feats_dim").read_text() == "13\n"
        assert not (folder / "wav.scp").exists()
    stats = features.dir / "exp/asr_stats_extracted_en_bpe29/train/speech_shape"
    frames = read_table(features.dir / "dump/extracted/train_nodev/utt2num_frames")
    assert read_table(stats) == {key: f"{length},13" for key, length in frames.items()}


def test_the_model_takes_features(features):
    config = yaml.safe_load((features.exp / "config.yaml").read_text())
    assert config["input_size"] == 13
    assert config["train_data_path_and_name_and_type"][0] == [
        "dump/extracted/train_nodev/feats.scp",
        "speech",
        "kaldi_ark",
    ]


def test_decoding_is_scored_and_timed(features):
    directory = features.exp / "decode/test"
    assert json.loads((directory / "score_wer/result.json").read_text())["units"] == 10
    frames = read_table(features.dir / "dump/extracted/test/utt2num_frames")
    rtf = json.loads((directory / "rtf.json").read_text())
    facts = json.loads((directory / "decoding.json").read_text())
    assert (facts["num_loops"], facts["ngpu"]) == (None, 0)
    assert facts["recursion"]["num_loops"] > 1
    assert rtf["audio_s"] == pytest.approx(sum(map(int, frames.values())) / 100)
    assert rtf["utterances"] == 2 and rtf["rtf"] > 0


def test_nothing_is_done_twice(features):
    status, output = features.run(*features.options, "--stop_stage", "11")
    assert status == 0, output
    # Data; three sets in stage 3, two in stage 4; tokens; 10 has two steps; 11. Configurations are
    # checked anew, because that of decoding is none of them here.
    assert output.count("done before") == 10


def test_cepstra_at_other_speeds(features):
    options = [*features.options, "--speed_perturb_factors", "0.9 1.0 1.1", "--asr_tag", "sp"]
    status, output = features.run(*options, "--stage", "2", "--stop_stage", "4")
    assert status == 0, output
    frames = read_table(features.dir / "dump/extracted/train_nodev/utt2num_frames")
    perturbed = read_table(features.dir / "dump/extracted/train_nodev_sp/utt2num_frames")
    expected = {
        prefix + utterance: str(round(int(number) / speed))
        for prefix, speed in (("sp0.9-", 0.9), ("", 1.0), ("sp1.1-", 1.1))
        for utterance, number in frames.items()
    }
    assert perturbed == expected


def test_the_pack_tells_how_to_use_it(features):
    (pack,) = features.exp.glob("*.zip")
    with zipfile.ZipFile(pack) as file:
        card = file.read("README.md").decode()
    assert 'numpy.load("features.npy")  # float32 (frames, 13)' in card
    assert "transcribe speech.wav" not in card


def test_waveforms(tmp_path):
    recipe = Recipe(tmp_path, "an4")
    corpus = build_an4(tmp_path / "an4", ".raw")
    options = ["--local_data_opts", f"--corpus_dir {corpus}", *DATA_ONLY]
    status, output = recipe.run("--feats_type", "raw", *options)
    assert status == 0, output
    for name, count in SETS.items():
        folder = recipe.dir / "dump/raw" / ("" if name == "test" else "org") / name
        assert len(read_table(folder / "wav.scp")) == count
        assert not (recipe.dir / "data" / name / "feats.scp").exists()
    status, output = recipe.run("--feats_type", "extracted", *options)
    assert status == 1
    assert "feat does not exist; in the recipe, --feats_type raw takes wav/" in output


@pytest.mark.parametrize("options, message", [
    ([], "AN4 is not downloaded. Get AN4 from"),
    (["--local_data_opts", "--corpus_dir /nowhere"], "/nowhere/feat does not exist"),
])  # fmt: skip
def test_a_missing_corpus_is_named(tmp_path, options, message):
    recipe = Recipe(tmp_path, "an4")
    status, output = recipe.run(*options, *DATA_ONLY)
    assert status == 1
    assert message in output and "--corpus_dir" in output


@pytest.mark.parametrize("options, message", [
    (["--feats_type", "fbank"], "--feats_type fbank: raw or extracted"),
    (["--speed_perturb_factors", "0.9", "--cepstra", ""], "say how they were made with --cepstra"),
    (["--cepstra", "13 40 x"], "--cepstra 13 40 x: expected a number, found 'x'"),
    (["--asr_config", str(CONF / "train_asr_tiny.yaml")], "remove data_aug_effects"),
])  # fmt: skip
def test_what_features_cannot_have(tmp_path, options, message):
    recipe = Recipe(tmp_path, "an4")
    status, output = recipe.run(*options)
    assert status == 2
    assert message in output
    assert not (recipe.dir / "data").exists()
