"""The style library: list styles with their ratings and samples, and add and delete styles."""

import contextlib
import io
import re
import shutil
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from fststyle import catalogue
from fststyle.catalogue import Entry
from fststyle.errors import OutputError
from fststyle.io import images
from fststyle.io.files import replacing
from fststyle.runtime.settings import ImageSettings
from fststyle.settings import to_name
from fststyle.web.database import JsonObject
from fststyle.web.errors import ConflictError, NotFoundError
from fststyle.web.pages import STATIC
from fststyle.web.painting import PaintingPool
from fststyle.web.ratings import Ratings, Stars
from fststyle.web.style_metadata import described, family_of, trained_with, version_of, with_metadata
from fststyle.web.suggestions import Rated
from fststyle.web.uploaded_style import check_style
from fststyle.web.work.jobs import Job

PHOTOS = ("cat", "astronaut", "coffee")
"""Names of the included photos for samples of the styles."""
SORTS = {"rating": "Best rated", "name": "Name", "year": "Year of the painting"}
"""Sort orders of the library, with their labels."""
SAMPLE_SIDE = 480
PAINTING_SIDE = 1024
"""Longer sides of samples and paintings in pixels."""
WHOLE_WEIGHT = 4.0
"""Ratio of two style weights with the same effect: the weight for one style loss over all luminances
(``--tonal-parts 1``) divided by the weight for three luminance ranges (``--tonal-parts 3``).
"""


@dataclass(frozen=True)
class Card:
    """A style in the library.

    Attributes:
        network: name of the architecture, such as "live", or "damaged" if the file cannot be read.
        size: size of the style file in bytes, without its int8 version.
        own: whether the style belongs to the user; other styles are included in fststyle.
        stars: mean and number of the star ratings, or None without ratings.
        rank: rank in the blind comparisons, from 1, or None without comparisons.
        strength: log strength in the Bradley-Terry model of the comparisons, 0 on average, or None without
            comparisons.
        painting: URL of the painting, or "" if its image is not available.
        version: string that changes whenever the style file changes
            (`fststyle.web.style_metadata.version_of`).
        trained: summary of the training settings, or "" if they are unknown.
        family: an identifier; styles with the same family can be mixed.
    """

    name: str
    title: str
    artist: str
    year: str
    license: str
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
        """Whether the style file cannot be read."""
        return self.network == "damaged"

    def sample(self, photo: str = PHOTOS[0]) -> str:
        """Return the URL of a sample image: the included photo ``photo`` (see `PHOTOS`) in this style."""
        return f"/styles/{self.name}/samples/{photo}.jpg?v={self.version}"


class Library:
    """The styles of the web application, with their ratings, sample images and paintings.

    Uploaded and trained styles are stored in the first folder that `fststyle.catalogue.own_folders` returns.
    Their paintings, and the sample images of all styles, are stored in ``folder``. ``ratings`` contains the
    ratings of the styles, and ``pool`` stylizes the sample images.
    """

    def __init__(self, folder: Path, ratings: Ratings, pool: PaintingPool):
        self.folder, self.ratings, self.pool = folder, ratings, pool

    def cards(self, query: str = "", sort: str = "rating") -> list[Card]:
        """Return the styles that match each word of ``query``, sorted by ``sort``, a key of `SORTS`.

        A word matches if it occurs in the name, title, artist, year or network. Case and accents are ignored.
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
        """Return the style with exactly this name. Raises `NotFoundError` if there is none."""
        for card in self.cards():
            if card.name == name:
                return card
        raise NotFoundError(f"no style is called {name[:80]!r}")

    def entry(self, name: str) -> Entry:
        """Return the catalogue entry with exactly this name. Raises `NotFoundError` if there is none."""
        for entry in catalogue.styles():
            if entry.name == name:
                return entry
        raise NotFoundError(f"no style is called {name[:80]!r}")

    def sample(self, name: str, photo: str) -> Path:
        """Return the path of a JPEG file with the included photo ``photo``, stylized in the style ``name``.

        The first call creates the file. Raises `NotFoundError` for an unknown style or photo, `StyleError` if
        the style fails, and `OutputError` if the file cannot be written.
        """
        entry = self.entry(name)
        if photo not in PHOTOS:
            raise NotFoundError(f"no sample photo is called {photo[:80]!r}")
        file = self.folder / "samples" / f"{version_of(entry)}-{photo}.jpg"
        if not file.is_file():
            settings = ImageSettings(style=name, size=SAMPLE_SIDE, quality=88)
            content = (STATIC / "app" / "photos" / f"{photo}.jpg").read_bytes()
            painted = self.pool.paint_now(content, settings, "JPEG")
            _write(file, painted.content)
        return file

    def painting(self, name: str) -> Path | None:
        """Return the path of an image of a style's painting, or None if there is no such file.

        Raises `NotFoundError` for an unknown style.
        """
        entry = self.entry(name)
        found = self._painting(described(entry))
        return found if found is not None and found.is_file() else None

    def rated(self) -> list[Rated]:
        """Return the rated or compared styles whose painting and training settings are known.

        Styles that were trained before the setting ``fine`` existed are omitted, since their style weights
        have a different scale. Styles whose setting ``tonal_parts`` is 1 or absent were trained with a
        single style loss for all luminances. Their style weight is divided by `WHOLE_WEIGHT` to be
        comparable.
        """
        stars, ranking = self.ratings.stars(), self.ratings.ranking()
        found = []
        for entry in map(described, catalogue.styles()):
            trained, painting = trained_with(entry), self._painting(entry)
            if (entry.name in stars or entry.name in ranking) and painting and "fine" in trained:
                one = stars.get(entry.name, Stars(0.0, 0))
                whole = trained.get("tonal_parts", 1) == 1
                found.append(
                    Rated(
                        entry.name,
                        painting,
                        float(trained["style_weight"]) / (WHOLE_WEIGHT if whole else 1),
                        int(trained.get("style_size") or 384),
                        (one.mean, one.count),
                        ranking.get(entry.name, 0.0),
                    )
                )
        return found

    def free_name(self, wanted: str) -> str:
        """Convert ``wanted`` to a valid style name. Raises `ConflictError` if this name is taken."""
        name = to_name(wanted)
        if name in {entry.name for entry in catalogue.styles()}:
            raise ConflictError(f"a style named {name} already exists; choose another name")
        return name

    def upload(self, content: bytes, wanted: str) -> str:
        """Add an uploaded style file. Returns the name of the style.

        Raises `StyleError` if the file is not a safe style (`fststyle.web.uploaded_style`), `ConflictError`
        if the name is taken, and `OutputError` if the file cannot be written.
        """
        name = self.free_name(wanted)
        check_style(content)
        self._install(content, name)
        return name

    def publish(
        self, style: Path, int8: Path | None, painting: Path, wanted: str, about: dict[str, str]
    ) -> str:
        """Add a trained style to the library. Returns its name. After an error, no file of the style remains.

        Args:
            style: the float style file.
            int8: the int8 style file, or None.
            painting: image file of the painting.
            wanted: name of the style, which `free_name` converts to a valid one.
            about: dict with the keys "title", "artist" and "year", for the metadata of the style; empty texts
                are not written.

        Raises:
            ConflictError: the name is taken.
            InputError: the painting cannot be read.
            OutputError: a file cannot be written.
        """
        name = self.free_name(wanted)
        rgb = images.read(painting).opaque
        if max(rgb.shape[:2]) > PAINTING_SIDE:
            rgb = images.resize(rgb, PAINTING_SIDE)
        picture = images.Picture([images.Frame(rgb)])
        content = with_metadata(style.read_bytes(), {"name": name, **about})
        faster = int8.read_bytes() if int8 is not None else None
        with contextlib.ExitStack() as undo:
            images.write(picture, self._own_painting(name), quality=88)
            undo.callback(_remove, self._own_painting(name))
            if faster is not None:
                undo.callback(_remove, self._install(faster, f"{name}-int8"))
            # Write the float file last, since the style is listed as soon as this file exists.
            self._install(content, name)
            undo.pop_all()
        return name

    def as_published(self, name: str) -> dict[str, str]:
        """Return the entries to store in the result of a training job after its style was added as ``name``.

        `published` reads them.
        """
        return {"published": name, "version": version_of(self.entry(name))}

    def published(self, job: Job) -> str:
        """Return the name under which the style of a training job was added to the library.

        Returns "" if it was not added, or if the added style has since been deleted or replaced.
        """
        name = job.result.get("published", "")
        entry = next((entry for entry in catalogue.styles() if entry.name == name), None) if name else None
        return name if entry is not None and version_of(entry) == job.result.get("version") else ""

    def delete(self, name: str) -> None:
        """Delete one of the user's styles, its painting and its ratings.

        Raises `NotFoundError` for an unknown style, `ConflictError` for an included style, and `OutputError`
        if a file cannot be deleted.
        """
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

    def _install(self, content: bytes, name: str) -> Path:
        path = catalogue.own_folders()[0] / f"{name}.onnx"
        _write(path, content)
        return path

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
            entry.license,
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
            family_of(entry),
        )


def _plain(text: str) -> str:
    """Return ``text`` case-folded and without accents, for comparisons that ignore case and accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()


def _training(settings: JsonObject) -> str:
    """Return a one-line summary of training settings, or "" without settings."""
    if not settings:
        return ""
    parts = [f"{settings['steps']:,} steps" if isinstance(settings.get("steps"), int) else ""]
    for key, words in (("size", "photos of {} px"), ("style_weight", "style weight {:g}")):
        if isinstance(settings.get(key), (int, float)):
            parts.append(words.format(settings[key]))
    return ", ".join(part for part in parts if part)


def _order(card: Card, sort: str) -> tuple[float | str, ...]:
    """Return the key by which a style is sorted in the order ``sort``, a key of `SORTS`.

    Any other value of ``sort`` sorts by name.
    """
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


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
