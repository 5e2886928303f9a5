"""The library: the styles of the catalogue with their ratings and samples; adding and deleting styles."""

import functools
import io
import json
import re
import shutil
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fststyle import catalogue
from fststyle.catalogue import Entry
from fststyle.errors import OutputError, StyleError
from fststyle.io import images
from fststyle.io.files import replacing
from fststyle.runtime.settings import ImageSettings
from fststyle.settings import to_name
from fststyle.web.database import JsonObject
from fststyle.web.errors import ConflictError, NotFoundError
from fststyle.web.pages import STATIC
from fststyle.web.painting import PaintingPool
from fststyle.web.ratings import Ratings, Stars
from fststyle.web.suggestions import Rated
from fststyle.web.uploaded_style import check_style
from fststyle.web.work.jobs import Job

PHOTOS = ("cat", "astronaut", "coffee")
"""Included photos that show the styles."""
SORTS = {"rating": "Best rated", "name": "Name", "year": "Year of the painting"}
SAMPLE_SIDE = 480
PAINTING_SIDE = 1024
"""Longer sides in pixels."""
WHOLE_WEIGHT = 4.0
"""Factor of the style weight for one tonal part relative to three, for the same strength."""


@dataclass(frozen=True)
class Card:
    """A style in the library. ``painting`` is the address of its painting or empty. ``rank`` is its rank in
    the blind comparisons, 1 for the first, or None; ``version`` changes with the file; styles of one
    ``family`` can be mixed.
    """

    name: str
    title: str
    artist: str
    year: str
    licence: str
    credit: str
    network: str
    size: int
    own: bool
    stars: Stars | None
    rank: int | None
    strength: float | None
    painting: str
    version: str
    trained: str
    family: str

    @property
    def damaged(self) -> bool:
        """Whether the file cannot be read."""
        return self.network == "damaged"

    def sample(self, photo: str = PHOTOS[0]) -> str:
        """Address of an included photo in this style."""
        return f"/styles/{self.name}/samples/{photo}.jpg?v={self.version}"


class Library:
    """The styles, in the catalogue's folders; samples and paintings are in ``folder``."""

    def __init__(self, folder: Path, ratings: Ratings, pool: PaintingPool):
        self.folder, self.ratings, self.pool = folder, ratings, pool

    def cards(self, query: str = "", sort: str = "rating") -> list[Card]:
        """The styles whose name, title, artist, year or network contains each word of ``query``.

        Case and accents make no difference.
        """
        stars, ranking = self.ratings.stars(), self.ratings.ranking()
        ranks = {name: number for number, name in enumerate(ranking, 1)}
        cards = []
        for entry in catalogue.styles():
            card = self._card(described(entry), stars, ranks, ranking)
            text = _plain(f"{card.name} {card.title} {card.artist} {card.year} {card.network}")
            if all(word in text for word in _plain(query).split()):
                cards.append(card)
        return sorted(cards, key=lambda card: _order(card, sort))

    def card(self, name: str) -> Card:
        """The library entry of the style ``name``, with ratings and rank. Raises `NotFoundError`."""
        for card in self.cards():
            if card.name == name:
                return card
        raise NotFoundError(f"no style is called {name[:80]!r}")

    def entry(self, name: str) -> Entry:
        """The entry of the catalogue with exactly this name. Raises `NotFoundError`."""
        for entry in catalogue.styles():
            if entry.name == name:
                return entry
        raise NotFoundError(f"no style is called {name[:80]!r}")

    def sample(self, name: str, photo: str) -> Path:
        """A JPEG of an included photo in a style, stylized at the first call.

        Raises `NotFoundError` and `StyleError`.
        """
        entry = self.entry(name)
        if photo not in PHOTOS:
            raise NotFoundError("there is no such photo")
        file = self.folder / "samples" / f"{version_of(entry)}-{photo}.jpg"
        if not file.is_file():
            settings = ImageSettings(style=name, size=SAMPLE_SIDE, quality=88)
            content = (STATIC / "app" / "photos" / f"{photo}.jpg").read_bytes()
            painted = self.pool.paint_now(content, settings, "JPEG")
            _write(file, painted.content)
        return file

    def painting(self, name: str) -> Path | None:
        """The file of the painting of a style, or None."""
        entry = self.entry(name)
        found = self._painting(described(entry))
        return found if found is not None and found.is_file() else None

    def rated(self) -> list[Rated]:
        """The rated styles whose painting and training settings are known.

        The weights of styles trained with earlier losses, without `fine`, have another scale. Those of styles
        trained with one Gram matrix for the whole, without `tonal_parts`, are divided by `WHOLE_WEIGHT`.
        """
        stars, ranking = self.ratings.stars(), self.ratings.ranking()
        found = []
        for entry in map(described, catalogue.styles()):
            trained, painting = trained_with(entry), self._painting(entry)
            if (entry.name in stars or entry.name in ranking) and painting and "fine" in trained:
                one = stars.get(entry.name, Stars(0.0, 0))
                found.append(
                    Rated(
                        entry.name,
                        painting,
                        float(trained["style_weight"]) / (1 if "tonal_parts" in trained else WHOLE_WEIGHT),
                        int(trained.get("style_size") or 384),
                        (one.mean, one.count),
                        ranking.get(entry.name, 0.0),
                    )
                )
        return found

    def free_name(self, wanted: str) -> str:
        """``wanted`` as a name of a style. Raises `ConflictError` if a style has it already."""
        name = to_name(wanted)
        if name in {entry.name for entry in catalogue.styles()}:
            raise ConflictError(f"a style named {name} already exists; choose another name")
        return name

    def upload(self, content: bytes, wanted: str) -> str:
        """Add a style file of a client. Returns its name.

        Raises `StyleError` for a file that is not a safe style (`fststyle.web.uploaded_style`).
        """
        name = self.free_name(wanted)
        check_style(content)
        self._install(content, name)
        return name

    def publish(
        self, style: Path, int8: Path | None, painting: Path, wanted: str, about: dict[str, str]
    ) -> str:
        """Add a trained style, with the texts of ``about`` (title, artist, year) in its metadata. Returns its
        name.

        Raises `ConflictError` and `OutputError`.
        """
        name = self.free_name(wanted)
        # The int8 file first: a style is listed from the moment that its own file exists.
        if int8 is not None:
            self._install(int8.read_bytes(), f"{name}-int8")
        self._install(_with_metadata(style.read_bytes(), {"name": name, **about}), name)
        picture = images.read(painting)
        rgb = picture.opaque
        if max(rgb.shape[:2]) > PAINTING_SIDE:
            rgb = images.resize(rgb, PAINTING_SIDE)
        images.write(images.Picture([images.Frame(rgb)]), self._own_painting(name), quality=88)
        return name

    def as_published(self, name: str) -> dict[str, str]:
        """The published style, for the result of a training."""
        return {"published": name, "version": version_of(self.entry(name))}

    def published(self, job: Job) -> str:
        """Name of the style of a training in the library; empty if the library does not have it."""
        name = job.result.get("published", "")
        entry = next((entry for entry in catalogue.styles() if entry.name == name), None) if name else None
        return name if entry is not None and version_of(entry) == job.result.get("version") else ""

    def delete(self, name: str) -> None:
        """Delete a style of the user with its ratings. Raises `NotFoundError` and `ConflictError`."""
        entry = self.entry(name)
        if entry.shipped:
            raise ConflictError(f"{name} is included in fststyle and cannot be deleted")
        try:
            for path in (entry.path, entry.int8.path if entry.int8 else None, self._own_painting(name)):
                if path is not None:
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{name} cannot be deleted: {error.strerror}") from error
        self.ratings.remove_style(name)

    def _install(self, content: bytes, name: str) -> None:
        folder = catalogue.own_folders()[0]
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / f"{name}.onnx", content)

    def _own_painting(self, name: str) -> Path:
        return self.folder / "paintings" / f"{to_name(name)}.jpg"

    def _painting(self, entry: Entry) -> Path | None:
        if entry.shipped:
            file = STATIC / "app" / "paintings" / f"{to_name(entry.title)}.jpg"
        else:
            file = self._own_painting(entry.name)
        return file if file.is_file() else None

    def _card(
        self, entry: Entry, stars: dict[str, Stars], ranks: dict[str, int], ranking: dict[str, float]
    ) -> Card:
        version = version_of(entry)
        return Card(
            entry.name,
            entry.title or entry.name.replace("-", " ").capitalize(),
            entry.artist,
            entry.year,
            entry.licence,
            entry.credit,
            entry.network,
            entry.size,
            not entry.shipped,
            stars.get(entry.name),
            ranks.get(entry.name),
            ranking.get(entry.name),
            f"/styles/{entry.name}/painting.jpg?v={version}" if self._painting(entry) else "",
            version,
            _training(trained_with(entry)),
            _family(entry),
        )


def _plain(text: str) -> str:
    """``text`` without case and accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()


def _with_metadata(content: bytes, texts: dict[str, str]) -> bytes:
    """The bytes of a style with some of its metadata replaced."""
    import onnx

    model = onnx.load_model_from_string(content)
    metadata = {item.key: item.value for item in model.metadata_props}
    onnx.helper.set_model_props(model, {**metadata, **{key: text for key, text in texts.items() if text}})
    result: bytes = model.SerializeToString()
    return result


def version_of(entry: Entry) -> str:
    """A text that changes with the file of a style."""
    return f"{to_name(entry.name)}-{entry.sha256[:12] or format(_changed(entry), 'x')}"


def described(entry: Entry) -> Entry:
    """Like `fststyle.catalogue.described`; files that have not changed are not read again."""
    if entry.shipped:
        return entry
    metadata = _metadata(entry.path, _changed(entry))
    if metadata is None:
        return replace(entry, network="damaged")
    names = ("title", "artist", "year", "licence", "network", "precision")
    text: dict[str, Any] = {name: metadata.get(name, "") for name in names}
    return replace(entry, **text)


def trained_with(entry: Entry) -> JsonObject:
    """The settings that a style was trained with, {} if they are not known."""
    if entry.shipped:
        return entry.trained_with
    try:
        settings = json.loads((_metadata(entry.path, _changed(entry)) or {}).get("trained_with", "{}"))
    except ValueError:
        return {}
    return settings if isinstance(settings, dict) else {}


def _family(entry: Entry) -> str:
    """The base network of a style, or its own name: it cannot be mixed then."""
    return (_metadata(entry.path, _changed(entry)) or {}).get("base") or entry.name


def _changed(entry: Entry) -> int:
    try:
        return entry.path.stat().st_mtime_ns
    except OSError as error:
        raise StyleError(f"{entry.name}: cannot be read: {error.strerror}") from error


@functools.lru_cache(maxsize=512)
def _metadata(path: Path, changed: int) -> dict[str, str] | None:
    """The metadata of a style file, None for a damaged one; ``changed`` is the time of the file."""
    try:
        return catalogue.metadata(path.read_bytes())
    except Exception:  # protobuf raises many exception types
        return None


def _training(settings: JsonObject) -> str:
    """A summary of the settings of a training."""
    if not settings:
        return ""
    parts = [f"{settings['steps']:,} steps" if isinstance(settings.get("steps"), int) else ""]
    for key, words in (("size", "photos of {} px"), ("style_weight", "style weight {:g}")):
        if isinstance(settings.get(key), (int, float)):
            parts.append(words.format(settings[key]))
    return ", ".join(part for part in parts if part)


def _order(card: Card, sort: str) -> tuple[float | str, ...]:
    if sort == "year":
        digits = re.search(r"\d{3,4}", card.year)
        return int(digits.group()) if digits else 9999, card.name
    if sort == "rating":
        return (
            card.rank if card.rank is not None else 10**6,
            -(card.stars.mean if card.stars else 0),
            card.name,
        )
    return (card.name,)


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            shutil.copyfileobj(io.BytesIO(content), file)
    except OSError as error:
        raise OutputError(f"{path.name} cannot be written: {error.strerror}") from error
