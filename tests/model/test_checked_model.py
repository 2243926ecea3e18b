"""What meta.yaml says is not for here."""

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.model.checked_model import find_checked_model
from tests.publish.experiments import ENCODER, RECURSION, change_yaml

CONFIG = "exp/asr_recursive/config.yaml"


def test_a_pack_as_it_was_written(packed):
    assert find_checked_model(packed).meta["recursion"] == RECURSION


@pytest.mark.parametrize("requires", [["espnet_recursive>=9.9"], "espnet_recursive>=9.9"])
def test_a_model_for_a_newer_version(pack_copy, requires):
    change_yaml(pack_copy, "meta.yaml", requires=requires)
    with pytest.raises(
        UserError, match=r"copy.zip needs espnet_recursive>=9.9, here is .*pip inst"
    ):
        find_checked_model(pack_copy)


@pytest.mark.parametrize(
    "other",
    [
        {"num_loops": 5},
        {"recurrent_blocks": 4, "prelude_blocks": 0, "coda_blocks": 0},
        {"prelude_blocks": 2, "coda_blocks": 0},
    ],
)
def test_another_tuple_for_the_same_weights(pack_copy, other):
    change_yaml(pack_copy, CONFIG, encoder_conf=ENCODER | RECURSION | other)
    with pytest.raises(UserError, match=r"meta.yaml says .* trained as \{2, 3, 1, 1\}, its conf"):
        find_checked_model(pack_copy)


def test_a_model_that_espnet_packed_says_neither(recipe, tmp_path, monkeypatch):
    from espnet2.main_funcs.pack_funcs import pack

    monkeypatch.chdir(recipe.root)
    files = {key: str(path.relative_to(recipe.root)) for key, path in recipe.model.items()}
    pack(
        files={"asr_model_file": files["asr_model_file"]},
        yaml_files={"asr_train_config": files["asr_train_config"]},
        outpath=tmp_path / "espnet.zip",
    )
    assert "recursion" not in find_checked_model(tmp_path / "espnet.zip").meta
