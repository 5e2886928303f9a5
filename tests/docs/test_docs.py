"""README and docs/: links are valid, commands and options exist, code compiles, and named files exist."""

import ast
import importlib
import inspect
import re
import shlex
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import fststyle
from fststyle import catalogue
from fststyle.cli import app
from fststyle.mixture import parse as parse_mixture
from fststyle.runtime.video.keyframes import parse as parse_keyframes
from fststyle.settings import check

REPOSITORY = Path(__file__).parents[2]
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted(REPOSITORY.glob("docs/*.md"))]
PROGRAM: Any = typer.main.get_command(app)
OTHER_OPTIONS = {"--cov", "--fid", "--title", "--artist", "--year", "--credit"}
"""Options of other programs that the pages mention."""
FOLDERS = ("fststyle/", "tests/", "tools/", "bench/", "examples/", "docs/")

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def blocks(page: Path, language: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def prose(page: Path) -> str:
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def inline(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose(page))


def programs(line: str) -> Iterator[list[str]]:
    """The arguments of every call of fststyle in a line of shell code."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split, lexer.commenters = True, "#"
    words, call = list(lexer), None
    for word in [*words, ";"]:
        if set(word) <= set("|&;<>"):
            if call is not None:
                yield call
            call = None
        elif call is not None:
            call.append(word)
        elif word == "fststyle":
            call = []


def parsed(arguments: list[str]) -> tuple[Any, dict[str, Any]]:
    """The command of the arguments, and its parameters. Raises the errors of the command line."""
    command, name = PROGRAM, "fststyle"
    arguments = list(arguments)
    while getattr(command, "commands", None) and arguments and not arguments[0].startswith("-"):
        name = arguments.pop(0)
        assert name in command.commands, f"no such command: {name}"
        command = command.commands[name]
    if "--help" in arguments or (not arguments and getattr(command, "commands", None)):
        return command, {}
    return command, command.make_context(name, arguments).params


def settings_of(command: Any) -> Any:
    function = inspect.unwrap(command.callback)
    parameter = inspect.signature(function).parameters.get("settings")
    return parameter and parameter.annotation


def check_call(arguments: list[str]) -> None:
    """Check that options exist, values are in range, and styles are included or files."""
    command, parameters = parsed(arguments)
    if not parameters:
        return
    if (kind := settings_of(command)) is not None:
        check(kind(**{name: parameters[name] for name in kind.__dataclass_fields__ if name in parameters}))
    if command.name in ("image", "video", "webcam"):
        if "@" in parameters["style"]:
            names = parse_keyframes(parameters["style"], "1", None, 1.0).names
        else:
            names = [name for name, _ in parse_mixture(parameters["style"])]
        for name in names:
            assert name.endswith(".onnx") or catalogue.find(name)


@pages
def test_commands_parse(page: Path) -> None:
    for block in blocks(page, "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            for arguments in programs(line):
                try:
                    check_call(arguments)
                except Exception as error:
                    pytest.fail(f"{page.name}: {line}: {error}")


@pages
def test_commands_in_the_text_parse(page: Path) -> None:
    """As in code blocks, but arguments may be omitted."""
    for code in inline(page):
        for arguments in programs(code) if code.startswith("fststyle ") else ():
            try:
                check_call(arguments)
            except Exception as error:
                if type(error).__name__ != "MissingParameter":
                    pytest.fail(f"{page.name}: {code}: {error}")


@pages
def test_options_in_the_text_exist(page: Path) -> None:
    known = set(OTHER_OPTIONS)
    queue = [PROGRAM]
    while queue:
        command = queue.pop()
        queue += getattr(command, "commands", {}).values()
        known |= {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)}
    used = {
        flag for code in inline(page) if "…" not in code for flag in re.findall(r"(?<!\S)--[a-z0-9-]+", code)
    }
    assert used <= known | {"--help"}, f"{page.name}: {sorted(used - known)}"


@pages
def test_links_are_valid(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name}: {target}"


def anchors(page: Path) -> set[str]:
    found = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        text = unicodedata.normalize("NFKD", heading).lower()
        found.add(re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", text).strip()))
    return found


@pages
def test_named_files_exist(page: Path) -> None:
    for code in inline(page):
        path = re.match(r"[\w./-]+", code)
        if code.startswith(FOLDERS) and path and "NAME" not in path[0] and path[0] == code:
            assert (REPOSITORY / path[0]).exists(), f"{page.name}: {code}"
    for block in blocks(page, "bash"):
        for name in re.findall(r"python ((?:bench|tools|examples)/\S+\.py)", block):
            assert (REPOSITORY / name).is_file(), f"{page.name}: {name}"


@pages
def test_python_compiles_and_uses_names_that_exist(page: Path) -> None:
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "fststyle":
                assert node.attr in fststyle.__all__, f"{page.name}: fststyle.{node.attr}"


def test_readme_is_short() -> None:
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) <= 125


def test_table_of_styles_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(REPOSITORY / "tools"), *sys.path])
    listing = importlib.import_module("listing")
    assert listing.PAGE.read_text(encoding="utf-8") == listing.page(), "run: python tools/listing.py"


def test_command_line_pages_contain_every_option(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mkdocs")
    monkeypatch.setattr(sys, "path", [str(REPOSITORY / "docs"), *sys.path])
    written = importlib.import_module("hooks").pages()
    for name, command in PROGRAM.commands.items():
        page = written[f"cli/{name}.md"]
        for part in (command, *getattr(command, "commands", {}).values()):
            flags = {flag for option in part.params if not option.hidden for flag in option.opts}
            missing = {
                flag for flag in flags - {"--help"} if flag.startswith("--") and f"`{flag}`" not in page
            }
            assert not missing, f"{name}: {missing}"
        assert f"({name}.md)" in written["cli/index.md"]


def test_page_of_modules_names_and_defines_every_module(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mkdocs")
    monkeypatch.setattr(sys, "path", [str(REPOSITORY / "docs"), *sys.path])
    page = importlib.import_module("hooks").modules()
    for path in (REPOSITORY / "fststyle").rglob("[!_]*.py"):
        assert re.search(rf"\| `{path.stem}` \| \S", page), path


@pages
def test_code_in_the_text_stays_on_one_line(page: Path) -> None:
    """The other tests read code line by line."""
    odd = [line for line in prose(page).splitlines() if line.count("`") % 2]
    assert not odd, f"{page.name}: {odd}"
