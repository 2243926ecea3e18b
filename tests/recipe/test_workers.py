"""Clusters that are not there, and settings that no batch system can have; jobs: test_jobs.py."""

import pytest
import yaml

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.workers import CLUSTERS, Cluster, gpu_of_worker, start_workers


def conf(tmp_path, content):
    path = tmp_path / "cluster.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def start(cluster, tmp_path):
    with start_workers(cluster, 1, tmp_path / "workers"):
        raise AssertionError("workers were started")


def test_an_unknown_cluster_names_the_known_ones():
    with pytest.raises(UserError, match="--cluster slrum: none of local, .*slurm"):
        Cluster("slrum")


@pytest.mark.parametrize("name", [name for name in CLUSTERS if name != "local"])
def test_a_machine_without_the_batch_system(tmp_path, monkeypatch, name):
    monkeypatch.setenv("PATH", "/nowhere")
    section = {"cores": 1, "memory": "1GB"}
    if name == "htcondor":
        section["disk"] = "1GB"
    path = conf(tmp_path, {"jobqueue": {name: section}})
    with pytest.raises(
        UserError, match=f"--cluster {name}: .* is not on the PATH. .* or leave --cluster"
    ):
        start(Cluster(name, path), tmp_path)


def test_what_a_job_asks_for_must_be_said(tmp_path):
    path = conf(tmp_path, {"jobqueue": {"slurm": {"queue": "cpu"}}})
    with pytest.raises(UserError, match=r"cluster\.yaml(?s:.)*jobqueue\.slurm\.cores and \.memory"):
        start(Cluster("slurm", path), tmp_path)
    with pytest.raises(UserError, match=r"without --cluster_conf(?s:.)*cores and \.memory"):
        start(Cluster("slurm"), tmp_path)


def test_a_key_that_dask_jobqueue_does_not_know(tmp_path):
    path = conf(tmp_path, {"jobqueue": {"slurm": {"cores": 1, "memory": "1GB", "partition": "x"}}})
    with pytest.raises(UserError, match=r"no key jobqueue\.slurm\.partition\. Keys: .*queue"):
        start(Cluster("slurm", path), tmp_path)


def test_ctrl_c_stays_as_it_was(run_python):
    """dask-jobqueue has it end the process as if all were well, when it is imported first."""
    script = """
import pathlib, signal, sys
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.workers import Cluster, start_workers
before = signal.getsignal(signal.SIGINT)
try:
    with start_workers(Cluster("slurm"), 1, pathlib.Path("workers")):
        pass
except UserError:
    pass
assert "dask_jobqueue" in sys.modules
assert signal.getsignal(signal.SIGINT) is before
"""
    result = run_python("-c", script)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("content", [{}, {"jobqueue": {"pbs": {"cores": 1}}}, {"slurm": {}}])
def test_a_configuration_of_another_system(tmp_path, content):
    with pytest.raises(UserError, match=r"cluster\.yaml has no section jobqueue\.slurm"):
        start(Cluster("slurm", conf(tmp_path, content)), tmp_path)


def test_gpus_by_their_numbers_or_by_the_names_that_are_visible(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert [gpu_of_worker(worker, 2) for worker in range(4)] == ["0", "1", "0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,GPU-b,GPU-c")
    assert [gpu_of_worker(worker, 3) for worker in range(3)] == ["GPU-a", "GPU-b", "GPU-c"]
    assert gpu_of_worker(2, 2) == "GPU-a"
