"""README.md of a pack: what it says is so, and what it tells people to run runs."""

import json
import re
import shlex
import zipfile
from dataclasses import replace
from importlib import import_module
from unittest.mock import patch

import huggingface_hub
import pytest
import soundfile
import soxr
import torch
import yaml
from espnet_model_zoo.hub_pipeline_tags import infer, update_card_data
from packaging.requirements import Requirement

from espnet_recursive.errors import UserError
from espnet_recursive.publish import model_card as module
from espnet_recursive.publish import pack as pack_module
from espnet_recursive.publish.model_card import model_card
from espnet_recursive.publish.upload import upload, write_repository
from tests.publish.experiments import working_directory
from tests.publish.hub_server import TOKEN


@pytest.fixture(scope="module")
def card(packed) -> str:
    with zipfile.ZipFile(packed) as archive:
        return archive.read("README.md").decode()


def blocks(card: str, language: str) -> list[str]:
    """The code of a card in one language."""
    return re.findall(rf"```{language}\n(.*?)\n```", card, flags=re.DOTALL)


def test_front_matter(card):
    data = huggingface_hub.ModelCard(card).data
    assert data.tags == [
        "espnet",
        "audio",
        "automatic-speech-recognition",
        "espnet_recursive",
        "recursive-transformer",
    ]
    assert (data.language, data.license, data.library_name) == ("en", "cc-by-4.0", "espnet")
    assert data.datasets == ["an4"]
    assert data.pipeline_tag == "automatic-speech-recognition"


def test_espnets_tools_have_nothing_to_mend(card, packed):
    with zipfile.ZipFile(packed) as archive:
        meta, names = archive.read("meta.yaml").decode(), archive.namelist()
    tag, _ = infer("user/x", [], names, meta)
    assert tag == "automatic-speech-recognition"
    assert update_card_data(huggingface_hub.ModelCard(card).data.to_dict(), tag) == []


def test_no_language_where_none_is_known(recipe):
    with working_directory(recipe.root):
        card = the_card(recipe)
    for lang in (None, "noinfo", ""):
        assert "language:" not in model_card(replace(card, lang=lang))


def the_card(recipe, **changes):
    model = pack_module.TrainedModel(**recipe.model)
    config = yaml.safe_load((recipe.asr / "config.yaml").read_text())
    return replace(
        pack_module._card(model, config, pack_module.Publication("mit"), "x.zip", False),
        **changes,
    )


def test_sizes_are_those_of_the_weights(card, recipe):
    weights = torch.load(recipe.asr / "3epoch.pth", weights_only=True)
    encoder = sum(v.numel() for k, v in weights.items() if k.startswith("encoder."))
    layers = sum(v.numel() for k, v in weights.items() if k.startswith("encoder.encoders."))
    row = next(line for line in card.splitlines() if line.startswith("| {2, 3, 1, 1}"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:5] == ["{2, 3, 1, 1}", "4", "8", f"{layers:,}", f"{encoder:,}"]
    buffers = sum(v.numel() for k, v in weights.items() if "melmat" in k or "normalize" in k)
    assert cells[5] == f"{sum(v.numel() for v in weights.values()) - buffers:,}"


def test_results_are_those_of_the_experiment(card):
    assert "## RESULTS\n### asr_recursive\n#### WER\n|dataset|Err|\n|---|---|\n|test|101.7|" in card


def test_error_rates_for_the_hub(recipe):
    score = {"sentences": 130, "units": 773, "error_rate": 4.3984, "interval_95": None}
    interval = {"low": 2.84, "high": 6.0}
    scores = {
        "wer": {"decode_a/test": score | {"interval_95": interval}},
        "cer": {"decode_a/test": score},
        "ter": {"decode_a/test": score},
    }
    with working_directory(recipe.root):
        text = model_card(the_card(recipe, scores=scores, datasets=("an4",)))
    results = huggingface_hub.ModelCard(text).data.eval_results
    found = [(r.metric_type, r.metric_value, r.metric_name, r.dataset_name) for r in results]
    assert found == [
        ("wer", 4.4, "WER, 95 % interval 2.8 to 6.0", "test"),
        ("cer", 4.4, "CER", "test"),
    ]
    assert {r.dataset_type for r in results} == {"an4"}
    with working_directory(recipe.root):
        assert huggingface_hub.ModelCard(model_card(the_card(recipe))).data.eval_results is None


def test_scores_of_an_experiment(tmp_path):
    path = tmp_path / "RESULTS.json"
    assert pack_module._scores(path) == {}
    path.write_text(json.dumps({"scores": {"wer": {}}}))
    assert pack_module._scores(path) == {"wer": {}}
    for text in ("", "[]", "{}"):
        path.write_text(text)
        with pytest.raises(UserError, match="RESULTS.json holds no scores: .*espnet-recursive res"):
            pack_module._scores(path)


def test_training_configuration_is_that_of_the_experiment(card, recipe):
    config = yaml.safe_load((recipe.asr / "config.yaml").read_text())
    del config["token_list"]
    assert [yaml.safe_load(block) for block in blocks(card, "yaml")] == [config]


def test_every_code_block_is_of_a_kind_that_is_tested(card, recipe):
    with patch.object(module, "source_url", lambda: "git+https://example.org/x.git"):
        with_url = model_card(the_card(recipe))
    for text in (card, with_url):
        languages = re.findall(r"^```(\w+)$", text, flags=re.MULTILINE)
        assert set(languages) == {"python", "sh", "yaml", "bibtex"}
    (entries,) = blocks(card, "bibtex")
    assert entries.count("{") == entries.count("}") and entries.count("@") == 2


def test_what_it_tells_people_to_run(packed, recipe, hub, tmp_path, monkeypatch, capsys):
    """The Python and the commands of the uploaded card, with the uploaded model."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    upload(write_repository(packed, "user/asr", tmp_path / "folder"), "user/asr")
    card = hub.repositories["user/asr"].files["README.md"].decode()
    assert packed.name not in card
    samples, _ = soundfile.read(recipe.audio[0], dtype="float32")
    soundfile.write(tmp_path / "speech.wav", samples, 16000)
    monkeypatch.chdir(tmp_path)
    codes = blocks(card, "python")
    assert len(codes) == 2
    capsys.readouterr()
    for code in codes:
        assert '(\n    "user/asr",\n    beam_size=2,\n    ctc_window_margin=0,\n)' in code
        exec(code, {})
    first, second = capsys.readouterr().out.splitlines()
    assert first == second and first
    soundfile.write("speech.wav", soxr.resample(samples, 16000, 44100), 44100)
    (command,) = blocks(card, "sh")
    program, name, *arguments = shlex.split(command)
    assert program == "espnet-recursive"
    import_module(f"espnet_recursive.bin.{name}").main(arguments)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_installing_is_a_command_only_where_there_is_an_address(recipe):
    with patch.object(module, "source_url", lambda: None):
        assert "pip install -e ." in model_card(the_card(recipe))
        assert len(blocks(model_card(the_card(recipe)), "sh")) == 1
    with patch.object(module, "source_url", lambda: "git+https://example.org/x.git"):
        install, _ = blocks(model_card(the_card(recipe)), "sh")
    program, command, argument = shlex.split(install)
    assert (program, command) == ("pip", "install")
    assert Requirement(argument).url == "git+https://example.org/x.git"


def test_licence(recipe):
    text = model_card(the_card(recipe))
    assert "license: mit" in text and "The weights: mit." in text


def test_a_depth_is_an_option_of_our_class_only(recipe):
    with working_directory(recipe.root):
        card = model_card(the_card(recipe, decoding={"beam_size": 5, "num_loops": 2}))
    ours, espnets = blocks(card, "python")
    assert "num_loops=2" in ours and "beam_size=5" in ours
    assert "num_loops=" not in espnets and "beam_size=5" in espnets
