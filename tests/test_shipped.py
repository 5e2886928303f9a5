"""The included styles match the catalogue, and stylize."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fststyle
from fststyle import catalogue
from fststyle.runtime.generative.classify import load_classifier
from fststyle.runtime.generative.sample import KINDS, Generator
from fststyle.runtime.settings import ImageSettings, VideoSettings

SHIPPED = list(catalogue._shipped(catalogue.SHIPPED))
EXAMPLES = Path(__file__).parents[1] / "examples"


def test_default_styles_ship() -> None:
    assert {ImageSettings.style, VideoSettings.style} <= {entry.name for entry in SHIPPED}
    assert len(SHIPPED) >= 2


@pytest.mark.parametrize("entry", SHIPPED, ids=lambda entry: entry.name)
def test_catalogue_matches_the_files(entry: catalogue.Entry) -> None:
    content = entry.path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == entry.sha256
    assert len(content) == entry.size
    assert entry.artist
    assert entry.title
    assert "public domain" in entry.license
    assert entry.trained_with["steps"] > 100
    style = fststyle.load_style(entry.name, precision="float")
    assert style.metadata["name"] == entry.name
    assert style.metadata["precision"] == entry.precision


@pytest.mark.parametrize(
    "entry", [entry.int8 for entry in SHIPPED if entry.int8], ids=lambda entry: entry.name
)
def test_int8_is_near_float(entry: catalogue.Entry) -> None:
    assert hashlib.sha256(entry.path.read_bytes()).hexdigest() == entry.sha256
    photo = np.asarray(Image.open(EXAMPLES / "chelsea.jpg").convert("RGB").resize((240, 160)))
    exact, integers = (
        fststyle.load_style(entry.name, "cpu", precision=kind)(photo).astype(float)
        for kind in ("float", "int8")
    )
    # 32 on the larger photos that it was judged on
    assert 10 * np.log10(255**2 / np.square(exact - integers).mean()) > 27


@pytest.mark.parametrize("entry", SHIPPED, ids=lambda entry: entry.name)
def test_shipped_styles_change_the_photo_and_keep_its_content(entry: catalogue.Entry) -> None:
    """The output differs from the photo and has the colors of the painting, but its light and dark regions
    are those of the photo.
    """
    photo = np.asarray(Image.open(EXAMPLES / "astronaut.jpg").convert("RGB").resize((161, 160)))
    painted = fststyle.stylize(photo, entry.name)
    assert painted.shape == photo.shape
    assert np.abs(painted.astype(int) - photo).mean() > 15
    light, painted_light = (
        np.asarray(Image.fromarray(rgb).convert("L").resize((20, 20)), float).ravel()
        for rgb in (photo, painted)
    )
    assert np.corrcoef(light, painted_light)[0, 1] > 0.4


def test_pretrained_weights_ship_and_share_the_base_network() -> None:
    init_weights = pytest.importorskip("fststyle.train.style.init_weights")
    entry = catalogue.initial_weights(init_weights.PRETRAINED)
    assert entry is not None
    assert hashlib.sha256(catalogue.load(entry)).hexdigest() == entry.sha256
    base = catalogue.base_network(init_weights.BASE)
    assert base is not None
    assert init_weights.base_sha256(init_weights.PRETRAINED) == base.sha256
    assert entry.name not in [other.name for other in (*catalogue.styles(), *catalogue.models())]


def test_all_weights_together_stay_small() -> None:
    assert sum(path.stat().st_size for path in catalogue.SHIPPED.iterdir()) < 45_000_000


MODELS = [
    entry
    for entry in catalogue._listed(catalogue.SHIPPED)
    if entry.kind not in ("style", "base", "start", "subject")  # tests/runtime/test_subject.py has the last
]


@pytest.mark.parametrize("entry", MODELS, ids=lambda entry: entry.name)
def test_other_models_match_the_catalogue(entry: catalogue.Entry) -> None:
    content = entry.path.read_bytes()
    assert (hashlib.sha256(content).hexdigest(), len(content)) == (entry.sha256, entry.size)
    assert catalogue.metadata(content)["kind"] == entry.kind
    assert entry.trained_with
    assert entry.credit


@pytest.mark.parametrize(
    "name", [entry.name for entry in MODELS if entry.kind in KINDS and entry.name.startswith("mnist")]
)
def test_generated_digits_are_of_every_class(name: str) -> None:
    generator = Generator(name)
    latents = np.random.default_rng(0).normal(size=(600, *generator.shape)).astype(np.float32)
    logits = load_classifier("mnist-classifier")(generator.draw(latents))[0]
    shares = np.exp(logits - logits.max(1, keepdims=True))
    assert np.bincount(logits.argmax(1), minlength=10).min() >= 600 * 0.01
    assert np.median((shares / shares.sum(1, keepdims=True)).max(1)) > 0.9


def test_generated_paintings_are_colorful_without_a_grid() -> None:
    generator = Generator("paintings")
    drawn = generator.draw(
        np.random.default_rng(0).normal(size=(200, *generator.shape)).astype(np.float32)
    ).astype(float)
    assert drawn.shape == (200, 64, 64, 3)
    assert drawn.std((1, 2)).mean() > 15  # within a picture
    assert drawn.mean((1, 2)).std(0).min() > 15  # from picture to picture
    for period in (2, 4, 8):
        places = drawn.reshape(200, 64 // period, period, 64 // period, period, 3).mean((0, 1, 3, 5))
        assert places.std() < 2.5
