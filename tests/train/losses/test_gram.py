import pytest

torch = pytest.importorskip("torch")

from fststyle.train.losses.gram import gram_matrix  # noqa: E402


def test_gram_matches_a_plain_loop():
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    expected = torch.zeros(2, 3, 3)
    for n in range(2):
        for a in range(3):
            for b in range(3):
                expected[n, a, b] = sum(x[n, a, i, j] * x[n, b, i, j] for i in range(4) for j in range(5)) / (
                    3 * 4 * 5
                )
    torch.testing.assert_close(gram_matrix(x), expected)


def test_gram_by_hand():
    x = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])  # C=2, H=1, W=2: divided by 4
    torch.testing.assert_close(gram_matrix(x), torch.tensor([[[5.0, 11.0], [11.0, 25.0]]]) / 4)


def test_gram_is_float32_inside_autocast():
    x = torch.rand(1, 4, 8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = gram_matrix(x)
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, gram_matrix(x), rtol=0, atol=0)


def test_large_image_is_within_the_range_of_float32():
    x = torch.full((1, 2, 512, 512), 1e9)
    torch.testing.assert_close(gram_matrix(x), torch.full((1, 2, 2), 5e17), rtol=1e-3, atol=0)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gradient_equals_that_of_the_plain_expression(layout):
    torch.manual_seed(0)
    x = torch.randn(2, 5, 4, 3, dtype=torch.float64).contiguous(memory_format=layout).requires_grad_()
    weight = torch.randn(2, 5, 5, dtype=torch.float64)  # not symmetric, as a Gram matrix is
    flat = x.reshape(2, 5, 12)
    (plain,) = torch.autograd.grad((flat @ flat.transpose(1, 2) / 60 * weight).sum(), x)
    (ours,) = torch.autograd.grad((gram_matrix(x) * weight).sum(), x)
    torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-6)


def test_gradient_in_half_precision_is_near_the_exact_one():
    torch.manual_seed(0)
    exact = torch.rand(1, 8, 16, 16).requires_grad_()
    half = exact.detach().bfloat16().requires_grad_()
    target = gram_matrix(torch.rand(1, 8, 16, 16))
    slopes = [torch.autograd.grad((gram_matrix(x) - target).square().sum(), x)[0] for x in (exact, half)]
    assert slopes[1].dtype == torch.bfloat16
    assert (
        torch.nn.functional.cosine_similarity(slopes[0].flatten(), slopes[1].float().flatten(), dim=0) > 0.999
    )
