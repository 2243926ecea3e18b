"""The command that sets trained models side by side."""

import pytest
import torch
import yaml
from espnet2.train.reporter import Reporter

from espnet_recursive.bin.compare import main
from espnet_recursive.recipe.data_dir import read_table, write_table
from espnet_recursive.recipe.scoring import score
from espnet_recursive.registry import encoder_class

CONF = {"output_size": 16, "attention_heads": 2, "linear_units": 32, "prelude_blocks": 1,
        "recurrent_blocks": 1, "coda_blocks": 0}  # fmt: skip


def write_experiment(path, num_loops, losses):
    """What ESPnet leaves of a training: its configuration, and weights with its reporter."""
    conf = CONF | {"num_loops": num_loops}
    name = "latent_recursive_transformer"
    encoder = encoder_class(name)(80, **conf)
    reporter = Reporter()
    for epoch, loss in enumerate(losses, 1):
        reporter.set_epoch(epoch)
        for phase in ("train", "valid"):
            with reporter.observe(phase) as observer:
                observer.register({"loss": loss + (phase == "valid"), "acc": 0.5})
                observer.next()
    path.mkdir(parents=True)
    (path / "config.yaml").write_text(yaml.safe_dump({"encoder": name, "encoder_conf": conf}))
    model = {f"encoder.{key}": value for key, value in encoder.state_dict().items()}
    torch.save({"model": model, "reporter": reporter.state_dict()}, path / "checkpoint.pth")


@pytest.fixture
def experiments(recipe_dir, tmp_path):
    """Two models; the second has decoded the training data."""
    for name, loops, losses in (("one", 1, [8.0, 4.0]), ("five", 5, [8.0, 2.0, 1.0])):
        write_experiment(tmp_path / name, loops, losses)
    return [tmp_path / "one", tmp_path / "five"]


def decode(data, experiment, hypothesis):
    path = experiment / "decode" / data.name
    write_table(path / "text", dict.fromkeys(read_table(data / "text"), hypothesis))
    score(data / "text", path / "text", data / "utt2spk", path / "score_wer", "wer")


def figures(text):
    """The cells of each line, which are two spaces or more apart."""
    lines = [line.split("  ") for line in text.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    return {first: rest for first, *rest in filter(None, cells)}


def test_table(experiments, capsys):
    main(list(map(str, experiments)))
    table = figures(capsys.readouterr().out)
    assert table["model"] == ["one", "five"]
    assert table["{n_r, L, n_p, n_c}"] == ["{1, 1, 1, 0}", "{1, 5, 1, 0}"]
    assert table["executed"] == ["2", "6"]
    assert table["of the first"] == ["100%", "100%"]
    assert table["train loss"] == ["4.00", "1.00"]
    assert table["valid loss"] == ["5.00", "2.00"]


def test_transcripts_and_picture(recipe_dir, experiments, tmp_path, capsys):
    data = recipe_dir / "data" / "train"
    for experiment, hypothesis in zip(experiments, ("GO", "YES"), strict=True):
        decode(data, experiment, hypothesis)
    picture = tmp_path / "curves.png"
    options = ["--data_dir", str(data), "--utterances", "1", "--picture", str(picture)]
    main([*map(str, experiments), *options])
    output = capsys.readouterr().out
    assert figures(output)["train WER"] == ["91.7 %", "91.7 %"]
    assert "    spoken  YES\n    one     GO\n    five    YES\n" in output
    assert output.count("spoken") == 1
    assert output.endswith(f"Learning curves: {picture}\n")
    assert picture.stat().st_size > 10_000


def test_score_that_only_the_second_model_has(recipe_dir, experiments, capsys):
    decode(recipe_dir / "data" / "train", experiments[1], "GO")
    main(list(map(str, experiments)))
    assert figures(capsys.readouterr().out)["train WER"] == ["91.7 %"]


def test_folder_that_is_no_experiment(tmp_path):
    with pytest.raises(SystemExit, match="Error: .* has no config.yaml"):
        main([str(tmp_path)])
