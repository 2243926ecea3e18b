"""The command of stage 1."""

import argparse
import logging

import pytest

from espnet_recursive.bin.prepare_data import get_parser, main
from espnet_recursive.recipe.data_dir import read_table
from tests.corpora.archive_server import ArchiveServer
from tests.corpora.miniature import build_aishell, build_librispeech, build_speechocean762


def test_directories_are_written_and_named(recipe_dir, tmp_path, capsys):
    downloads = ["--download_dir", str(recipe_dir / "downloads")]
    main(["mini_an4", "--data_dir", str(tmp_path / "data"), *downloads])
    named = capsys.readouterr().out.splitlines()
    assert named == [str(tmp_path / "data" / name) for name in ("train", "dev", "test")]
    for name in ("train", "dev", "test"):
        for table in ("wav.scp", "text", "utt2spk", "spk2utt"):
            written = (tmp_path / "data" / name / table).read_text()
            assert written == (recipe_dir / "data" / name / table).read_text()


@pytest.mark.parametrize("build, corpus, names", [
    (build_librispeech, ["librispeech", "--subset", "mini", "--lm_text", "true",
                         "--incomplete", "true"],
     ["train_clean_5", "dev_clean_2", "dev", "test"]),
    (build_aishell, ["aishell"], ["train", "dev", "test"]),
    (build_speechocean762, ["speechocean762", "--incomplete", "true"],
     ["train_nodev", "dev", "test"]),
])  # fmt: skip
def test_corpora_of_a_mirror(build, corpus, names, tmp_path, capsys, caplog):
    data, downloads = tmp_path / "data", tmp_path / "downloads"
    folders = ["--data_dir", str(data), "--download_dir", str(downloads)]
    with ArchiveServer(build(tmp_path / "mirror")) as server:
        with caplog.at_level(logging.INFO):
            main([*corpus, *folders, "--base_url", server.url, "--checksums", "false"])
    assert capsys.readouterr().out.splitlines() == [str(data / name) for name in names]
    assert all(read_table(data / name / "text") for name in names)
    for name in names:
        tables = [read_table(data / name / table) for table in ("utt2spk", "spk2utt")]
        counts = "{} utterances, {} speakers".format(*map(len, tables))
        assert f"{data / name}: {counts}" in caplog.messages
    assert (data / "local" / "other_text" / "text").exists() == (corpus[0] == "librispeech")


def test_other_archives_of_a_mirror_are_refused(tmp_path):
    folders = ["--data_dir", str(tmp_path / "data"), "--download_dir", str(tmp_path / "downloads")]
    with ArchiveServer(build_aishell(tmp_path / "mirror")) as server:
        with pytest.raises(SystemExit, match="Error: .*was published with 15582913665.*--checksum"):
            main(["aishell", *folders, "--base_url", server.url])
    assert not (tmp_path / "downloads").exists() and not (tmp_path / "data").exists()


def test_errors_are_messages(tmp_path):
    with pytest.raises(SystemExit, match="Error: --corpus_dir .*nowhere does not exist"):
        main(["librispeech", "--subset", "mini", "--corpus_dir", str(tmp_path / "nowhere")])


@pytest.mark.parametrize("arguments, said", [
    ([], "corpus"),
    (["librispech"], "mini_an4"),
    (["mini_an4", "--subset", "mini"], "--subset"),
    (["aishell", "--lm_text", "true"], "--lm_text"),
    (["librispeech", "--subset", "train_100"], "train_clean_100"),
    (["librispeech", "--lm_text", "yes"], "expected true or false"),
])  # fmt: skip
def test_refused(arguments, said, capsys):
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2
    assert said in capsys.readouterr().err


def test_help_of_a_corpus(capsys):
    with pytest.raises(SystemExit):
        main(["librispeech", "--help"])
    said = capsys.readouterr().out
    for option in ("--subset", "--corpus_dir", "--base_url", "--lm_text", "(default: downloads)"):
        assert option in said


def test_options_are_parameters_of_the_preparation():
    """What the parser gives can be handed on as it is."""
    for corpus in ("mini_an4", "librispeech", "aishell", "speechocean762"):
        args = get_parser().parse_args([corpus])
        prepare = args.prepare
        names = set(vars(args)) - {"prepare"}
        count = prepare.__code__.co_argcount
        assert names == set(prepare.__code__.co_varnames[:count])
    assert isinstance(get_parser(), argparse.ArgumentParser)
