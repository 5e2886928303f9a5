"""MkDocs hook: generate the command-line reference and the list of modules from the code.

`pages` returns one Markdown page per command, `modules` the page of the modules. In the other pages,
`` `fststyle VERB --help` `` becomes a link.
"""

import ast
import inspect
import re
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from fststyle.cli import app

FOLDER = "cli"
VALUES = {int: "INTEGER", float: "NUMBER", Path: "PATH", str: "TEXT"}
MODULES = "modules.md"
PACKAGE = Path(__file__).parents[1] / "fststyle"
HELP_LINK = re.compile(r"`fststyle ([a-z]+)((?: [a-z]+)?) --help`")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the generated pages to the navigation."""
    commands = {"Command line": [{_title(path): path} for path in pages()]}
    config.nav = [*(config.nav or []), {"Modules": MODULES}, commands]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to the site."""
    for path, content in {**pages(), MODULES: modules()}.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Link `fststyle VERB --help` to the page of that command."""
    if page.file.src_uri.startswith(f"{FOLDER}/"):
        return markdown
    return HELP_LINK.sub(lambda match: f"[{match[0]}]({FOLDER}/{match[1]}.md)", markdown)


def pages() -> dict[str, str]:
    """The path and the Markdown text of every page: an index, then one page per command."""
    program = typer.main.get_command(app)
    commands: dict[str, Any] = program.commands  # type: ignore[attr-defined]
    verbs = {name: commands[name] for name in program.list_commands(None)}  # type: ignore[attr-defined, arg-type]
    rows = [f"| [`fststyle {name}`]({name}.md) | {_summary(verb)} |" for name, verb in verbs.items()]
    index = ["# Command line", "", "| command | purpose |", "| --- | --- |", *rows, "", *_options(program)]
    found = {f"{FOLDER}/index.md": "\n".join(index) + "\n"}
    for name, verb in verbs.items():
        found[f"{FOLDER}/{name}.md"] = "\n".join(_command(f"fststyle {name}", verb, 1)) + "\n"
    return found


def modules() -> str:
    """The Markdown text of the list of modules: the first paragraph of each docstring, by package."""
    lines = ["# Modules", ""]
    for folder in sorted({path.parent for path in PACKAGE.rglob("*.py")}):
        name = ".".join(folder.relative_to(PACKAGE.parent).parts)
        rows = [f"| `{path.stem}` | {_definition(path)} |" for path in sorted(folder.glob("[!_]*.py"))]
        lines += [f"## {name}", "", _definition(folder / "__init__.py"), ""]
        lines += ["| module | content |", "| --- | --- |", *rows, ""] if rows else []
    return "\n".join(lines)


def _definition(path: Path) -> str:
    """The first paragraph of the docstring of a module."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return _escaped(text.partition("\n\n")[0])


def _title(path: str) -> str:
    name = path.removeprefix(f"{FOLDER}/").removesuffix(".md")
    return "Overview" if name == "index" else f"fststyle {name}"


def _command(name: str, command: Any, level: int) -> list[str]:
    """The section of one command and, for a group, of its subcommands."""
    lines = [f"{'#' * level} {name}", "", *_help(command.help or ""), ""]
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    subcommands: dict[str, Any] = getattr(command, "commands", {})
    if subcommands:
        lines += ["```text", f"{name} [OPTIONS] COMMAND [ARGS]...", "```", ""]
    else:
        lines += ["```text", " ".join([name, "[OPTIONS]", *map(_usage, arguments)]), "```", ""]
    if arguments:
        rows = [f"| `{_metavar(argument)}` | {_escaped(argument.help or '')} |" for argument in arguments]
        lines += ["| argument | meaning |", "| --- | --- |", *rows, ""]
    lines += _options(command)
    for word, subcommand in subcommands.items():
        lines += ["", *_command(f"{name} {word}", subcommand, level + 1)]
    return lines


def _options(command: Any) -> list[str]:
    rows = []
    for option in command.params:
        if option.param_type_name != "option" or option.hidden or "--help" in option.opts:
            continue
        flags = ", ".join(f"`{flag}`" for flag in (*option.opts, *option.secondary_opts))
        value = "" if option.is_flag else f"`{_value(command.callback, option.name)}`"
        text = _escaped(option.help or "") + (" Required." if option.required else "")
        rows.append(f"| {flags} | {value} | {_default(option)} | {text} |")
    return ["| option | value | default | meaning |", "| --- | --- | --- | --- |", *rows] if rows else []


def _value(callback: Any, name: str) -> str:
    """What an option takes, from the annotation of the function behind the command."""
    annotation = inspect.signature(callback).parameters[name].annotation
    hint = annotation.__origin__ if get_origin(annotation) is Annotated else annotation
    words = [VALUES[kind] for kind in (*get_args(hint), hint) if kind in VALUES]
    return words[0] if words else "TEXT"


def _default(option: Any) -> str:
    if callable(option.default) or option.default in (None, "", [], ()) or option.required:
        return ""
    if option.is_flag:
        name = (option.opts if option.default else option.secondary_opts)[:1]
        return f"`{name[0]}`" if name else ""
    return f"`{option.default}`"


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name).upper()


def _usage(argument: Any) -> str:
    name = _metavar(argument) + ("..." if argument.nargs != 1 else "")
    return name if argument.required else f"[{name}]"


def _summary(command: Any) -> str:
    return _escaped(inspect.cleandoc(command.help or "").partition("\n\n")[0])


def _help(text: str) -> list[str]:
    """A help text with its line breaks."""
    lines = inspect.cleandoc(text).replace("\b", "").split("\n")
    return [f"{_escaped(line)}  " if line else "" for line in lines]


def _escaped(text: str) -> str:
    """Plain text as Markdown; what stands between backticks stays code."""
    parts = " ".join(text.split()).split("`")
    for index, part in enumerate(parts):
        parts[index] = part.replace("|", r"\|") if index % 2 else re.sub(r"([\\*_<>\[\]|#])", r"\\\1", part)
    return "`".join(parts)
