"""Files that the hosts of repositories read, and what stands in several of them."""

import re
from pathlib import Path

import pytest
import yaml

import espnet_recursive
from espnet_recursive.publish import model_card

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
FORMS = sorted(p for p in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if p.stem != "config")


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_citation_is_of_this_version_and_address():
    citation = read(ROOT / "CITATION.cff")
    assert citation["version"] == espnet_recursive.__version__
    assert citation.get("repository-code", "") == espnet_recursive.__url__
    (paper,) = citation["references"]
    arxiv = paper["identifiers"][0]["value"].removeprefix("arXiv:")
    assert f"eprint = {{{arxiv}}}" in model_card._CITATIONS
    assert f"year = {{{paper['year']}}}" in model_card._CITATIONS
    assert f"arxiv.org/abs/{arxiv}" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_targets_that_there_are(path):
    workflow = read(path)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            lines = step.get("run", "").splitlines()
            called = {t for line in lines for t in re.findall(r"\bmake ([a-z-]+)", line)}
            assert called <= targets | {"docs"}
            assert ("run" in step) != ("uses" in step)
            assert "@" in step.get("uses", "@")
    assert workflow["permissions"] == {"contents": "read"}


def test_every_python_is_tested():
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    supported = re.findall(r"Programming Language :: Python :: (3\.\d+)", text)
    (tests,) = (path for path in WORKFLOWS if path.stem == "tests")
    assert read(tests)["jobs"]["test"]["strategy"]["matrix"]["python"] == supported


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_forms(path):
    form = read(path)
    assert form["name"] and form["description"]
    inputs = [field for field in form["body"] if field["type"] != "markdown"]
    assert all(field["attributes"]["label"] for field in inputs)
    assert len({field["id"] for field in inputs}) == len(inputs)


def test_commits_are_checked_by_the_tools_of_make_lint():
    (repository,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    lint = (ROOT / "Makefile").read_text(encoding="utf-8")
    tools = {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in repository["hooks"]}
    assert tools == {"ruff", "mypy"} and all(f"$(BIN)/{tool}" in lint for tool in tools)
