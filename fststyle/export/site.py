"""Export styles as a static web site with a filter for the camera and for images (`fststyle export-web`).

The site is one folder with relative URLs only. It works on any host for static files and needs no program on
the server. All computation happens in the browser, with the JavaScript modules of the Live page of
`fststyle serve`.
"""

import html
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from fststyle import catalogue
from fststyle.errors import InputError, OutputError, StyleError
from fststyle.export.site_settings import SiteSettings
from fststyle.external_data import resolve
from fststyle.runtime.image import stylize
from fststyle.runtime.style import load_style
from fststyle.settings import check
from fststyle.web import ort
from fststyle.web.browser_styles import BrowserStyle, browser_style

WEB = Path(ort.__file__).parent
STATIC, TEMPLATES = WEB / "static", WEB / "templates"
MARK = "isolation.js"
"""File that, together with styles.json, identifies a folder as an earlier export."""
THUMB = 288
"""Longer side of the preview images of the styles, in pixels."""


@dataclass(frozen=True)
class Site:
    """A static site written by `export_site`.

    ``folder`` is the folder as given in the settings, and ``styles`` the names of the styles. ``size`` is the
    total size of all files in bytes. ``download`` is the size in bytes of the first style and of the files of
    ONNX Runtime that a browser without WebGPU loads, before compression by the host.
    """

    folder: Path
    styles: tuple[str, ...]
    size: int
    download: int


def export_site(styles: Sequence[str | Path], settings: SiteSettings | None = None) -> Site:
    """Write a static web site that stylizes camera video and images in the browser with the given styles.

    Each style is a name or the path of an .onnx file. If a style has an int8 file or a base network, which
    strengths other than 1 need, the site includes it. The output folder must be missing, empty, or
    an earlier export, which is replaced only if `SiteSettings.overwrite` is True.

    Raises:
        InputError: no styles are given, several have the same name, a style has the name of the int8 file or
            base network of another style, or the photo cannot be read.
        StyleError: a style or its base network cannot be read, or a style is an int8 file or has a name that
            is not valid in a URL.
        OutputError: the output is a file or a folder that must not be replaced, or cannot be written.
        DependencyError: onnx is not installed.
    """
    settings = settings or SiteSettings()
    check(settings)
    chosen = [_checked(style) for style in styles]
    names = [style.entry.name for style in chosen]
    if not names:
        raise InputError("no style was given")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{twice[0]}: several styles have this name")
    if taken := sorted({f"{name}.onnx" for name in names} & {*_names_of_other_files(chosen)}):
        raise InputError(f"{taken[0]}: the site has another file with this name; rename the style")
    target = Path(os.path.realpath(settings.output))
    _check_target(target, settings)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        part.mkdir(parents=True)
        listed = _write_styles(part, chosen, settings)
        _write_program(part, settings)
        _write_licenses(part, chosen)
        _install(part, target)
    except OSError as error:
        raise OutputError(f"{settings.output}: cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    files = [path for path in target.rglob("*") if path.is_file()]
    first = [target / (listed[0]["int8"] or listed[0]["url"])]
    first += [target / "vendor" / "ort" / name for name in ort.WITHOUT_WEBGPU]
    return Site(
        settings.output,
        tuple(names),
        sum(path.stat().st_size for path in files),
        sum(path.stat().st_size for path in first),
    )


def _checked(style: str | Path) -> BrowserStyle:
    """Load a style to check it, and return its files for the browser.

    Raises `StyleError` if it cannot be loaded, is an int8 file, or has a name that is not valid in a URL.
    """
    entry = catalogue.locate(style)
    load_style(entry.path, device="cpu", precision="float")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", entry.name):
        raise StyleError(
            f"{entry.path}: the file name without .onnx must begin with a letter or digit and contain only"
            " A-Z, a-z, 0-9, - and _"
        )
    found = browser_style(entry)
    if found.entry.precision == "int8":
        raise StyleError(
            f"{entry.name}: is an int8 file; give the float file, and its int8 file is exported with it"
        )
    return found


def _check_target(target: Path, settings: SiteSettings) -> None:
    """Raise `OutputError` unless ``target`` is missing, empty, or an earlier export to be overwritten."""
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{settings.output}: is a file, not a folder")
    if not any(target.iterdir()):
        return
    ours = (target / MARK).is_file() and (target / "styles.json").is_file()
    if not ours:
        raise OutputError(f"{settings.output}: is neither empty nor an earlier export; choose another folder")
    if not settings.overwrite:
        raise OutputError(f"{settings.output}: already exists; --overwrite replaces it")


def _install(part: Path, target: Path) -> None:
    """Move the folder ``part`` to ``target``. An existing folder ``target`` is deleted if this succeeds."""
    former = part.with_suffix(".former")
    try:
        if target.exists():
            target.rename(former)
        part.rename(target)
    except BaseException:
        if former.exists() and not target.exists():
            former.rename(target)
        raise
    shutil.rmtree(former, ignore_errors=True)


def _write_styles(
    folder: Path, chosen: Sequence[BrowserStyle], settings: SiteSettings
) -> list[dict[str, str]]:
    """Write the style files, the preview images and styles.json. Returns the list in styles.json."""
    place = folder / "styles"
    place.mkdir()
    photo = settings.photo or STATIC / "app" / "photos" / "cat.jpg"
    listed = []
    for style in chosen:
        name = style.entry.name
        files = {style.float_file: f"{name}.onnx"}
        if style.int8_file is not None:
            files[style.int8_file] = _int8_name(style)
        if style.base_file is not None:
            files[style.base_file] = _base_name(style.base_file)
        for source, file in files.items():
            if not (place / file).exists():
                (place / file).write_bytes(_content(source))
        painted = stylize(photo, style.float_file, size=THUMB, device="cpu")
        painted.convert("RGB").save(place / f"{name}.jpg", quality=88)
        addresses = {path: f"styles/{file}" for path, file in files.items()}
        listed.append(style.listed(addresses.__getitem__, f"styles/{name}.jpg"))
    (folder / "styles.json").write_text(json.dumps({"styles": listed}, indent=1), encoding="utf-8")
    return listed


def _names_of_other_files(chosen: Sequence[BrowserStyle]) -> Iterator[str]:
    """Yield the names of the int8 files and base networks of the styles on the site."""
    for style in chosen:
        if style.int8_file is not None:
            yield _int8_name(style)
        if style.base_file is not None:
            yield _base_name(style.base_file)


def _int8_name(style: BrowserStyle) -> str:
    return f"{style.entry.name}-int8.onnx"


def _base_name(base: Path) -> str:
    return f"base-{base.name}"


def _content(source: Path) -> bytes:
    """Return the content of a style file with all its weights. Raises `StyleError` if it cannot be read."""
    try:
        content = source.read_bytes()
    except OSError as error:
        raise StyleError(f"{source}: cannot be read: {error.strerror}") from error
    return resolve(content, source)


def _write_program(folder: Path, settings: SiteSettings) -> None:
    shutil.copytree(STATIC / "stylizer", folder / "stylizer")
    (folder / "app").mkdir()
    for name in ("style.css", "icon.svg"):
        shutil.copyfile(STATIC / "app" / name, folder / "app" / name)
    runtime = folder / "vendor" / "ort"
    runtime.mkdir(parents=True)
    for path in ort.FOLDER.iterdir():
        if path.suffix != ".xz":
            shutil.copyfile(path, runtime / path.name)
    for name in ort.PACKED:
        (runtime / name).write_bytes(ort.unpacked(name))
    page = Template((STATIC / "export" / "index.html").read_text(encoding="utf-8"))
    (folder / "index.html").write_text(
        page.substitute(
            title=html.escape(settings.title),
            filter=(TEMPLATES / "filter.html").read_text(encoding="utf-8"),
        ),
        encoding="utf-8",
    )
    for name in ("isolate.js", MARK):
        shutil.copyfile(STATIC / "export" / name, folder / name)
    # Netlify and Cloudflare Pages read _headers. Without .nojekyll, GitHub Pages omits files whose names
    # begin with an underscore.
    shutil.copyfile(STATIC / "export" / "headers.txt", folder / "_headers")
    (folder / ".nojekyll").touch()


def _write_licenses(folder: Path, chosen: Sequence[BrowserStyle]) -> None:
    place = folder / "licenses"
    place.mkdir()
    shutil.copyfile(STATIC / "stylizer" / "LICENSE", place / "fststyle.txt")
    lines = []
    for style in chosen:
        entry = style.entry
        lines.append(entry.title or entry.name)
        for text in (", ".join(filter(None, (entry.artist, entry.year))), entry.license, entry.credit):
            if text:
                lines.append(f"  {text}")
        lines.append("")
    (place / "styles.txt").write_text("\n".join(lines), encoding="utf-8")
