"""The LibriSpeech recipe on archives of its layout: from download to a published model."""

import json
import zipfile

import pytest
import yaml

from espnet_recursive.recipe.data_dir import read_table
from tests.corpora.archive_server import ArchiveServer
from tests.corpora.miniature import build_librispeech
from tests.egs2.conftest import TINY, Recipe, pack_of, transcribe

TEST_SETS = ("test_clean", "test_other", "dev_clean", "dev_other")


@pytest.fixture(scope="module")
def librispeech(tmp_path_factory):
    """The recipe after all its stages, copies at other speeds and a dry run of uploading too."""
    root = tmp_path_factory.mktemp("librispeech")
    recipe = Recipe(root, "librispeech")
    with ArchiveServer(build_librispeech(root / "mirror")) as server:
        status, recipe.output = recipe.run(
            *TINY,
            *(
                "--local_data_opts",
                f"--base_url {server.url} --incomplete true --checksums false",
            ),
            *("--speed_perturb_factors", "0.9 1.0 1.1"),
            *("--skip_upload_hf", "false", "--hf_repo", "someone/tiny"),
        )
    assert status == 0, recipe.output
    recipe.exp = recipe.dir / "exp" / "asr_tiny"
    return recipe


def test_data_are_those_of_the_archives(librispeech):
    parts = ["train_clean_100", "train_clean_360", "train_other_500"]
    utterances = [read_table(librispeech.dir / "data" / part / "text") for part in parts]
    whole = read_table(librispeech.dir / "data" / "train_960" / "text")
    assert sum(map(len, utterances)) == len(whole) > 0
    assert whole == {key: value for table in utterances for key, value in table.items()}
    dev = read_table(librispeech.dir / "data" / "dev" / "text")
    halves = [read_table(librispeech.dir / "data" / name / "text") for name in TEST_SETS[2:]]
    assert dev == halves[0] | halves[1]


def test_copies_at_other_speeds_are_trained_on(librispeech):
    original = read_table(librispeech.dir / "data/train_960/utt2num_samples")
    copies = read_table(librispeech.dir / "dump/raw/train_960_sp/utt2num_samples")
    assert len(copies) == 3 * len(original)
    for utterance, samples in original.items():
        assert copies[utterance] == samples
        for factor in ("0.9", "1.1"):
            copy = int(copies[f"sp{factor}-{utterance}"])
            assert copy == pytest.approx(int(samples) / float(factor), abs=2)
    shapes = read_table(librispeech.dir / "exp/asr_stats_raw_en_bpe30_sp/train/speech_shape")
    assert set(shapes) == set(copies)


def test_language_model_learns_from_transcripts_and_books(librispeech):
    text = (librispeech.dir / "dump/raw/lm_train.txt").read_text().splitlines()
    books = [line for line in text if line.startswith("librispeech_lng_")]
    transcripts = read_table(librispeech.dir / "data/train_960/text")
    assert 0 < len(books) and len(books) + len(transcripts) == len(text)
    assert (librispeech.dir / "exp/lm_tiny_en_bpe30/perplexity_test/ppl").exists() or list(
        librispeech.dir.glob("exp/lm_tiny*/perplexity_test/ppl")
    )


@pytest.mark.parametrize("test_set", TEST_SETS)
def test_every_set_is_scored(librispeech, test_set):
    directory = librispeech.exp / "decode" / test_set
    words = sum(
        len(text.split())
        for text in read_table(librispeech.dir / "data" / test_set / "text").values()
    )
    result = json.loads((directory / "score_wer" / "result.json").read_text())
    assert result["units"] == words
    assert (directory / "score_ter" / "hyp.trn").exists()
    assert json.loads((directory / "rtf.json").read_text())["rtf"] > 0
    assert f"decode/{test_set}" in (librispeech.exp / "RESULTS.md").read_text()


def test_the_pack_says_what_it_needs(librispeech):
    with zipfile.ZipFile(pack_of(librispeech)) as pack:
        meta = yaml.safe_load(pack.read("meta.yaml"))
        names = pack.namelist()
    assert any(need.startswith("espnet_recursive>=") for need in meta["requires"])
    assert meta["recursion"]["num_loops"] > 1
    for name in ("RESULTS.md", "README.md", "bpe.model", "feats_stats.npz"):
        assert any(member.endswith(name) for member in names), name


def test_the_pack_transcribes_what_the_recipe_decoded(librispeech, tmp_path):
    """A model without the recipe recognises the very same words."""
    decoded = read_table(librispeech.exp / "decode/test_clean/text", empty_values=True)
    assert transcribe(librispeech, "test_clean", tmp_path) == decoded


def test_a_published_model_is_decoded_with(librispeech):
    status, output = librispeech.run(
        *TINY, "--download_model", str(pack_of(librispeech)), "--test_sets", "test_clean",
        "--stage", "12", "--stop_stage", "13",
    )  # fmt: skip
    assert status == 0, output
    texts = list(librispeech.dir.glob("exp/*/decode/test_clean/text"))
    assert len(texts) == 2 and texts[0].read_text() == texts[1].read_text()


def test_nothing_is_done_twice(librispeech):
    """The archives' server is gone: what is there is enough."""
    status, output = librispeech.run(
        *TINY,
        *("--speed_perturb_factors", "0.9 1.0 1.1", "--stop_stage", "11"),
        *("--skip_stages", "1"),
    )
    assert status == 0, output
    assert "failed" not in output
    assert not list(librispeech.dir.glob("**/*.part"))
    assert output.count("done before") > 10


def test_prepared_directories_are_used_as_they_are(librispeech, tmp_path):
    """People who have the corpus in ESPnet's data directories start at stage 3."""
    recipe = Recipe(tmp_path, "librispeech")
    data = librispeech.dir / "data"
    audio = read_table(data / "train_960" / "wav.scp")
    for name in ("train_clean_100", "dev", *TEST_SETS):
        (tmp_path / "prepared" / name).mkdir(parents=True)
        for table in ("text", "utt2spk"):
            (tmp_path / "prepared" / name / table).write_text((data / name / table).read_text())
        audio = read_table(data / name / "wav.scp")
        lines = [f"{utt} flac -c -d -s {path} |\n" for utt, path in audio.items()]
        (tmp_path / "prepared" / name / "wav.scp").write_text("".join(lines))
    status, output = recipe.run(
        *("--subset", "train_clean_100"), *TINY,
        *("--data_dir", str(tmp_path / "prepared"), "--stop_stage", "5"),
        *("--lm_train_text", "data/train_clean_100/text", "--nbpe", "20"),
    )  # fmt: skip
    assert status == 0, output
    assert "(stage 1)" not in output
    assert not (recipe.dir / "data" / "train_clean_100").exists()
    tokens = recipe.dir / "data/en_token_list_100/bpe_unigram20/tokens.txt"
    assert len(tokens.read_text().split()) == 20


def test_mini_librispeech_has_folders_of_its_own(tmp_path):
    """The subset may stand anywhere among the options."""
    recipe = Recipe(tmp_path, "librispeech")
    build_librispeech(tmp_path / "mirror")
    status, output = recipe.run(
        *("--local_data_opts", f"--base_url {tmp_path / 'mirror'} --incomplete true"),
        *("--stop_stage", "3", "--subset", "mini", "--skip_train", "true"),
    )
    assert status == 0, output
    assert read_table(recipe.dir / "dump_mini/raw/org/train_clean_5/text")
    assert read_table(recipe.dir / "dump_mini/raw/test/text")
    assert not (recipe.dir / "dump").exists()


def test_help_names_the_subsets(tmp_path):
    status, output = Recipe(tmp_path, "librispeech").run("--subset", "mini", "--help")
    assert status == 0
    assert output.startswith("Of this recipe: --subset train_960 (the default), train_clean_100 or")
    assert "data directory for training, required (train_clean_5)" in output


@pytest.mark.parametrize(
    "options, message",
    [
        (["--subset", "train_clean_1000"], "train_960, train_clean_100 or mini"),
        (["--subset", "mini", "--subset"], "--subset needs a value"),
        (["--local_data_opts", "--corpus_dir /nowhere"], "--corpus_dir /nowhere does not exist"),
        (["--local_data_opts", "--corpus_dri /nowhere"], "unrecognized arguments: --corpus_dri"),
        (["--data_dir", "/nowhere"], "--data_dir /nowhere does not exist"),
    ],
)
def test_mistakes_are_found_at_once(tmp_path, options, message):
    recipe = Recipe(tmp_path, "librispeech")
    status, output = recipe.run(*TINY, "--stop_stage", "1", "--skip_train", "true", *options)
    assert status != 0
    assert message in output
    assert not list(recipe.dir.glob("data/*/wav.scp"))
