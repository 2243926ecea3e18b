"""Run any ESPnet module or script with the recursive encoders registered.

    python -m espnet_recursive.run -m espnet2.bin.asr_train --config train.yaml ...
    python -m espnet_recursive.run path/to/script.py ...
    python -m espnet_recursive.run -c CODE ...

Use it wherever a command starts ``python -m espnet2.bin...``. An unmodified ESPnet clone takes it
as ``./asr.sh --python "python3 -m espnet_recursive.run"``. Processes that training spawns, one a
GPU, import this module again, and so have the encoders too. Checkpoints that training writes appear
whole or not at all, and a training that was killed while it wrote one is mended when it resumes.
They carry the settings of their training; other settings beside them, or to go on with, and damaged
checkpoints are refused. Speech and statistics that cannot be read are named.
``espnet2.bin.asr_inference`` is ours, with the depth among its options.
"""

import importlib.util
import runpy
import sys
from pathlib import Path

import espnet_recursive  # noqa: F401  (registers the encoders, here and in spawned processes)
from espnet_recursive.errors import UserError
from espnet_recursive.extras import missing_library
from espnet_recursive.model.espnet_loading import check_what_espnet_loads
from espnet_recursive.recipe.clone_stages import OURS, make_folder_of_images
from espnet_recursive.recipe.readable_data import name_unreadable_data
from espnet_recursive.recipe.same_training import refuse_other_trainings
from espnet_recursive.recipe.spawned_ranks import start_ranks_with
from espnet_recursive.recipe.whole_checkpoints import keep_checkpoints_whole

keep_checkpoints_whole()
refuse_other_trainings()
check_what_espnet_loads()
name_unreadable_data()
make_folder_of_images()


def main(cmd: list[str] | None = None) -> None:
    """Run ``-m MODULE``, ``-c CODE`` or ``SCRIPT`` with its arguments, as Python itself would."""
    cmd = sys.argv[1:] if cmd is None else list(cmd)
    if not cmd or cmd in (["-m"], ["-c"]) or cmd[0] in ("-h", "--help"):
        print(__doc__)
        raise SystemExit(0 if cmd and cmd[0] not in ("-m", "-c") else 2)
    try:
        _run(cmd)
    except UserError as error:
        raise SystemExit(f"Error: {error}") from error
    except ModuleNotFoundError as error:
        if said := missing_library(error):
            raise SystemExit(f"Error: {said}") from error
        raise


def _run(cmd: list[str]) -> None:
    if cmd[0] == "-m":
        module, arguments = OURS.get(cmd[1], cmd[1]), cmd[2:]
        spec = _find_spec(module)
        sys.argv = [spec.origin or module, *arguments]
        start_ranks_with(["-m", module])
        # The main module must stay this one (alter_sys=False): spawned processes import the main
        # module by its name, and only this one registers the encoders.
        runpy.run_module(module, run_name="__main__", alter_sys=False)
    elif cmd[0] == "-c":
        sys.argv = ["-c", *cmd[2:]]
        exec(compile(cmd[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        script, arguments = Path(cmd[0]), cmd[1:]
        if script.suffix != ".py" and not script.exists():
            raise SystemExit(f"espnet_recursive.run: expected -m MODULE or a script, not {script}")
        if not script.exists():
            raise SystemExit(f"espnet_recursive.run: no such script: {script}")
        sys.argv = [str(script), *arguments]
        start_ranks_with([str(script)])
        sys.path.insert(0, str(script.resolve().parent))
        # Not runpy.run_path, which puts another main module in the place of this one.
        code = compile(script.read_bytes(), str(script), "exec")
        exec(code, {"__name__": "__main__", "__file__": str(script)})


def _find_spec(module: str):
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        spec = None
    if spec is None:
        raise SystemExit(f"espnet_recursive.run: no module named {module}")
    return spec


if __name__ == "__main__":
    main()
