"""Every example in the documentation runs, and what it says it prints is what it prints.

A page is one session: its ```python blocks run in order and share their names. A block with `>>>` is a doctest; any other
is run as it stands. A `{code-block} python` with the class `needs-torch`, and a block that imports torch, run where torch is
installed. In a ```console block each `$ shrinkage ...` is run and its stdout compared; of any other command it is only asked
whether it exists. Numbers are compared as numbers: machines differ in the last digits, and in all digits of what is nothing but
rounding.
"""

from __future__ import annotations

import doctest
import importlib.util
import json
import math
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SKETCHES = {"design.md"}  # pages whose code without `>>>` shows signatures: nothing to run
OF_TORCH = {"pytorch.md"}  # pages all of whose code needs torch
OPTIONAL = ("torch", "lightning", "transformers", "skorch")  # a block that imports one of them runs where it is installed
FENCE = re.compile(r"^(?P<ticks>`{3,})(?P<info>[^`\n]*)\n(?P<body>.*?)^(?P=ticks)[ \t]*$", re.MULTILINE | re.DOTALL)
OPTIONS = doctest.ELLIPSIS
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d*)?(?:e[+-]?\d+)?(?![\w.]*\w)")
NOISE = 1e-11  # what is smaller, in a table of ours, is rounding


class AsNumbers(doctest.OutputChecker):
    """The same words in the same places, and the same numbers."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        if super().check_output(want, got, optionflags):
            return True
        a, b = ([float(x) for x in NUMBER.findall(text)] for text in (want, got))
        words = (NUMBER.sub("#", text).split() for text in (want, got))
        same = all(math.isclose(x, y, rel_tol=1e-6, abs_tol=NOISE) for x, y in zip(a, b, strict=False))
        return len(a) == len(b) and same and next(words) == next(words)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the line its text starts at (0-based)."""

    language: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, `{code-block}` directives with their options taken off."""
    source = page.read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(source):
        language, text, line = fence["info"].strip(), fence["body"], source.count("\n", 0, fence.start("body"))
        if language.startswith("{code-block}"):
            language = language.removeprefix("{code-block}").strip()
            while text.startswith(":"):
                option, _, text = text.partition("\n")
                line += 1
                if option == ":class: needs-torch":
                    language += " torch"
        found.append(Block(language, text, line))
    return found


def runnable(block: Block, page: Path) -> bool:
    imports = r"^(?:>>> )?(?:import|from) (?:shrinkage\.)?"
    needed = {name for name in OPTIONAL if re.search(rf"{imports}{name}\b", block.text, re.MULTILINE)}
    if block.language == "python torch" or page.name in OF_TORCH:
        needed.add("torch")
    return block.language.startswith("python") and all(importlib.util.find_spec(name) for name in needed)


def blanks_kept(text: str) -> str:
    """Blank lines inside an output belong to it; doctest would end the output there."""
    return re.sub(r"\n\n(?=(?!>>>|\n)[^\n])", "\n<BLANKLINE>\n", text)


def run(block: Block, page: Path, names: dict) -> list[str]:
    """Run one block among `names`; the failures of a doctest, as text."""
    if ">>> " not in block.text:
        exec(compile("\n" * block.line + block.text, str(page), "exec"), names)
        return []
    test = doctest.DocTestParser().get_doctest(blanks_kept(block.text), names, page.name, str(page), block.line)
    said: list[str] = []
    doctest.DocTestRunner(AsNumbers(), optionflags=OPTIONS).run(test, out=said.append, clear_globs=False)
    names.update(test.globs)  # get_doctest works on a copy
    return said


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_run(page, tmp_path, monkeypatch):
    shutil.copytree(ROOT / "examples", tmp_path / "examples", dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    names: dict = {"__name__": "__main__"}
    wanted = [b for b in blocks(page) if runnable(b, page) and (page.name not in SKETCHES or ">>> " in b.text)]
    said = [line for block in wanted for line in run(block, page, names)]
    assert not said, "\n".join(said)


def commands(page: Path) -> list[tuple[Block, str]]:
    """Every command of a page: the lines of ```sh blocks, and those after `$` in ```console blocks."""
    found = []
    for block in blocks(page):
        if block.language in ("sh", "bash", "shell"):
            lines = block.text.splitlines()
        elif block.language == "console":
            lines = [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]
        else:
            continue
        found += [(block, line.split("#")[0].strip()) for line in lines if line.split("#")[0].strip()]
    return found


def inline_commands(page: Path) -> list[str]:
    """`make ...`, `shrinkage ...` and `python -m ...` in running text."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [" ".join(line.split()) for line in re.findall(r"`((?:make|shrinkage|python -m) [^`]+)`", text)]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


OTHERS = {"git", "cd", "python", "python3", "pip"}  # known to any reader; `.venv/bin/...` is what make installs


def parse(words: list[str]) -> None:
    """Let the program read a command line of its own, as far as its words and options go."""
    typer = pytest.importorskip("typer")
    from shrinkage.cli.main import app

    program = typer.main.get_command(app)
    if words and not words[0].startswith("-"):
        assert words[0] in program.commands, f"no command {words[0]!r}"
        if words[1:]:  # more than its name
            program.commands[words[0]].make_context(words[0], words[1:])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page):
    everything = [line for _, line in commands(page)] + inline_commands(page)
    for line in everything:
        for part in re.split(r"&&|\|", line):
            word, *rest = shlex.split(part)
            word = word.removeprefix(".venv/bin/")
            if word == "make":
                unknown = [target for target in rest if not target.startswith("-") and target not in targets()]
                assert not unknown, f"{page.name}: make has no target {unknown}"
            elif word == "shrinkage":
                parse(rest)
            else:
                known = word in OTHERS or (Path(sys.executable).parent / word).exists()
                assert known, f"{page.name}: {word!r} is not a command that this project installs"
            if rest[:2] == ["-m", "pytest"]:
                missing = [name for name in rest if name.startswith("tests/") and not (ROOT / name).exists()]
                assert not missing, f"{page.name}: {line!r} names {missing}"


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name)
def test_console_blocks_print_what_they_show(page, tmp_path):
    pytest.importorskip("typer")
    shutil.copytree(ROOT / "examples", tmp_path / "examples", dirs_exist_ok=True)
    for block in blocks(page):
        if block.language != "console":
            continue
        for session in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            line, _, shown = session.partition("\n")
            if not line.startswith("shrinkage "):
                continue
            words = shlex.split(line, comments=True)[1:]
            done = subprocess.run(
                [sys.executable, "-m", "shrinkage", *words], cwd=tmp_path, capture_output=True, text=True, timeout=120
            )
            assert done.returncode == 0, done.stderr
            alike = AsNumbers().check_output(shown.strip() + "\n", done.stdout.strip() + "\n", OPTIONS)
            assert alike, f"{page.name}: {line}\nprints\n{done.stdout}\nnot\n{shown}"


def test_the_rows_of_hard_inputs_are_those_of_the_command():
    from benchmarks.hard_inputs import COLUMNS

    from tests.hard_inputs import CASES, judge

    [table] = [block.text for block in blocks(ROOT / "README.md") if block.language == "text"]
    head, *rows = [re.split(r"  +", line.strip()) for line in table.splitlines()]
    assert head == ["input", "right is", *COLUMNS]
    for name, right, *verdicts in rows:
        [case] = [case for case in CASES if case.name == name]
        assert right == ("an error" if case.expect == "refused" else "a model")
        assert len(verdicts) == len(COLUMNS)
        for column, verdict in zip(COLUMNS, verdicts, strict=True):
            if "CV" not in column or name == rows[0][0]:  # cross-validation takes its time
                assert judge(case, None, COLUMNS[column])[0] == verdict, (name, column)


def test_no_page_is_left_out_of_the_table_of_contents():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.stem == "index" or re.search(rf"^{re.escape(page.stem)}$", index, re.MULTILINE), page.name


@pytest.mark.timeout(300)  # it draws the gallery
def test_the_site_builds_without_a_warning(tmp_path):
    for module in ("sphinx", "myst_parser", "matplotlib", "pyarrow"):
        pytest.importorskip(module)
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", ROOT / "docs", tmp_path],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_table_of_speed_is_that_of_the_results():
    from benchmarks.publish import published

    results = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert published(readme, results) == readme
