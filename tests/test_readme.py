"""What the README and the documentation say: commands exist, links lead somewhere, snippets run, figures are right."""

import importlib.util
import re
import types
from pathlib import Path

import pytest

from subband.cli import VERBS
from subband.config import Recipe, check_keys, shipped

ROOT = Path(__file__).resolve().parents[1]
DOCS = [path for path in sorted((ROOT / "docs").rglob("*.md")) if not {"_build", "_generated"} & set(path.parts)]
TEXTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md", *DOCS]
}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SLOW = re.compile(r"\b(monai|torchvision|timm)\b")
EACH = pytest.mark.parametrize("name", TEXTS)
SNIPPETS = [
    pytest.param(code, id=f"{name}-{number}", marks=[pytest.mark.slow] if SLOW.search(code) else [])
    for name, text in TEXTS.items()
    for number, (language, code) in enumerate(FENCE.findall(text))
    if language == "python" and not name.startswith("benchmarks")
]


def _commands(text: str, word: str) -> list[list[str]]:
    """Every use of a command in a fenced block or in backticks, as words."""
    code = [block for language, block in FENCE.findall(text) if language in ("", "sh")]
    code += re.findall(r"(?<!`)`([^`\n]+)`(?!`)", FENCE.sub("", text))
    lines = [line.partition(" #")[0] for block in code for line in block.splitlines()]
    found = [re.search(rf"(?:^|[\s/.]){word}\s+(\S.*)", line) for line in lines]
    words = [match[1].split() for match in found if match]
    return [line for line in words if not line[0].isupper()]  # ``subband VERB`` names no verb


def _load(path: Path) -> types.ModuleType:
    specification = importlib.util.spec_from_file_location(f"_{path.stem}", path)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@EACH
def test_make_targets_exist(name):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {words[0] for words in _commands(TEXTS[name], "make") if words[0].isalpha()}
    assert named <= targets


@EACH
def test_verbs_exist(name):
    named = {words[0].rstrip(".,;)") for words in _commands(TEXTS[name], "subband") if not words[0].startswith("-")}
    assert named <= set(VERBS)


@EACH
def test_options_that_are_keys_of_a_recipe_exist(name):
    for words in _commands(TEXTS[name], "subband"):
        for word in words:
            group, _, key = word.removeprefix("--").partition("=")[0].partition(".")
            if word.startswith("--") and key:
                check_keys({group: {key: None}}, Recipe, name)


@EACH
def test_recipes_exist(name):
    for words in _commands(TEXTS[name], "subband"):
        assert {word for word in words if re.fullmatch(r"segmentation/[a-z0-9-]+", word)} <= set(shipped())


def test_the_readme_gives_two_commands_first():
    first = FENCE.findall(TEXTS["README.md"])[0][1]
    assert [line.split()[:2] for line in first.splitlines()] == [["make", "demo"], ["make", "test"]]


@EACH
def test_links_lead_somewhere(name):
    folder = (ROOT / name).parent
    links = re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", TEXTS[name]))
    local = [link.partition("#")[0] for link in links if not re.match(r"https?://|#", link)]
    assert [link for link in local if not (folder / link).exists()] == []


@EACH
def test_named_files_exist(name):
    named = re.findall(r"`((?:src|tests|docs|benchmarks|examples)/[\w./-]+)`", FENCE.sub("", TEXTS[name]))
    assert [path for path in named if "NAME" not in path and not (ROOT / path).exists()] == []


@pytest.mark.parametrize("code", SNIPPETS)
def test_snippets_run(code):
    exec(compile(code, "snippet", "exec"), {"__name__": "snippet"})


def test_every_metric_is_explained():
    from subband.metrics import METRICS

    rows = re.findall(r"^\| ([\w, ]+) \| (higher|lower) \|", TEXTS["docs/metrics.md"], re.MULTILINE)
    explained = {name: better for names, better in rows for name in names.split(", ")}
    assert explained == {metric.name: metric.better for metric in METRICS.values()}


def test_figures_are_those_of_the_results():
    tables = _load(ROOT / "benchmarks" / "tables.py")
    assert [path.name for path in tables.stale()] == [], "run `make tables`"


def test_every_result_is_shown():
    tables = _load(ROOT / "benchmarks" / "tables.py")
    shown = TEXTS["docs/measured.md"] + TEXTS["docs/scaling.md"]
    assert [record["name"] for record in tables.records() if record["command"] not in shown] == []


def test_contributing_is_short():
    assert len(TEXTS["CONTRIBUTING.md"].splitlines()) <= 45
