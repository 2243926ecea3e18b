"""Training YAMLs: what is laid over them, and what ESPnet would refuse."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from espnet_recursive.errors import UserError
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.recipe.train_config import (
    check_asr_config,
    check_gpus,
    check_inference_config,
    check_lm_config,
    merge_train_config,
    read_encoder_config,
)

REPO = Path(__file__).resolve().parents[2]
MINI_CONF = REPO / "egs2" / "mini_an4" / "asr1" / "conf"
TRAIN, BASELINE = MINI_CONF / "train_asr.yaml", MINI_CONF / "encoder" / "baseline.yaml"
LM = MINI_CONF / "train_lm.yaml"
DECODE = MINI_CONF / "decode_asr.yaml"
ROWS = sorted((REPO / "conf" / "encoder").glob("*.yaml"))


def load(path):
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


@pytest.fixture
def changed(tmp_path):
    """Return a function that writes train_asr.yaml with some keys changed."""

    def write(source=TRAIN, **changes):
        path = tmp_path / "changed.yaml"
        path.write_text(yaml.safe_dump(load(source) | changes))
        return path

    return write


def refuses(check, path, match, *arguments):
    with pytest.raises(UserError, match=match) as raised:
        check(path, *arguments)
    assert str(path) in str(raised.value)


def test_merge_without_an_encoder_keeps_everything(tmp_path):
    merge_train_config(TRAIN, None, tmp_path / "out.yaml")
    assert load(tmp_path / "out.yaml") == load(TRAIN)


def test_merge_replaces_the_encoder_as_a_whole(tmp_path):
    merge_train_config(TRAIN, BASELINE, tmp_path / "out.yaml")
    merged, train, baseline = (load(path) for path in (tmp_path / "out.yaml", TRAIN, BASELINE))
    assert merged.pop("encoder") == baseline["encoder"] == "transformer"
    # Nothing of the recursion is left in it, though train_asr.yaml has prelude_blocks and others.
    assert merged.pop("encoder_conf") == baseline["encoder_conf"]
    assert merged == {k: v for k, v in train.items() if k not in ("encoder", "encoder_conf")}


@pytest.mark.parametrize(
    "given",
    [
        {"prelude_blocks": 0, "recurrent_blocks": 3, "coda_blocks": 0, "num_loops": 2},
        {"num_loops": 2},
        {"dropout_rate": 0.2},
    ],
)
def test_merge_lays_options_of_the_same_encoder_over(tmp_path, given):
    """The width, dropout and all that the encoder file does not name stay."""
    encoder = tmp_path / "encoder.yaml"
    train = load(TRAIN)
    encoder.write_text(yaml.safe_dump({"encoder": train["encoder"], "encoder_conf": given}))
    merge_train_config(TRAIN, encoder, tmp_path / "out.yaml")
    merged = load(tmp_path / "out.yaml")
    assert merged.pop("encoder_conf") == train.pop("encoder_conf") | given
    assert merged == train


def test_another_frontend_takes_the_place_of_all_options(tmp_path):
    train = load(TRAIN)
    assert train["frontend_conf"]["n_fft"] == 512 and "frontend" not in train
    merge_train_config(TRAIN, BASELINE, tmp_path / "out.yaml", "kaldi_fbank")
    merged = load(tmp_path / "out.yaml")
    assert merged["frontend"] == "kaldi_fbank" and "frontend_conf" not in merged
    assert merged["encoder"] == "transformer" and merged["model_conf"] == train["model_conf"]
    for own, name in ((TRAIN, "default"), (tmp_path / "out.yaml", "kaldi_fbank")):
        merge_train_config(own, None, tmp_path / "same.yaml", name)
        assert load(tmp_path / "same.yaml") == load(own)


@pytest.mark.parametrize(
    ("own", "given", "merged"),
    [
        # A policy has options of its own, and a number of loops is another one.
        (
            {"loop_policy": "schedule", "loop_policy_conf": {"start": 1, "end": 5}, "num_loops": 5},
            {"num_loops": 2},
            {"num_loops": 2},
        ),
        (
            {"num_loops": 2},
            {"loop_policy": "length"},
            {"loop_policy": "length"},
        ),
        ({"recurrent_blocks": 4}, {"num_blocks": 12}, {"num_blocks": 12}),
        ({"num_blocks": 12}, {"recurrent_blocks": 4}, {"recurrent_blocks": 4}),
    ],
)
def test_options_that_say_one_thing_are_replaced_together(tmp_path, own, given, merged):
    for name, conf in (("train", own), ("encoder", given)):
        values = {"encoder": "latent_recursive_transformer", "encoder_conf": conf | {"x": name}}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(values))
    paths = (tmp_path / f"{name}.yaml" for name in ("train", "encoder", "out"))
    merge_train_config(*paths)
    assert load(tmp_path / "out.yaml")["encoder_conf"] == merged | {"x": "encoder"}


@pytest.mark.parametrize(
    "train",
    sorted((REPO / "egs2").glob("*/asr1/conf/train_asr*.yaml")),
    ids=lambda path: f"{path.parts[-4]}-{path.stem}",
)
def test_rows_of_the_paper_are_what_their_files_say_over_any_recipe(tmp_path, train):
    """They name all that the encoder of a recipe names, so that nothing of it is left."""
    of_paper = train.parts[-4] in ("librispeech", "aishell")
    for row in ROWS if of_paper else []:
        merge_train_config(train, row, tmp_path / "out.yaml")
        assert load(tmp_path / "out.yaml")["encoder_conf"] == load(row)["encoder_conf"]


def test_merge_keeps_types_and_order(tmp_path):
    text = "a: 1e-3\nb: 1.0e-3\nc: 'no'\nd: no\nz: null\ne: [1, '1']\nf: ä\nk: {y: 1, b: 2}\n"
    (tmp_path / "in.yaml").write_text(text, encoding="utf-8")
    merge_train_config(tmp_path / "in.yaml", None, tmp_path / "out.yaml")
    assert load(tmp_path / "out.yaml") == load(tmp_path / "in.yaml")
    assert list(load(tmp_path / "out.yaml")) == list(load(tmp_path / "in.yaml"))


def test_merge_names_its_sources(tmp_path):
    merge_train_config(TRAIN, BASELINE, tmp_path / "exp" / "out.yaml")
    first = (tmp_path / "exp" / "out.yaml").read_text().splitlines()[0]
    assert first == f"# Written from {TRAIN} with the encoder of {BASELINE}"


def test_merge_touches_the_file_only_where_it_changes(tmp_path):
    path = tmp_path / "out.yaml"
    merge_train_config(TRAIN, BASELINE, path)
    os.utime(path, (1, 1))
    merge_train_config(TRAIN, BASELINE, path)
    assert path.stat().st_mtime == 1
    merge_train_config(TRAIN, ROWS[0], path)
    assert path.stat().st_mtime > 1


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("encoder: transformer\n", "has encoder$"),
        ("encoder: transformer\nencoder_conf: {}\noptim: adam\n", "encoder, encoder_conf, optim"),
        ("encoder: transformer\nencoder_conf: 12\n", "encoder_conf"),
        ("{}\n", "has none"),
    ],
)
def test_encoder_file_with_other_keys(tmp_path, content, found):
    path = tmp_path / "encoder.yaml"
    path.write_text(content)
    refuses(read_encoder_config, path, found)
    with pytest.raises(UserError):
        merge_train_config(TRAIN, path, tmp_path / "out.yaml")
    assert not (tmp_path / "out.yaml").exists()


def test_bad_yaml_names_the_line(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("optim: adam\nencoder_conf:\n  a: 1\n b: [2\n")
    refuses(read_yaml, path, "line 4")
    refuses(check_asr_config, path, "line 4")


def test_missing_yaml(tmp_path):
    refuses(read_yaml, tmp_path / "no.yaml", "cannot be read: No such file")
    refuses(check_lm_config, tmp_path / "no.yaml", "cannot be read")
    refuses(read_yaml, tmp_path, "cannot be read")


def test_configurations_of_mini_an4_are_accepted(tmp_path):
    check_asr_config(TRAIN)
    check_lm_config(LM)
    merge_train_config(TRAIN, BASELINE, tmp_path / "baseline.yaml")
    check_asr_config(tmp_path / "baseline.yaml")


@pytest.mark.parametrize("row", ROWS, ids=lambda path: path.stem)
def test_rows_of_the_paper_are_accepted(tmp_path, row):
    merge_train_config(TRAIN, row, tmp_path / "out.yaml")
    check_asr_config(tmp_path / "out.yaml")


def test_arguments_lie_over_the_file(changed):
    check_asr_config(TRAIN, ["--max_epoch", "3", "--encoder_conf", "num_loops=2"])
    refuses(
        check_asr_config, TRAIN, "num_loops must be 1 or more", ["--encoder_conf", "num_loops=0"]
    )
    refuses(check_asr_config, TRAIN, "with --max_epochs 3: .*--max_epochs", ["--max_epochs", "3"])
    refuses(check_lm_config, LM, "with --lm_confs a=1: .*--lm_confs", ["--lm_confs", "a=1"])
    check_asr_config(changed(encoder_conf={}), ["--encoder", "transformer"])


def test_unknown_key(changed):
    refuses(check_asr_config, changed(max_epochs=3), "unrecognized arguments: max_epochs")
    refuses(check_lm_config, changed(LM, max_epochs=3), "unrecognized arguments: max_epochs")
    # The keys of one task are not those of another.
    refuses(check_lm_config, TRAIN, "unrecognized arguments: encoder")


@pytest.mark.parametrize(
    ("conf", "fs", "said"),
    [
        ({"frontend_conf": {"n_fft": 512}}, "8k", "frontend_conf names no fs, which is 16000"),
        ({"frontend_conf": {"fs": "16k"}}, "8000", "frontend_conf says fs: 16000"),
        ({"frontend_conf": {"fs": 8000}}, "16k", "frontend_conf says fs: 8000"),
        (
            {"frontend_conf": {"fs": "8k"}, "preprocessor_conf": {"fs": 16000}},
            "8k",
            "preprocessor_conf says fs: 16000",
        ),
    ],
)
def test_windows_for_another_sampling_rate(changed, conf, fs, said):
    with pytest.raises(UserError) as error:
        check_asr_config(changed(**conf), (), fs)
    assert said in str(error.value) and "n_fft, win_length and hop_length" in str(error.value)


def test_windows_for_this_sampling_rate(changed):
    check_asr_config(TRAIN, (), "16k")
    check_asr_config(TRAIN, (), "16000")
    check_asr_config(changed(frontend_conf={"fs": "8k", "n_fft": 256}), (), "8k")
    check_asr_config(TRAIN, ["--frontend_conf", "fs=8000"], "8k")
    check_asr_config(changed(input_size=13), (), "8k")  # features have windows no more


def test_wrong_type(changed):
    refuses(check_asr_config, changed(max_epoch="many"), "--max_epoch: invalid int value: 'many'")
    refuses(check_lm_config, changed(LM, grad_clip="often"), "--grad_clip")
    refuses(check_asr_config, TRAIN, "--seed", ["--seed", "x"])


def test_decodings(changed):
    """The depth of the encoder is among their options."""
    check_inference_config(DECODE)
    check_inference_config(None)
    check_inference_config(DECODE, ["--beam_size", "3", "--num_loops", "2"])
    check_inference_config(changed(DECODE, loop_exit="kl", loop_exit_threshold=0.1))


@pytest.mark.parametrize(
    ("changes", "arguments", "match"),
    [
        ({"bem_size": 3}, [], "ESPnet refuses .*changed.yaml: .*unrecognized arguments: bem_size"),
        ({"beam_size": "wide"}, [], "changed.yaml: .*beam_size: invalid int value: 'wide'"),
        ({}, ["--bem_size", "3"], "changed.yaml with --bem_size 3: .*--bem_size"),
        ({"loop_exit": "kl"}, [], "changed.yaml: loop_exit=kl needs loop_exit_threshold"),
        ({}, ["--num_loops", "0"], "with --num_loops 0: num_loops must be an integer of 1 or more"),
    ],
)
def test_wrong_decodings(changed, changes, arguments, match):
    refuses(check_inference_config, changed(DECODE, **changes), match, arguments)


def test_a_wrong_argument_without_a_yaml():
    with pytest.raises(UserError, match="^ESPnet refuses --bem_size 3: "):
        check_inference_config(None, ["--bem_size", "3"])


def test_unknown_encoder(changed):
    path = changed(encoder="latent_recursive_transfomer")
    refuses(check_asr_config, path, r"Did you mean latent_recursive_transformer\?")
    path = changed(encoder="zzz")
    refuses(check_asr_config, path, r"no encoder 'zzz'\. Encoders: .*conformer.*whisper")


@pytest.mark.parametrize(
    ("encoder", "conf", "reason"),
    [
        ("latent_recursive_transformer", {"num_loop": 5}, "num_loop"),
        ("latent_recursive_transformer", {"num_loops": 0}, "num_loops must be 1 or more, not 0"),
        ("latent_recursive_branchformer", {"coda_blocks": "two"}, "coda_blocks must be an integer"),
        ("transformer", {"prelude_blocks": 1}, "prelude_blocks"),
        ("conformer", {"output_size": 62}, "ESPnet needs: n_feat % n_head == 0"),
    ],
)
def test_encoder_that_cannot_be_built(changed, encoder, conf, reason):
    refuses(check_asr_config, changed(encoder=encoder, encoder_conf=conf), reason)


def test_gpus():
    check_gpus(0)
    with pytest.raises(UserError, match=r"--ngpu 1000000: this machine has \d+ GPUs"):
        check_gpus(1_000_000)


def test_espnet_takes_the_file_as_a_clone_would_give_it(tmp_path):
    """An ESPnet clone's asr.sh runs ${python} -m espnet2.bin.asr_train --config <file>."""
    merge_train_config(TRAIN, ROWS[0], tmp_path / "out.yaml")
    command = [sys.executable, "-m", "espnet_recursive.run", "-m", "espnet2.bin.asr_train"]
    result = subprocess.run(
        [*command, "--config", tmp_path / "out.yaml", "--print_config"],
        capture_output=True,
        text=True,
        cwd=REPO,
    )
    assert result.returncode == 0, result.stderr
    printed = yaml.safe_load(result.stdout)
    given = load(tmp_path / "out.yaml") | {"patience": None}  # written "none"
    for key, value in given.items():
        if key not in ("encoder_conf", "decoder_conf", "model_conf", "frontend_conf", "optim_conf",
                       "scheduler_conf"):  # fmt: skip
            assert printed[key] == value, key
    # Printed with the defaults of the class laid under what the file says.
    assert load(ROWS[0])["encoder_conf"].items() <= printed["encoder_conf"].items()
