import math

import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")
from torch.nn import functional as F  # noqa: E402

from fststyle.train.losses.contrastive import (  # noqa: E402
    PIXELS,
    Heads,
    choose_positions,
    encoder_layers,
    features,
    features_and_output,
    patch_nce,
)
from fststyle.train.networks import build  # noqa: E402


def test_patch_nce_matches_a_plain_loop():
    generator = torch.Generator().manual_seed(0)
    query, key = (F.normalize(torch.randn(2, 5, 7, generator=generator), dim=2) for _ in range(2))
    expected = 0.0
    for n in range(2):
        for i in range(5):
            scores = [math.exp(float(query[n, i] @ key[n, j]) / 0.07) for j in range(5)]
            expected -= math.log(scores[i] / sum(scores)) / 10
    assert patch_nce(query, key).item() == pytest.approx(expected, rel=1e-4)


def test_patch_nce_at_chance_level_and_for_perfect_matches():
    alike = torch.ones(1, 8, 1)
    assert patch_nce(alike, alike).item() == pytest.approx(math.log(8))
    clear = torch.eye(8)[None]
    assert patch_nce(clear, clear).item() < 1e-4


def test_patch_nce_is_as_exact_inside_autocast():
    generator = torch.Generator().manual_seed(1)
    query, key = (F.normalize(torch.randn(1, 64, 8, generator=generator), dim=2) for _ in range(2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = patch_nce(query, key)
    assert inside.item() == pytest.approx(patch_nce(query, key).item(), rel=1e-5)


def test_no_gradient_reaches_the_keys():
    query, key = (torch.randn(1, 4, 3, requires_grad=True) for _ in range(2))
    patch_nce(query, key).backward()
    assert query.grad is not None
    assert key.grad is None


@pytest.mark.parametrize(
    ("network", "blocks", "layers"),
    [
        ("live", 3, [PIXELS, "stem", "down", "down16", "body16.0", "body16.2"]),
        ("johnson", 1, [PIXELS, "stem", "down1", "down2", "body.0"]),
        ("johnson", 5, [PIXELS, "stem", "down1", "down2", "body.0", "body.4"]),
    ],
)
def test_features_of_the_encoder(network, blocks, layers):
    torch.manual_seed(0)
    net, image = build(network, {"width": 4, "blocks": blocks}).eval(), torch.rand(2, 3, 32, 32)
    assert encoder_layers(net) == layers
    alone = features(net, image, layers)
    whole, stylized = features_and_output(net, image, layers)
    torch.testing.assert_close(stylized, net(image))
    assert list(alone) == list(whole) == layers
    for name in layers:
        torch.testing.assert_close(alone[name], whole[name])
    assert not any(module._forward_hooks for module in net.modules())


def test_heads_use_the_given_positions():
    torch.manual_seed(0)
    found = {"a": torch.randn(2, 3, 4, 5), "b": torch.randn(2, 6, 2, 2)}
    heads = Heads({"a": 3, "b": 6}, width=8)
    places = choose_positions(found, torch.Generator().manual_seed(1), 10)
    assert {name: len(set(chosen.tolist())) for name, chosen in places.items()} == {"a": 10, "b": 4}
    first, second = heads(found, places)
    assert (first.shape, second.shape) == ((2, 10, 8), (2, 4, 8))
    torch.testing.assert_close(first.norm(dim=2), torch.ones(2, 10))
    row, column = divmod(int(places["a"][7]), 5)
    torch.testing.assert_close(first[1, 7], F.normalize(heads.heads[0](found["a"][1, :, row, column]), dim=0))
