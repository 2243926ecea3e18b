"""Values that a shell would take for code: those of options, and fields of data directories."""

import shlex
import stat

import numpy as np
import pytest
import soundfile

from espnet_recursive.recipe.data_dir import read_table, write_table
from espnet_recursive.recipe.driver.checks import check
from espnet_recursive.recipe.driver.names import stage_settings
from espnet_recursive.recipe.driver.option import UsageError
from espnet_recursive.recipe.driver.option_table import OPTIONS
from espnet_recursive.recipe.driver.parse import parse

#: Whatever of this was run would leave a file of this name.
MARK = "was_run"
#: Options whose hostile value is refused: numbers, choices, true or false.
REFUSED = {name for name, option in OPTIONS.items() if option.kind.pattern} | {
    *(name for name, option in OPTIONS.items() if option.default in ("true", "false")),
    *("asr_task", "feats_type", "token_type", "loop_exit"),
}
#: Options that no command gets.
UNUSED = {"ngram_num", "score_opts"}
#: Options of one run, and those that count in their place in another one.
ALTERNATIVES = ({"lm_exp", "asr_exp", "data_dir"}, {"lm_tag", "asr_tag"})
#: Options with runs of their own.
ALONE = {"python", "download_model"}
#: Options that name a file that must be there.
FILES = ("asr_config", "encoder_config", "lm_config", "inference_config", "cluster_conf")
#: So that all stages run.
ALL_STAGES = [
    *("--skip_packing", "false", "--skip_upload_hf", "false", "--nj", "1", "--inference_nj", "1"),
    *("--ngpu", "0"),
]
#: Stands in for Python: writes what it was given, one JSON list a line, and says what is asked for.
RECORDER = """#!/usr/bin/env bash
case "$*" in
    -c*) exit 0 ;;
    *espnet_recursive.bin.asr_options*) exec "{python}" "$@" ;;
esac
printf '%s\\0' "$@" $'\\n' >> "{record}"
case "$2" in
    *.split_scp) echo 1 ;;
    *.settings_of) echo '{{}}' ;;
    *.download_model)
        printf '%s\\n' inference_asr_model=m.pth inference_lm= token_type=bpe bpemodel=b ;;
esac
"""


def hostile(number):
    """A value of its own for each option, with a space, quotes and commands to run."""
    return f"v{number} '\"$(touch {MARK})`touch {MARK}`;touch {MARK}&"


def value_of(name):
    """The hostile value of an option, as one word where the option takes words."""
    value = hostile(list(OPTIONS).index(name))
    return shlex.quote(value) if OPTIONS[name].kind.words else value


def given(names):
    return [word for name in names for word in (f"--{name}", value_of(name))]


def test_what_is_refused():
    """Each other option takes its hostile value, and none a line's end within it."""
    needed = ["--train_set", "a", "--valid_set", "b", "--test_sets", "c"]
    refused = set()
    for name in OPTIONS:
        try:
            OPTIONS[name].check(value_of(name))
            check(parse([*needed, f"--{name}", value_of(name)]), {})
        except UsageError as error:
            if "does not exist" not in str(error):
                refused.add(name)
        with pytest.raises(UsageError):
            OPTIONS[name].check(f"'{hostile(0).replace(chr(39), '')}\n'")
    assert refused == REFUSED


class Recorded:
    """A recipe whose commands are written down, and not run."""

    def __init__(self, recipe):
        self.recipe, self.dir, self.record = recipe, recipe.dir, recipe.dir / "record"
        self.python = recipe.dir / "recorder"
        for path, text in (
            (self.python, RECORDER.format(python="python3", record=self.record)),
            (recipe.dir / "local/data.sh", f'#!/bin/sh\nexec {self.python} -m data "$@"\n'),
        ):
            path.unlink(missing_ok=True)
            path.write_text(text)
            path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def run(self, *options):
        """Run all stages.

        Returns:
            The words of each command.
        """
        options = ["--python", str(self.python), *ALL_STAGES, *options]
        self.add_files(stage_settings(parse([*self.of_recipe(), *options])))
        status, output = self.recipe.run(*options)
        assert status == 0, output
        assert not list(self.dir.parents[2].rglob(MARK)), output
        commands = self.record.read_text().split("\0\n\0")
        self.record.unlink()
        return [command.split("\0") for command in commands if command]

    def of_recipe(self):
        """The options that run.sh gives."""
        text = (self.dir / "run.sh").read_text().partition("exec ./asr.sh")[2]
        return shlex.split(text.replace("\\\n", " ").replace('"$@"', ""))

    def add_files(self, settings):
        """What the commands would write, which later stages look for."""
        s = settings
        for dset in (s["train_set"], s["original_set"], s["valid_set"], *s["test_sets"]):
            for folder in ("data", s["data_dir"], s["data_feats"], f"{s['data_feats']}/org"):
                self.write(*(f"{folder}/{dset}/{name}" for name in ("wav.scp", "text", "utt2spk")))
                (self.dir / folder / dset / "text").write_text(f"{dset} x\n")
        self.write(*(s[name] for name in FILES if s[name]), s["token_list"], s["bpemodel"])
        self.write(*s["bpe_train_text"], *s["lm_train_text"], s["lm_dev_text"], s["lm_test_text"])
        self.write(*(f"{s['data_feats']}/lm_{part}.txt" for part in ("train", "dev", "test")))
        for folder in (s["lm_stats_dir"], s["asr_stats_dir"]):
            names = ("text_shape", "text_shape.bpe", "speech_shape", "feats_stats.npz")
            self.write(*(f"{folder}/{part}/{n}" for part in ("train", "valid") for n in names))
        for exp, model in (
            (s["lm_exp"], s["inference_lm"]),
            (s["asr_exp"], s["inference_asr_model"]),
        ):
            self.write(*(f"{exp}/{name}" for name in (model, "config.yaml", "train_config.yaml")))
        self.write(f"{s['asr_exp']}/RESULTS.md", f"{s['asr_exp']}/.done.audio", s["packed_model"])
        self.write(f"{s['lm_exp']}/perplexity_test/ppl")
        for dset in s["test_sets"]:
            folder = f"{s['asr_exp']}/{s['inference_tag']}/{dset}"
            self.write(f"{folder}/text", f"{folder}/rtf.txt")

    def write(self, *paths):
        for path in paths:
            (self.dir / path).parent.mkdir(parents=True, exist_ok=True)
            (self.dir / path).touch()


@pytest.fixture
def recorded(recipe):
    return Recorded(recipe)


def reached(commands, name):
    """Whether a command got the value of this option, as it is, in one word."""
    value = hostile(list(OPTIONS).index(name))
    return any(value in word for command in commands for word in command)


@pytest.mark.parametrize("left_out", ALTERNATIVES)
def test_options_reach_their_commands_and_no_shell(recorded, left_out):
    """Each as it is, in one word."""
    names = OPTIONS.keys() - REFUSED - ALONE - left_out
    commands = recorded.run(*given(names))
    unseen = set(UNUSED)
    if "data_dir" in names:  # then stage 1, which has these, is left out
        unseen |= {"local_data_opts", "recipe_data_opts"}
        unseen |= {"expdir"}  # all that lies in it has another place
    assert {name for name in names if not reached(commands, name)} == unseen


def test_a_published_model_of_any_name(recorded):
    decoded = "exp/published/decode_asr_asr_model_m"
    for dset in ("train", "test"):
        recorded.write(f"{decoded}/{dset}/rtf.txt", f"{decoded}/{dset}/text")
    # b is the tokenizer that the recorder names in place of download_model.
    recorded.write("b", "exp/published/m.pth", "exp/published/RESULTS.md")
    stages = ("--stage", "12", "--stop_stage", "13", "--skip_upload_hf", "true")
    stages += ("--asr_exp", "exp/published")
    commands = recorded.run(*given(["download_model"]), *stages)
    assert reached(commands, "download_model")


def test_how_to_start_python_is_words_and_no_code(recipe):
    status, output = recipe.run("--python", f"python3 $(touch {MARK});touch {MARK}")
    assert status == 1 and "has no ESPnet" in output
    assert not list(recipe.dir.rglob(MARK))


#: What may stand in the fields of data directories, which spaces separate.
ID = f"s$(touch${{IFS}}{MARK})`touch${{IFS}}{MARK}`;touch${{IFS}}{MARK};'\"&|<x>*?[a]-%d"
WORDS = [
    f"$(touch {MARK})",
    f"`touch {MARK}`",
    f"; touch {MARK} ;",
    "'",
    '"',
    "\\",
    "&& | > x",
    "*",
]
#: Stages that read data: all but trainings, whose programs get the same options as statistics.
OF_DATA = ["--token_type", "char", "--use_lm", "false", "--stop_stage", "10"]


@pytest.fixture
def hostile_data(recipe):
    """Data directories in a folder with such a name, all fields of which are hostile."""
    data_dir = recipe.dir / f"d '$(touch {MARK})`touch {MARK}`;touch {MARK}"
    rng = np.random.default_rng(0)
    for number, dset in enumerate(("train", "dev", "test")):
        folder = data_dir / dset
        folder.mkdir(parents=True)
        ids = [ID % n for n in range(number * 10, number * 10 + 2)]
        tables = {"wav.scp": {}, "text": {}, "utt2spk": {}}
        for name in ids:
            audio = folder / f"$(touch {MARK});touch {MARK} '{name[-3:]}.wav"
            soundfile.write(audio, 0.1 * rng.standard_normal(8000).astype(np.float32), 16000)
            tables["wav.scp"][name] = str(audio)
            tables["text"][name] = " ".join([*WORDS, name[-2:]])
            tables["utt2spk"][name] = ID % 7
        for table, rows in tables.items():
            write_table(folder / table, rows)
    return data_dir


def test_fields_of_data_directories_reach_no_shell(recipe, hostile_data):
    """Ids, paths, texts and speakers, through data, tokens and statistics."""
    options = [*OF_DATA, "--data_dir", str(hostile_data), "--test_sets", "test"]
    status, output = recipe.run(*options)
    assert status == 0, output
    assert not list(recipe.dir.parents[2].rglob(MARK))
    for dset in ("train", "dev", "test"):
        source, made = hostile_data / dset, recipe.dir / "dump/raw" / dset
        for table in ("text", "utt2spk"):
            assert read_table(made / table) == read_table(source / table)
        assert read_table(made / "wav.scp").keys() == read_table(source / "wav.scp").keys()
    shapes = read_table(recipe.dir / "exp/asr_stats_raw_en_char/train/speech_shape")
    assert shapes == {ID % n: "8000" for n in (0, 1)}
