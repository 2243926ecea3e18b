"""The command that starts a training on several nodes."""

import pytest

from espnet_recursive.bin.launch import main


def test_outside_an_allocation(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(SystemExit, match="not in a Slurm allocation .* sbatch or salloc"):
        main(["--num_nodes", "2", "--", "python3"])


def test_without_srun(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SystemExit, match="with srun"):
        main(["--num_nodes", "2", "--", "python3"])


def test_no_command(capsys):
    with pytest.raises(SystemExit) as raised:
        main(["--num_nodes", "2", "--"])
    assert raised.value.code == 2
    assert "no command given" in capsys.readouterr().err
