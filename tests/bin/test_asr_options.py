"""The command that checks the options of asr.sh and prints its variables."""

import subprocess

import pytest

from espnet_recursive.bin.asr_options import main

NEEDED = ["--train_set", "train", "--valid_set", "dev", "--test_sets", "test"]


def test_it_prints_variables(capsys):
    main(["--called_as", "./run.sh", "--", *NEEDED, "--nj", "3", "--skip_stages", "6 7"])
    lines = capsys.readouterr().out.splitlines()
    assert {"nj=3", "skip_stages=(6 7)", "lm_config=''", "scp=wav.scp"} <= set(lines)
    assert "to_do=(1 3 4 5 8 10 11 12 13)" in lines


def test_a_mistake_is_a_sentence_and_status_2(capsys):
    with pytest.raises(SystemExit) as error:
        main(["--called_as", "./run.sh", "--", *NEEDED, "--stge", "3"])
    assert error.value.code == 2
    assert capsys.readouterr() == (
        "",
        "./run.sh: unknown option --stge. Did you mean --stage?\nSee ./run.sh --help\n",
    )


def test_help_is_one_variable(capsys, tmp_path):
    """Nothing is required for it."""
    main(["--called_as", "./run.sh", "--help_wanted", "--", "--lang", "$(touch x)"])
    script = f'{capsys.readouterr().out}\nprintf "%s\\n" "${{help}}"'
    shown = subprocess.run(
        ["bash", "-euc", script], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert shown.startswith("Usage: ./run.sh [--option value ...]\n")
    assert "--lang " in shown and "($(touch x))" in shown
    assert not list(tmp_path.iterdir())


def test_a_published_model(capsys):
    printed = "inference_asr_model=a.pth\ninference_lm=\ntoken_type=char\nbpemodel=none\n"
    words = [*NEEDED, "--download_model", "user/m", "--expdir", "e"]
    main([f"--published={printed}", "--", *words])
    lines = capsys.readouterr().out.splitlines()
    expected = {"inference_asr_model=a.pth", "use_lm=false", "token_type=char", "bpemodel=none"}
    assert expected | {"asr_exp=e/published_m"} <= set(lines)
