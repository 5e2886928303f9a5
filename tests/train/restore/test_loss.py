"""The objective of the restoration."""

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from fststyle.train.networks.vgg import VGG16, repeat_edges  # noqa: E402
from fststyle.train.restore import loss as module  # noqa: E402
from fststyle.train.restore.loss import Patches, Surroundings, Terms  # noqa: E402

WEIGHTS = {"style_weight": 1.0, "patch_weight": 1.0, "color_weight": 1.0, "tone_weight": 1.0}
LAYERS = {"style_layers": {"relu1_2": 1.0, "relu2_2": 1.0}, "patch_layers": {"relu2_2": 1.0}}


@pytest.fixture(scope="module")
def vgg():
    torch.manual_seed(0)
    return repeat_edges(VGG16())


@pytest.fixture
def image():
    rows = torch.arange(48).float()[:, None] + torch.zeros(48)
    return torch.stack([torch.sin(rows / 2), torch.cos(rows / 2), torch.zeros(48, 48)])[None]


@pytest.fixture
def hole():
    hole = torch.zeros(1, 1, 48, 48)
    hole[..., 20:28, 20:28] = 1
    return hole


def test_the_image_itself_is_better_than_a_gray_filling(vgg, image, hole):
    loss = Surroundings(vgg, image, hole, torch.zeros_like(hole), **LAYERS, **WEIGHTS)
    gray = torch.where(hole > 0, torch.zeros_like(image), image)
    terms = []
    for candidate in (image, gray):
        loss.choose(candidate)
        terms.append(loss(candidate))
    for name in Terms._fields:
        assert getattr(terms[0], name) < getattr(terms[1], name), name
    assert terms[0].total == sum(terms[0])
    # The rows repeat to the left and to the right of the hole.
    assert terms[0].color < 1e-6


def test_tone_sees_a_wrong_mean_color_and_no_texture(vgg, image, hole):
    loss = Surroundings(vgg, image, hole, torch.zeros_like(hole), **LAYERS, **WEIGHTS)
    texture = 0.5 * (1 - 2 * ((torch.arange(48)[:, None] + torch.arange(48)) % 2)) * hole
    tones = [loss(image + change).tone for change in (0 * hole, texture, 0.5 * hole)]
    assert tones[0] == 0
    assert tones[1] < 0.1 * tones[2]


def test_the_damage_is_no_target(vgg, image, hole):
    spared = torch.zeros_like(hole)
    spared[..., :8, :8] = 1
    other = image.clone()
    other[..., 20:28, 20:28] = 7.0
    other[..., :8, :8] = -7.0
    known = [Surroundings(vgg, p, hole, spared, **LAYERS, **WEIGHTS)._colors.known for p in (image, other)]
    assert torch.equal(*known)
    assert known[0].abs().max() <= 1


def test_the_nearest_patch_is_chosen():
    found = torch.arange(100.0).reshape(1, 1, 10, 10)
    damaged = torch.zeros(10, 10, dtype=torch.bool)
    damaged[5, 5] = True
    patches = Patches(found, damaged, torch.zeros(10, 10, dtype=torch.bool), 1, False)
    assert patches.usable
    assert len(patches.places) == 1
    changed = found.clone()
    changed[0, 0, 5, 5] = 17.2
    patches.choose(changed)
    assert patches.known[0, patches.chosen].item() == 17
    assert patches.loss(changed).item() == pytest.approx(0.04 / found.var(correction=0).item(), rel=1e-3)


@pytest.mark.parametrize("normalized", [False, True])
def test_patches_compared_in_groups_have_the_same_choice(normalized, monkeypatch):
    found = torch.randn(1, 4, 20, 20, generator=torch.Generator().manual_seed(0))
    damaged = torch.zeros(20, 20, dtype=torch.bool)
    damaged[4:9, 4:9] = True
    patches = Patches(found, damaged, damaged, 3, normalized)
    chosen = []
    for most in (1024, 7):
        monkeypatch.setattr(module, "AT_ONCE", most)
        patches.choose(found)
        chosen.append(patches.chosen)
    assert len(patches.places) > 7
    assert (chosen[0] == chosen[1]).all()


def test_without_intact_patches_nothing_is_compared(vgg, image):
    hole = torch.ones(1, 1, 48, 48)
    hole[..., 0, 0] = 0
    loss = Surroundings(vgg, image, hole, torch.zeros_like(hole), **LAYERS, **WEIGHTS)
    loss.choose(image)
    assert loss(image).total == 0
    assert not loss.has_patches
