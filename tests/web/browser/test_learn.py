"""The lessons, which the browser computes on the photo of the visitor."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from .conftest import scene
from .test_live import compare, pixels

pytestmark = pytest.mark.slow


def steps(page: Any, lesson: str, count: int) -> list[dict[str, float]]:
    """Start the descent of a lesson. Returns its losses at each observed step until `count`."""
    from playwright.sync_api import expect

    form = page.locator(f"{lesson} .descent")
    form.get_by_role("button", name="Start", exact=True).click()
    found: list[dict[str, float]] = []
    while not found or found[-1]["step"] < count:
        expect(form).to_have_attribute("data-step", re.compile(r"\d"), timeout=300_000)
        seen = {
            key: float(value)
            for key, value in form.evaluate("form => ({ ...form.dataset })").items()
            if key != "descent"
        }
        if not found or seen["step"] > found[-1]["step"]:
            found.append(seen)
        page.wait_for_timeout(50)
    form.get_by_role("button", name="Pause").click()
    return found


def see(page: Any, lesson: str) -> None:
    """Scroll to a lesson and wait until it is computed."""
    page.locator(lesson).scroll_into_view_if_needed()
    page.locator(f"{lesson}:not([aria-busy])").wait_for()


@pytest.fixture
def learn(browser: Any, server: str, watch: Any) -> Any:
    page = watch(browser, server).open("/learn", camera=False)
    page.locator(".learn[data-ready]").wait_for()
    yield page
    assert page.locator(".learn .error").is_hidden()


def test_lessons_use_the_photo_of_the_visitor(learn: Any, tmp_path: Path) -> None:
    Image.fromarray(scene(4)).save(tmp_path / "photo.png")
    learn.locator("#pictures input[type=file]").set_input_files(tmp_path / "photo.png")
    learn.locator('img[src^="blob:"]').wait_for()
    see(learn, "#convolution")
    learn.wait_for_function("() => document.querySelector('#convolution canvas').width === 320")
    (edges,) = pixels(learn, "#convolution canvas")
    import cv2

    gray = np.asarray(Image.fromarray(scene(4)).convert("L"))
    expected = np.abs(cv2.Sobel(gray, cv2.CV_32F, 1, 0, borderType=cv2.BORDER_REPLICATE)).clip(0, 255)
    assert np.abs(edges[..., 0] - expected).mean() < 3
    learn.get_by_role("button", name="no change").click()
    (same,) = pixels(learn, "#convolution canvas")
    assert np.abs(same[..., 0].astype(int) - gray).mean() < 2


def test_activations_and_gram_matrices_are_shown(learn: Any) -> None:
    see(learn, "#layers")
    learn.get_by_text("This layer gives 64 answers").wait_for()
    assert learn.locator(".activations canvas").count() == 12
    first = pixels(learn, ".activations canvas")[0]
    learn.get_by_label("layer 4: textures").check()
    learn.get_by_text("This layer gives 128 answers").wait_for()
    assert pixels(learn, ".activations canvas")[0].shape[0] == first.shape[0] // 2

    see(learn, "#style")
    text = learn.get_by_text("From the Gram matrix of the painting").text_content()
    photo, shuffled = (int(number) for number in re.findall(r"(\d+) %", text))
    assert shuffled < photo


def test_layer_reconstructs_the_content(learn: Any) -> None:
    learn.locator("#content select").select_option("0")
    losses = steps(learn, "#content", 12)
    assert losses[-1]["content"] < 0.7 * losses[0]["content"]


def test_painting_lowers_both_losses_and_the_weight_can_be_moved(learn: Any) -> None:
    for layer in ("4", "7"):
        learn.locator("#descent").get_by_label(layer, exact=True).uncheck()
    learn.locator("#descent [name=side]").select_option("96")
    losses = steps(learn, "#descent", 8)
    assert losses[-1]["style"] < 0.8 * losses[0]["style"]
    painted = pixels(learn, "#descent figure canvas")[0]
    assert painted.shape[1] == 96
    assert painted.std() > 10
    learn.locator("#descent [name=weight]").press("Home")
    assert learn.locator('#descent [data-value="weight"]').text_content() == "0.0"
    assert learn.locator("#descent").get_by_role("button", name="Go on").is_visible()


@pytest.mark.parametrize(("name", "side"), [("GAN: digits", 28), ("VAE: digits", 28), ("GAN: paintings", 64)])
def test_latent_space_is_explored(learn: Any, name: str, side: int) -> None:
    see(learn, "#latent")
    learn.get_by_label("Network").last.select_option(label=name)
    chart = learn.get_by_label("Map of the latent space")
    learn.locator(f'[data-canvas="place"][width="{side}"]').wait_for()
    learn.wait_for_timeout(300)
    walked = []
    for across in (0.2, 0.5, 0.8):
        box = chart.bounding_box()
        learn.mouse.move(box["x"] + across * box["width"], box["y"] + 0.5 * box["height"])
        learn.get_by_text(f"The image at {100 * across:.0f} across, 50 down").wait_for()
        walked += pixels(learn, '[data-canvas="place"]')
    assert all(picture.shape == (side, side, 3) and picture.std() > 5 for picture in walked)
    assert compare(walked[0], walked[1])[0] > 1
    chart.press("ArrowRight")
    learn.get_by_text("The image at 82 across, 50 down").wait_for()


def test_drawn_digit_is_encoded_decoded_and_classified(learn: Any) -> None:
    see(learn, "#latent")
    pad = learn.get_by_label("Place to draw a digit")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    middle = box["x"] + box["width"] / 2
    learn.mouse.move(middle, box["y"] + 0.15 * box["height"])
    learn.mouse.down()
    for part in np.linspace(0.15, 0.85, 12):
        learn.mouse.move(middle, box["y"] + part * box["height"])
    learn.mouse.up()
    learn.get_by_text(re.compile(r"reads your digit as 1")).wait_for()
    assert learn.get_by_label("The 20 numbers").is_visible()
    (decoded,) = pixels(learn, '[data-canvas="decoded"]')
    assert decoded[10:18, 11:17].mean() > decoded[10:18, :6].mean() + 60


def test_printed_page_has_no_controls(learn: Any, tmp_path: Path) -> None:
    learn.emulate_media(media="print")
    assert learn.get_by_role("navigation").first.is_hidden()
    assert learn.get_by_role("button", name="Print this page").is_hidden()
    assert learn.get_by_role("heading", name="5. Style").is_visible()
    assert learn.pdf(format="A4").count(b"/Type /Page\n") >= 2
