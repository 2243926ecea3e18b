"""The command that writes RESULTS.md."""

from espnet_recursive.bin.results import main
from espnet_recursive.recipe.scoring import score


def test_table_is_written_and_printed(recipe_dir, tmp_path, capsys):
    data = recipe_dir / "data" / "train"
    score(data / "text", data / "text", data / "utt2spk", tmp_path / "d/train/score_wer", "wer")
    main([str(tmp_path)])
    line = "| d/train | 5 | 12 | 100.0 | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 | 0.00–0.00 |"
    cells = [cell.strip() for cell in line.split("|")]
    for text in (capsys.readouterr().out, (tmp_path / "RESULTS.md").read_text()):
        (row,) = [row for row in text.splitlines() if "d/train" in row]
        assert [cell.strip() for cell in row.split("|")] == cells
