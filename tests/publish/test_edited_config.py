"""A config.yaml that was edited beside trained weights: refused, or without effect, key by key."""

import copy

import pytest
import soundfile
import torch
import yaml
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.lm import LMTask

from espnet_recursive import Speech2Text
from espnet_recursive.errors import UserError
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.model.weights import check_weights
from espnet_recursive.recipe.fingerprint import MAY_CHANGE
from espnet_recursive.recipe.same_training import check_trained_with
from tests.publish.experiments import FAST
from tests.recipe.trainings import write_statistics

#: What is read in training alone; statistics are in the weights, which prevail.
TRAINING_ALONE = {"init_param", "rir_scp", "noise_scp", "normalize_conf.stats_file"}
ASR_KEYS = [*vars(ASRTask.get_parser().parse_args([])), "version", "distributed"]
LM_KEYS = [*vars(LMTask.get_parser().parse_args([])), "version", "distributed"]


def leaves(value, path=()):
    """Each value of a configuration that is no mapping, or is an empty one."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    else:
        yield path


def other(value):
    """Another value, of the same kind where that has one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    if isinstance(value, list):
        # Two tokens swapped, of lists that have two.
        return [value[1], value[0], *value[2:]] if len(value) > 1 else [*value, "x"]
    return "x" if value is None else {"x": 1}


def changed(config, path):
    config = copy.deepcopy(config)
    *outer, last = path
    inner = config
    for key in outer:
        inner = inner[key]
    inner[last] = other(inner[last])
    return config


def silent(config, exp, key):
    """The values under a key that can be changed, or taken away, without being refused."""
    edits = {".".join(path): changed(config, path) for path in leaves({key: config[key]})}
    edits[f"without {key}"] = {k: v for k, v in config.items() if k != key}
    taken = set()
    for name, edited in edits.items():
        try:
            check_trained_with(edited, "config.yaml", exp / "2epoch.pth")
        except UserError as error:
            assert name.removeprefix("without ").split(".")[0] in str(error)
        else:
            taken.add(name)
    return taken


@pytest.fixture(scope="module")
def configs(trainings):
    return {
        "asr": (read_yaml(trainings.asr / "config.yaml"), trainings.asr),
        "lm": (read_yaml(trainings.lm / "config.yaml"), trainings.lm),
    }


@pytest.mark.parametrize(
    ("task", "key"), [*(("asr", key) for key in ASR_KEYS), *(("lm", key) for key in LM_KEYS)]
)
def test_each_key_is_refused_or_may_change(configs, task, key):
    config, exp = configs[task]
    for name in silent(config, exp, key):
        key = name.removeprefix("without ")
        assert key in TRAINING_ALONE or key.split(".")[0] in MAY_CHANGE | TRAINING_ALONE


@pytest.fixture(scope="module")
def no_effect(configs):
    """The edits that are not refused; a test below makes them all, and recognises the same."""
    return {
        task: {name for key in config for name in silent(config, exp, key)}
        for task, (config, exp) in configs.items()
    }


def test_all_keys_are_tried(configs):
    assert set(configs["asr"][0]) - set(ASR_KEYS) == set()
    assert set(configs["lm"][0]) - set(LM_KEYS) == set()


def test_what_is_not_refused_has_no_effect_on_results(configs, no_effect, trainings, tmp_path):
    """All of these edits together, in both configurations: the very same scores."""
    files = {}
    for task, (config, _) in configs.items():
        edited = copy.deepcopy(config)
        for name in no_effect[task]:
            if name.startswith("without "):
                continue
            if name != "normalize_conf.stats_file":  # without which there is no model
                edited = changed(edited, name.split("."))
        assert edited != config
        files[task] = tmp_path / f"{task}.yaml"
        files[task].write_text(yaml.safe_dump(edited))
    samples, _ = soundfile.read(next(trainings.root.glob("downloads/**/*.sph")), dtype="float32")

    def recognise(asr, lm):
        model = Speech2Text(
            asr,
            trainings.asr / "2epoch.pth",
            lm_train_config=lm,
            lm_file=trainings.lm / "2epoch.pth",
            **FAST,
        )
        return [(text, float(best.score)) for text, _, _, best in model(samples)]

    own = recognise(trainings.asr / "config.yaml", trainings.lm / "config.yaml")
    assert recognise(files["asr"], files["lm"]) == own and own[0][1] != 0


def test_other_statistics_have_no_effect_on_results(configs, trainings, tmp_path):
    config, exp = configs["asr"]
    stats = write_statistics(tmp_path / "other.npz", seed=3)
    edited = copy.deepcopy(config)
    edited["normalize_conf"]["stats_file"] = str(stats)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(edited))
    samples, _ = soundfile.read(next(trainings.root.glob("downloads/**/*.sph")), dtype="float32")
    scores = [
        float(Speech2Text(path, exp / "2epoch.pth", **FAST)(samples)[0][3].score)
        for path in (tmp_path / "config.yaml", exp / "config.yaml")
    ]
    assert scores[0] == scores[1]


def test_every_checkpoint_of_the_training_is_looked_at(configs, trainings):
    config, exp = configs["asr"]
    edited = changed(config, ("encoder_conf", "num_loops"))
    for name in ("1epoch.pth", "latest.pth", "train.loss.best.pth", "train.loss.ave.pth"):
        check_weights(ASRTask, config, "config.yaml", exp / name)
        with pytest.raises(UserError, match=f"{name} was not trained with config.yaml: .*, now 6"):
            check_weights(ASRTask, edited, "config.yaml", exp / name)


def test_without_a_fingerprint_it_loads_as_espnet_loads_it(configs, tmp_path):
    config, exp = configs["asr"]
    torch.save(torch.load(exp / "2epoch.pth", weights_only=True), tmp_path / "plain.pth")
    check_weights(
        ASRTask, changed(config, ("encoder_conf", "num_loops")), "x.yaml", tmp_path / "plain.pth"
    )
