"""Two models that ESPnet trained for two epochs on real speech: a recursive and a stock one."""

import json
from pathlib import Path

import pytest

import espnet_recursive  # noqa: F401  (registers the encoders)
from espnet_recursive.corpora.mini_an4 import prepare_mini_an4
from espnet_recursive.recipe.data_dir import read_table, write_table

SMALL = {"output_size": 16, "attention_heads": 2, "linear_units": 32}
CONFIG = {
    "decoder": "transformer",
    "decoder_conf": {"attention_heads": 2, "linear_units": 32, "num_blocks": 1},
    "model_conf": {"ctc_weight": 0.3},
    "optim": "adam",
    "max_epoch": 2,
    "num_iters_per_epoch": 1,
    "batch_type": "unsorted",
    "batch_size": 5,
    "best_model_criterion": [["train", "loss", "min"]],
    "keep_nbest_models": 1,
    "num_att_plot": 0,
    "use_matplotlib": False,
    "use_tensorboard": False,
    "num_workers": 0,
    "seed": 0,
}
ENCODERS = {
    "asr_recursive": (
        "latent_recursive_transformer",
        SMALL | {"prelude_blocks": 1, "recurrent_blocks": 2, "coda_blocks": 1, "num_loops": 3},
    ),
    # BatchNorm holds buffers beside its parameters.
    "asr_stock": ("conformer", SMALL | {"num_blocks": 3, "cnn_module_kernel": 7}),
}


class Trained:
    """The data directories and the experiments, with the number of parameters as torch counts."""

    def __init__(self, root: Path) -> None:
        self.data = root / "data"
        self.exp = root / "exp"
        self.encoder_parameters: dict[str, int] = {}
        self.layer_parameters: dict[str, int] = {}
        self.all_parameters: dict[str, int] = {}


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Trained:
    """Train both models, through ESPnet's own task."""
    from espnet2.tasks.asr import ASRTask

    result = Trained(tmp_path_factory.mktemp("trained"))
    prepare_mini_an4(result.data, result.data.parent / "downloads")
    characters = sorted(set("".join(read_table(result.data / "train" / "text").values())) - {" "})
    tokens = result.data / "tokens.txt"
    tokens.write_text("\n".join(["<blank>", "<unk>", "<space>", *characters, "<sos/eos>"]) + "\n")
    for name, (encoder, conf) in ENCODERS.items():
        _train(ASRTask, result, name, CONFIG | {"encoder": encoder, "encoder_conf": conf})
        model, _ = ASRTask.build_model_from_file(result.exp / name / "config.yaml")
        result.all_parameters[name] = _count(model)
        result.encoder_parameters[name] = _count(model.encoder)
        result.layer_parameters[name] = _count(model.encoder.encoders)
    return result


def _train(task, result, name, config) -> None:
    path = result.data / f"{name}.yaml"
    # JSON is YAML too.
    path.write_text(json.dumps(config | {"token_list": str(result.data / "tokens.txt")}))
    cmd = ["--config", path, "--output_dir", result.exp / name, "--ngpu", "0"]
    cmd += ["--token_type", "char"]
    for option, data_set in (("train", "train"), ("valid", "dev")):
        data = result.data / data_set
        write_table(data / "shape", dict.fromkeys(read_table(data / "text"), 1))
        cmd += [f"--{option}_data_path_and_name_and_type", f"{data}/wav.scp,speech,sound"]
        cmd += [f"--{option}_data_path_and_name_and_type", f"{data}/text,text,text"]
        cmd += [f"--{option}_shape_file", data / "shape"]
    task.main(cmd=list(map(str, cmd)))


def _count(module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
