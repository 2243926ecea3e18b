"""Names of folders, data sets and stages, as ESPnet's asr.sh builds them."""

import shlex

import pytest

from espnet_recursive.recipe.driver.names import stage_settings
from espnet_recursive.recipe.driver.option import UsageError
from espnet_recursive.recipe.driver.option_table import OPTIONS
from espnet_recursive.recipe.driver.parse import parse

NEEDED = ["--train_set", "train", "--valid_set", "dev", "--test_sets", "test exam"]
#: As in the recipe mini_an4.
CONFIGS = [
    *("--lang", "en", "--lm_config", "conf/train_lm.yaml", "--asr_config", "conf/train_asr.yaml"),
    *("--inference_config", "conf/decode_asr.yaml"),
]
PUBLISHED = {
    "inference_asr_model": "valid.acc.ave_10best.pth",
    "inference_lm": "",
    "token_type": "bpe",
    "bpemodel": "exp/published_m/bpe.model",
}


def settings(*words):
    return stage_settings(parse([*NEEDED, *words]))


def stages(*words):
    return " ".join(settings(*words)["to_do"])


def test_every_option_is_a_variable():
    assert OPTIONS.keys() <= settings().keys()


def test_names_of_a_recipe():
    found = settings(*CONFIGS)
    exp = "exp/asr_train_asr_raw_en_bpe30"
    decoding = "decode_asr_lm_lm_train_lm_en_bpe30_valid.loss.ave_asr_model_valid.acc.ave"
    assert found == found | {
        "data_feats": "dump/raw",
        "data_dir": "data",
        "train_set": "train",
        "original_set": "train",
        "sp": "",
        "token_listdir": "data/en_token_list",
        "bpedir": "data/en_token_list/bpe_unigram30",
        "token_list": "data/en_token_list/bpe_unigram30/tokens.txt",
        "bpemodel": "data/en_token_list/bpe_unigram30/bpe.model",
        "lm_exp": "exp/lm_train_lm_en_bpe30",
        "lm_stats_dir": "exp/lm_stats_en_bpe30",
        "asr_tag": "train_asr_raw_en_bpe30",
        "asr_exp": exp,
        "asr_stats_dir": "exp/asr_stats_raw_en_bpe30",
        "train_config": f"{exp}/train_config.yaml",
        "inference_tag": decoding,
        "packed_model": f"{exp}/asr_train_asr_raw_en_bpe30_valid.acc.ave.zip",
        "test_sets": ["test", "exam"],
        "bpe_train_text": ["dump/raw/train/text"],
        "lm_train_text": ["dump/raw/train/text"],
        "lm_dev_text": "dump/raw/dev/text",
        "lm_test_text": "dump/raw/test/text",
    }


def test_names_without_configurations():
    found = settings()
    assert found["asr_exp"] == "exp/asr_train_raw_bpe30" and found["train_config"] == ""
    assert found["lm_exp"] == "exp/lm_train_bpe30"
    assert found["token_listdir"] == "data/token_list"
    assert found["inference_tag"] == (
        "inference_lm_lm_train_bpe30_valid.loss.ave_asr_model_valid.acc.ave"
    )


def test_arguments_are_part_of_names():
    found = settings(
        *CONFIGS,
        *("--asr_args", "--max_epoch 3 --optim_conf lr=0.1", "--lm_args", "--lm_conf unit=32"),
        *("--inference_args", "--beam_size 3", "--num_loops", "2", "--use_lm", "false"),
        *("--encoder_config", "conf/encoder/L1.yaml"),
    )
    assert found["asr_tag"] == "train_asr_L1_raw_en_bpe30_max_epoch3_optim_conflr0.1"
    assert found["lm_tag"] == "train_lm_lm_confunit32"
    assert found["inference_tag"] == ("decode_asr_num_loops2_beam_size3_asr_model_valid.acc.ave")
    assert found["depth_options"] == ["--num_loops", "2"]
    # Statistics are those of all rows.
    assert found["asr_stats_dir"] == settings(*CONFIGS)["asr_stats_dir"]


def test_names_have_no_characters_that_paths_or_shells_read_otherwise():
    found = settings("--asr_args", "--a '$(b) c' --d \"e/f;g\"")
    assert found["asr_tag"] == "train_raw_bpe30_abc_defg"
    assert found["asr_args"] == ["--a", "$(b) c", "--d", "e/f;g"]
    assert found["quoted_asr_args"] == shlex.join(found["asr_args"])


def test_given_names_hold():
    found = settings("--asr_tag", "x", "--asr_exp", "e/y", "--lm_exp", "l", "--inference_tag", "i")
    assert (found["asr_exp"], found["lm_exp"], found["inference_tag"]) == ("e/y", "l", "i")
    assert settings("--asr_tag", "x")["asr_exp"] == "exp/asr_x"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), ("data/token_list/bpe_unigram30/tokens.txt", "bpe30")),
        (("--nbpe", "80", "--bpemode", "bpe"), ("data/token_list/bpe_bpe80/tokens.txt", "bpe80")),
        (("--token_type", "char"), ("data/token_list/char/tokens.txt", "char")),
        (
            ("--token_type", "word", "--lang", "de"),
            ("data/de_token_list/word/tokens.txt", "de_word"),
        ),
        (("--token_listdir", "t"), ("t/bpe_unigram30/tokens.txt", "bpe30")),
    ],
)
def test_tokens(words, expected):
    found = settings(*words)
    assert (found["token_list"], found["names"]) == expected
    assert (found["bpemodel"] == "none") == ("bpe" not in expected[1])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "1 3 4 5 6 7 8 10 11 12 13"),
        (("--speed_perturb_factors", "0.9"), "1 2 3 4 5 6 7 8 10 11 12 13"),
        (("--use_lm", "false"), "1 3 4 5 10 11 12 13"),
        (("--skip_train", "true"), "1 3 12 13"),
        (("--skip_data_prep", "true", "--skip_eval", "true"), "6 7 8 10 11"),
        (("--data_dir", "data"), "3 4 5 6 7 8 10 11 12 13"),
        (("--skip_packing", "false", "--stage", "12"), "12 13 14"),
        (("--skip_upload_hf", "false", "--stage", "13"), "13 15"),
        (("--skip_stages", "1 12", "--stop_stage", "12"), "3 4 5 6 7 8 10 11"),
        (("--download_model", "user/name"), "1 3 12 13"),
    ],
)
def test_stages(words, expected):
    assert stages(*words) == expected


def test_no_stage_is_left():
    with pytest.raises(UsageError) as error:
        stages("--stage", "15")
    assert "nothing to do in stages 15 to 10000. Left out are 2 9 14 15. (2 needs" in str(
        error.value
    )


def test_speeds():
    found = settings("--speed_perturb_factors", "0.9 1.0 1.1", *CONFIGS)
    assert found["speed_perturb_factors"] == ["0.9", "1.0", "1.1"]
    assert (found["train_set"], found["original_set"]) == ("train_sp", "train")
    assert found["asr_exp"].endswith("_bpe30_sp") and found["asr_stats_dir"].endswith("_bpe30_sp")
    assert found["lm_train_text"] == ["dump/raw/train_sp/text"]


def test_speeds_are_not_changed_twice(tmp_path):
    config = tmp_path / "train.yaml"
    config.write_text("preprocessor_conf:\n    data_aug_effects: [[1.0, speed_perturb, {}]]\n")
    words = ("--asr_config", str(config), "--asr_args", "--max_epoch 3")
    assert settings(*words)["asr_args"] == ["--max_epoch", "3"]
    found = settings(*words, "--speed_perturb_factors", "0.9")
    assert found["asr_args"] == ["--max_epoch", "3", "--preprocessor_conf", "data_aug_prob=0"]
    assert "data_aug_prob" not in found["asr_tag"]


def test_a_frontend_has_statistics_and_experiments_of_its_own():
    found = settings(*CONFIGS, "--feats_frontend", "kaldi_fbank", "--encoder_config", "L1.yaml")
    assert found["asr_exp"] == "exp/asr_train_asr_L1_raw_kaldi_fbank_en_bpe30"
    assert found["asr_stats_dir"] == "exp/asr_stats_raw_kaldi_fbank_en_bpe30"
    assert found["stats_config"] == "exp/asr_stats_raw_kaldi_fbank_en_bpe30/train_config.yaml"
    assert found["data_feats"] == "dump/raw"
    assert settings(*CONFIGS)["stats_config"] == "conf/train_asr.yaml"


def test_features_instead_of_waveforms():
    raw, extracted = settings(), settings("--feats_type", "extracted")
    keys = ("scp", "scp_type", "rate", "data_feats")
    assert [raw[key] for key in keys] == ["wav.scp", "sound", "16k", "dump/raw"]
    assert [extracted[key] for key in keys] == ["feats.scp", "kaldi_ark", "100", "dump/extracted"]


def test_fold_lengths_of_waveforms_are_samples():
    """ESPnet's asr.sh: 100 samples for each of --asr_speech_fold_length; features are frames."""
    assert settings()["speech_fold_length"] == "80000"
    assert settings("--asr_speech_fold_length", "512")["speech_fold_length"] == "51200"
    assert settings("--feats_type", "extracted")["speech_fold_length"] == "800"


def test_texts_in_data_are_where_the_data_directories_are():
    found = settings(
        *("--data_dir", "/corpora/a b", "--lm_train_text", "data/train/text 'other/a b' data_x"),
        *("--lm_dev_text", "data/d", "--bpe_train_text", "data/train/text"),
    )
    assert found["lm_train_text"] == ["/corpora/a b/train/text", "other/a b", "data_x"]
    assert found["lm_dev_text"] == "/corpora/a b/d"
    assert found["bpe_train_text"] == ["/corpora/a b/train/text"]


def test_a_published_model_takes_the_place_of_training():
    values = parse([*NEEDED, "--download_model", "user/my model.zip"])
    before = stage_settings(values)
    assert before["asr_exp"] == "exp/published_my_model"
    found = stage_settings(values, PUBLISHED)
    assert found["inference_asr_model"] == "valid.acc.ave_10best.pth"
    assert found["bpemodel"] == "exp/published_m/bpe.model"
    assert found["use_lm"] == "false" and "_lm_" not in found["inference_tag"]
    with_lm = stage_settings(values, PUBLISHED | {"inference_lm": "lm.pth"})
    assert with_lm["use_lm"] == "true" and with_lm["lm_exp"] == "exp/published_my_model/lm"


def test_statistics_whose_path_espnet_would_read_as_yaml_otherwise():
    assert settings("--expdir", "/a b/exp")["asr_stats_dir"].startswith("/a b/exp/")
    for expdir in ("a: b", "{a", "a #b"):
        with pytest.raises(UsageError, match="ESPnet reads .* as YAML"):
            settings("--expdir", expdir)
