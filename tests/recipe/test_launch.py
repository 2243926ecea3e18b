"""What starts a training on several nodes; tools/check_slurm.sh does so with a real Slurm."""

import stat

from espnet_recursive.recipe.launch import remove_init_files, srun_command

TRAIN = ["python3", "-m", "espnet2.bin.asr_train", "--ngpu", "4"]


def options_of(command):
    """The options that came after the training's command."""
    options = command[command.index("--ngpu") + 2 :]
    return dict(zip(options[::2], options[1::2], strict=True))


def test_one_task_a_node_and_processes_that_meet_in_a_file(tmp_path):
    command = srun_command(TRAIN, 2, 4, f"{tmp_path}/.dist_init_", {})
    assert command[:4] == ["srun", "--nodes=2", "--ntasks=2", "--ntasks-per-node=1"]
    assert command[command.index("python3") :][: len(TRAIN)] == TRAIN
    options = options_of(command)
    file = options.pop("--dist_init_method")
    assert file.startswith(f"file://{tmp_path}/.dist_init_")
    assert options == {"--multiprocessing_distributed": "true", "--dist_launcher": "slurm"}
    again = options_of(srun_command(TRAIN, 2, 4, f"{tmp_path}/.dist_init_", {}))
    assert again["--dist_init_method"] != file, "each start has a file of its own"


def test_relative_path_of_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = options_of(srun_command(TRAIN, 2, 4, "exp/asr/.dist_init_", {}))["--dist_init_method"]
    assert file.startswith(f"file://{tmp_path}/exp/asr/.dist_init_")


def test_cpus_have_a_backend_of_their_own():
    assert options_of(srun_command(TRAIN, 2, 0, "x", {}))["--dist_backend"] == "gloo"


def test_options_that_the_training_has_are_left_alone():
    for given in (["--dist_backend", "mpi"], ["--dist_backend=mpi"]):
        command = srun_command([*TRAIN, *given], 2, 0, "x", {})
        assert not {"gloo", "nccl"} & set(command)


def test_processes_that_meet_at_a_port():
    environment = {"MASTER_PORT": "29500", "MASTER_ADDR": "head"}
    options = options_of(srun_command(TRAIN, 2, 4, "x", environment))
    assert options["--dist_master_addr"] == "head" and options["--dist_master_port"] == "29500"
    assert "--dist_init_method" not in options


def test_the_port_is_on_the_first_node(tmp_path, monkeypatch):
    """Whatever its name: ESPnet reads `gpu-a[1-2]` as the node `gpu`."""
    scontrol = tmp_path / "scontrol"
    scontrol.write_text('#!/bin/sh\n[ "$*" = "show hostnames" ] && printf "gpu-a1\\ngpu-a2\\n"\n')
    scontrol.chmod(scontrol.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    options = options_of(srun_command(TRAIN, 2, 4, "x", {"MASTER_PORT": "29500"}))
    assert options["--dist_master_addr"] == "gpu-a1"


def test_files_of_earlier_trainings_are_removed(tmp_path):
    for name in (".dist_init_1", ".dist_init_2", "train.log"):
        (tmp_path / name).touch()
    remove_init_files(f"{tmp_path}/.dist_init_")
    assert [path.name for path in tmp_path.iterdir()] == ["train.log"]
    remove_init_files(f"{tmp_path}/none/.dist_init_")
