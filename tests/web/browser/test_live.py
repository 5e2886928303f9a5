"""The filter in the browser: pixels as in the Python runtime, camera, mixture, recording and errors."""

import base64
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import fststyle
from fststyle.arrays import RGB

from .conftest import HEIGHT, WIDTH, scene

pytestmark = pytest.mark.slow

PAINT = """
async ([home, parts, strength, options, rgba, width, height]) => {
  const { Stylizer } = await import(home + "/static/stylizer/stylizer.js");
  const { styles } = await (await fetch(home + "/live/styles.json")).json();
  const stylizer = new Stylizer();
  const opened = await stylizer.open(options);
  const chosen = parts.map(([name, share]) => ({ style: styles.find((s) => s.name === name), share }));
  if (options.float) for (const { style } of chosen) style.int8 = null;
  const used = await stylizer.use(chosen, strength);
  const bytes = Uint8ClampedArray.from(atob(rgba), (c) => c.charCodeAt(0));
  const image = await stylizer.paint(new ImageData(bytes, width, height));
  stylizer.close();
  let text = "";
  for (const byte of image.data) text += String.fromCharCode(byte);
  return { ...opened, ...used, rgba: btoa(text) };
}
"""


def in_browser(
    page: Any, home: str, parts: list[tuple[str, float]], photo: RGB, strength: float = 1.0, **options: Any
) -> tuple[RGB, dict[str, Any]]:
    """The photo as the browser stylizes it, and the reported details."""
    height, width = photo.shape[:2]
    rgba = np.dstack([photo, np.full((height, width), 255, np.uint8)])
    coded = base64.b64encode(rgba.tobytes()).decode()
    info = page.evaluate(PAINT, [home, parts, strength, options, coded, width, height])
    painted = np.frombuffer(base64.b64decode(info.pop("rgba")), np.uint8).reshape(height, width, 4)
    return painted[..., :3], info


def status(page: Any, text: str) -> None:
    """Wait until the line below the image contains the text."""
    from playwright.sync_api import expect

    expect(page.locator(".filter-status")).to_contain_text(text, timeout=60_000)


def pixels(page: Any, *selectors: str) -> list[RGB]:
    """RGB of several canvases at the same time, so that the original belongs to the stylized image."""
    script = """selectors => selectors.map((selector) => {
      const canvas = document.querySelector(selector);
      const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let text = "";
      for (const byte of image.data) text += String.fromCharCode(byte);
      return [canvas.width, canvas.height, btoa(text)];
    })"""
    return [
        np.frombuffer(base64.b64decode(coded), np.uint8).reshape(height, width, 4)[..., :3]
        for width, height, coded in page.evaluate(script, list(selectors))
    ]


def stylizing(page: Any) -> None:
    """Wait until frames are stylized."""
    from playwright.sync_api import expect

    expect(page.locator(".filter-status")).to_have_attribute(
        "data-fps", re.compile(r"[1-9]|0\.[1-9]"), timeout=60_000
    )


def three_frames(page: Any) -> None:
    """Wait until a change of the controls has an effect on the output."""
    from playwright.sync_api import expect

    count = int(page.locator(".filter-status").get_attribute("data-frames"))
    later = "|".join(str(number) for number in range(count + 3, count + 2000))
    expect(page.locator(".filter-status")).to_have_attribute(
        "data-frames", re.compile(f"^({later})$"), timeout=60_000
    )


def compare(first: RGB, second: RGB) -> tuple[float, float]:
    """Mean and largest difference."""
    difference = np.abs(first.astype(int) - second)
    return float(difference.mean()), float(difference.max())


@pytest.fixture(scope="module")
def page(browser: Any, server: str) -> Any:
    """A page for scripts alone."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(server + "/live")
    yield page
    context.close()


@pytest.mark.parametrize("style", ["udnie", "starry-night", "starry-night-johnson"])
@pytest.mark.parametrize(("width", "height"), [(160, 120), (101, 67)])
def test_float_style_gives_the_pixels_of_the_runtime(
    page: Any, server: str, style: str, width: int, height: int
) -> None:
    photo = scene(7, width, height)
    painted, info = in_browser(page, server, [(style, 1)], photo, backend="wasm", float=True)
    assert info["method"] == "one"
    assert info["precision"] == "float"
    native = fststyle.load_style(style, device="cpu", precision="float")(photo)
    mean, largest = compare(painted, native)
    assert mean < 0.02
    assert largest <= 2
    assert compare(painted, photo)[0] > 10


def test_browser_without_promise_integration_uses_webassembly(browser: Any, server: str) -> None:
    """JavaScript Promise Integration is absent, as in Safari."""
    context = browser.new_context()
    removed = "for (const name of ['Suspending', 'promising']) delete WebAssembly[name];"

    def remove(route: Any) -> None:
        response = route.fetch()
        route.fulfill(response=response, body=removed + response.text())

    context.route("**/stylizer/engine.js", remove)
    page = context.new_page()
    page.goto(server + "/live")
    photo = scene(7, 48, 32)
    painted, info = in_browser(page, server, [("udnie", 1)], photo)
    context.close()
    assert info["backend"] == "wasm"
    assert compare(painted, photo)[0] > 10


def test_int8_style_is_near_that_of_the_runtime(page: Any, server: str) -> None:
    """int8 kernels round differently on CPUs with and without VNNI, in the runtime as well."""
    photo = scene(7, 160, 120)
    painted, info = in_browser(page, server, [("starry-night", 1)], photo, backend="wasm")
    assert info["precision"] == "int8"
    assert compare(painted, fststyle.load_style("starry-night", device="cpu", precision="int8")(photo))[0] < 2


def test_weights_are_interpolated_as_in_the_runtime(page: Any, server: str) -> None:
    photo = scene(3, 96, 72)
    parts = [("udnie", 0.6), ("great-wave", 0.4)]
    for strength in (1.0, 0.5):
        painted, info = in_browser(page, server, parts, photo, strength, backend="wasm")
        assert info["method"] == "weights"
        native = fststyle.load_style("udnie:0.6,great-wave:0.4", device="cpu", strength=strength)(photo)
        mean, largest = compare(painted, native)
        assert mean < 0.05
        assert largest <= 4


def test_styles_of_different_networks_are_blended_as_pictures(page: Any, server: str) -> None:
    photo = scene(3, 96, 72)
    parts = [("udnie", 0.5), ("starry-night-johnson", 0.5)]
    painted, info = in_browser(page, server, parts, photo, 0.8, backend="wasm")
    assert info["method"] == "pictures"
    one, other = (
        fststyle.load_style(name, device="cpu", precision="float")(photo).astype(float) for name, _ in parts
    )
    assert (
        compare(painted, np.clip(0.4 * one + 0.4 * other + 0.2 * photo, 0, 255).round().astype(int))[0] < 0.6
    )


def test_webgpu_gives_the_pixels_of_the_runtime(chromium: Any, server: str) -> None:
    """With a software GPU, so at a small size."""
    browser = chromium(
        "--enable-unsafe-webgpu",
        "--use-webgpu-adapter=swiftshader",
        "--enable-features=Vulkan",
        "--use-vulkan=swiftshader",
        "--ignore-gpu-blocklist",
        camera=False,
    )
    page = browser.new_page()
    page.set_default_timeout(180_000)
    page.goto(server + "/live")
    if not page.evaluate("async () => Boolean(navigator.gpu && await navigator.gpu.requestAdapter())"):
        pytest.skip("this chromium has no WebGPU")
    photo = scene(3, 48, 32)
    for style in ("starry-night", "udnie"):
        painted, info = in_browser(page, server, [(style, 1)], photo, backend="webgpu")
        assert (info["backend"], info["precision"]) == ("webgpu", "float")
        mean, largest = compare(painted, fststyle.load_style(style, device="cpu", precision="float")(photo))
        assert mean < 0.1
        assert largest <= 3
    browser.close()


def test_camera_is_stylized_and_recorded(browser: Any, server: str, watch: Any, tmp_path: Path) -> None:
    page = watch(browser, server).open("/live?style=starry-night")
    page.wait_for_selector("[data-ready]")
    assert page.evaluate("crossOriginIsolated")
    page.get_by_role("button", name="Start the camera").click()
    stylizing(page)
    status(page, "fps")
    status(page, "WebAssembly")
    status(page, "int8")

    page.get_by_label("Size").select_option("320")
    status(page, "320x240")
    page.get_by_role("button", name="Original").click()
    page.get_by_role("button", name="Steady").click()
    three_frames(page)
    with page.expect_download() as snapshot:
        page.get_by_role("button", name="Save image").click()
    assert snapshot.value.suggested_filename.startswith("starry-night-")
    with Image.open(snapshot.value.path()) as picture:
        painted = np.asarray(picture.convert("RGB"))
    assert painted.shape == (HEIGHT, WIDTH, 3)
    assert len(np.unique(painted)) > 30
    assert f"{WIDTH}x{HEIGHT} pixels" in page.text_content(".filter-notice")
    original, painted = pixels(page, ".filter-original", ".filter-painted")
    native = fststyle.load_style("starry-night", device="cpu", precision="int8")(original)
    assert compare(painted, native)[0] < 6
    assert compare(painted, original)[0] > 10
    # The camera is mirrored, so blue grows to the right and red to the left.
    assert original[:, 310, 2].mean() > original[:, 10, 2].mean() + 100

    page.get_by_role("button", name="Record").click()
    page.get_by_text("0:02").wait_for()
    with page.expect_download() as recording:
        page.get_by_role("button", name="Stop recording").click()
    name = recording.value.suggested_filename
    file = tmp_path / name
    recording.value.save_as(file)
    import av

    with av.open(str(file)) as video:
        shown = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(shown) > 4
    assert all(frame.shape == (HEIGHT, WIDTH, 3) for frame in shown)
    assert compare(shown[0], shown[-1])[0] > 1

    page.get_by_role("button", name="Stop the camera").click()
    assert page.get_by_role("button", name="Start the camera").is_visible()


def test_mixture_and_a_strength_are_chosen_with_the_keyboard(browser: Any, server: str, watch: Any) -> None:
    page = watch(browser, server).open("/live?style=udnie")
    page.wait_for_selector("[data-ready]")
    page.get_by_role("button", name="Start the camera").press("Enter")
    stylizing(page)
    page.get_by_label("Mix with").select_option(label="The Great Wave off Kanagawa")
    page.get_by_text("The weights of the styles are interpolated").wait_for()
    page.get_by_label("Strength").press("ArrowLeft")
    assert page.locator('[data-value="strength"]').text_content() == "95 %"
    status(page, "float")
    page.get_by_label("Mix with").select_option(label="The Starry Night (starry-night-johnson)")
    page.get_by_text("the stylized images are blended").wait_for()
    page.locator("input[name=style]").first.press("ArrowRight")
    page.locator("[data-filter]:not([aria-busy])").wait_for()
    assert page.locator("input[name=style]").nth(1).is_checked()


def test_picture_is_opened_and_saved_at_full_size(
    browser: Any, server: str, watch: Any, tmp_path: Path
) -> None:
    photo = scene(5, 211, 97)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    page = watch(browser, server).open("/live?style=starry-night-johnson")
    page.wait_for_selector("[data-ready]")
    page.locator("input[type=file]").set_input_files(tmp_path / "photo.png")
    status(page, "211x97")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save image").click()
    with Image.open(io.BytesIO(Path(download.value.path()).read_bytes())) as picture:
        painted = np.asarray(picture.convert("RGB"))
    mean, largest = compare(
        painted, fststyle.load_style("starry-night-johnson", device="cpu", precision="float")(photo)
    )
    assert mean < 0.05
    assert largest <= 2


def test_file_that_is_not_a_picture_is_refused(browser: Any, server: str, watch: Any, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_text("not a picture")
    page = watch(browser, server).open("/live")
    page.wait_for_selector("[data-ready]")
    page.locator("input[type=file]").set_input_files(tmp_path / "photo.png")
    page.get_by_text("This file is not an image that the browser can read.").wait_for()


def test_blocked_camera_is_explained(browser: Any, server: str, watch: Any) -> None:
    page = watch(browser, server).open("/live", camera=False)
    page.wait_for_selector("[data-ready]")
    page.get_by_role("button", name="Start the camera").click()
    page.get_by_text("The camera is blocked for this page.").wait_for()
    assert page.get_by_role("button", name="Try the camera again").is_visible()
    assert page.get_by_role("button", name="Open an image").first.is_visible()


def test_missing_camera_is_explained(chromium: Any, server: str, watch: Any) -> None:
    page = watch(chromium(camera=False), server).open("/live")
    page.wait_for_selector("[data-ready]")
    page.get_by_role("button", name="Start the camera").click()
    page.get_by_text("No camera was found.").wait_for()


def test_static_parts_do_not_flicker(page: Any, server: str) -> None:
    """Consecutive stylized frames differ by 40 levels, while the left half of the scene is static."""
    script = """async (home) => {
      const { TemporalFilter } = await import(home + "/static/stylizer/temporal.js");
      const filter = new TemporalFilter(), width = 64, height = 32, shown = [];
      for (let index = 0; index < 20; index++) {
        const frame = new Uint8Array(width * height * 3), painted = new Uint8Array(frame.length);
        for (let i = 0; i < frame.length; i++) {
          const right = Math.floor(i / 3) % width >= width / 2;
          frame[i] = right ? (i * 31 + index * 60) % 256 : 90;
          painted[i] = index % 2 ? 120 : 80;
        }
        shown.push(filter.next(frame, painted, width, height));
      }
      const jump = (x) => Math.abs(shown[19][3 * (16 * width + x)] - shown[18][3 * (16 * width + x)]);
      const cut = filter.next(new Uint8Array(width * height * 3).fill(250), shown[0], width, height);
      return { still: jump(8), moving: jump(56), cut: cut[30] };
    }"""
    info = page.evaluate(script, server)
    assert info == {"still": pytest.approx(3, abs=1.5), "moving": 40, "cut": 80}


@pytest.mark.parametrize("path", ["/live", "/learn"])
def test_page_fits_a_phone(browser: Any, server: str, watch: Any, path: str) -> None:
    page = watch(browser, server).open(
        path, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page.locator("[data-ready]").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    small = [
        button.bounding_box()["height"] for button in page.get_by_role("button").all() if button.is_visible()
    ]
    assert small
    assert min(small) >= 38


@pytest.mark.parametrize(
    ("times", "size"),
    [([200.0] * 12, 128), ([60.0] * 12, 128), ([38.0] * 12, 160), ([5.0] * 12, 400), ([5.0] * 11, 160)],
)
def test_size_adapts_to_the_time_of_a_frame(page: Any, server: str, times: list[float], size: int) -> None:
    """From 160 pixels at 24 fps: the largest size whose predicted time fits."""
    script = """async ([home, times]) => {
      const { Pace } = await import(home + "/static/stylizer/pace.js");
      const pace = new Pace();
      for (const time of times) pace.note(time);
      return pace.size;
    }"""
    assert page.evaluate(script, [server, times]) == size


def test_picture_is_saved_at_the_size_of_the_camera_or_as_shown(
    browser: Any, server: str, watch: Any
) -> None:
    page = watch(browser, server).open("/live?style=starry-night")
    page.wait_for_selector("[data-ready]")
    page.get_by_role("button", name="Start the camera").click()
    stylizing(page)
    page.get_by_label("Size").select_option("160")
    status(page, "160x120")
    assert f"{WIDTH}x{HEIGHT}" in page.get_by_label("Save images").text_content()
    for choice, size in (("camera", (WIDTH, HEIGHT)), ("shown", (160, 120))):
        page.get_by_label("Save images").select_option(choice)
        with page.expect_download() as snapshot:
            page.get_by_role("button", name="Save image", exact=True).click()
        with Image.open(snapshot.value.path()) as picture:
            assert picture.size == size
            assert len(np.unique(np.asarray(picture))) > 30
        page.get_by_text(f"{size[0]}x{size[1]} pixels").wait_for()
    three_frames(page)


DROP = """([selector, name, type, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, { type }));
  const drop = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
  return document.querySelector(selector).dispatchEvent(drop);
}"""


@pytest.mark.parametrize(
    ("place", "name", "type"),
    [
        (".filter-stage", "photo.png", "image/png"),
        (".filter-stage", "a.pdf", "application/pdf"),
        ("footer", "a.txt", ""),
    ],
)
def test_wrong_file_does_not_cover_the_camera(
    browser: Any, server: str, watch: Any, place: str, name: str, type: str
) -> None:
    page = watch(browser, server).open("/live?style=starry-night")
    page.wait_for_selector("[data-ready]")
    page.get_by_role("button", name="Start the camera").click()
    stylizing(page)
    # False: the browser does not leave the page for the file.
    assert page.evaluate(DROP, [place, name, type, "not a picture"]) is False
    page.get_by_text("This file is not an image that the browser can read.").wait_for()
    assert page.is_hidden(".filter-empty")
    three_frames(page)
