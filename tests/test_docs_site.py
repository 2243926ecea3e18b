"""The documentation as a site, and its notebooks."""

from pathlib import Path

import nbformat
import pytest
import yaml
from mkdocs.commands.build import build
from mkdocs.config import load_config
from nbclient import NotebookClient

from tools.docs_pages import PAGES, site_links

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted(ROOT.glob("docs/**/*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(path, monkeypatch):
    """Each cell runs, and prints what is kept in the notebook."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    kept = nbformat.read(path, as_version=4)
    run = nbformat.read(path, as_version=4)
    NotebookClient(run, timeout=120, kernel_name="python3").execute()

    def printed(notebook):
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        return [
            "".join(output["text"] for output in cell.outputs if output.get("name") != "stderr")
            for cell in cells
        ]

    # The last cell's numbers are of random weights, which machines round in other ways.
    assert printed(run)[:-1] == printed(kept)[:-1]


def test_site_is_built_without_warnings(tmp_path, caplog, monkeypatch):
    """Links, anchors, the navigation and the docstrings of the API, as make docs checks them."""
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    monkeypatch.chdir(ROOT)
    config = load_config(str(ROOT / "mkdocs.yml"), strict=True, site_dir=str(tmp_path / "site"))
    build(config)
    assert not [record.message for record in caplog.records if record.levelname == "WARNING"]
    for page in ("index", "api/encoders", "recipes/an4", "notebooks/loops", "tutorials/phone"):
        assert (tmp_path / "site" / f"{page}.html").exists()
    text = (tmp_path / "site" / "api" / "encoders.html").read_text()
    for said in ("load_encoder", "LatentRecursiveConformerEncoder", "loop_adapter_conf"):
        assert said in text


def test_links_between_pages():
    """Links of the repository become links of the site."""
    text = "[a](../egs2/an4/asr1/README.md#results), ![p](pictures/x.png), [s](https://x.org/a.md)"
    assert site_links(text, "docs/gallery.md", "gallery.md") == (
        "[a](recipes/an4.md#results), ![p](pictures/x.png), [s](https://x.org/a.md)"
    )
    assert site_links("[r](../../../docs/loops.md)", "egs2/an4/asr1/README.md",
                      PAGES["egs2/an4/asr1/README.md"]) == "[r](../loops.md)"  # fmt: skip
    assert site_links("[l](../LICENSE)", "docs/a.md", "a.md") == "l"
    assert site_links("[l](../LICENSE)", "docs/a.md", "a.md", "https://x.org/r/") == (
        "[l](https://x.org/r/blob/HEAD/LICENSE)"
    )
    assert site_links("```\n[l](../LICENSE)\n```", "docs/a.md", "a.md") == (
        "```\n[l](../LICENSE)\n```"
    )


def test_every_page_is_in_the_navigation():
    def pages(entries):
        for entry in entries:
            for value in entry.values():
                yield from pages(value) if isinstance(value, list) else [value]

    nav = set(pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    own = {str(p.relative_to(ROOT / "docs")) for p in (ROOT / "docs").rglob("*.md")}
    own |= {str(p.relative_to(ROOT / "docs")) for p in NOTEBOOKS}
    assert nav == own | set(PAGES.values())
