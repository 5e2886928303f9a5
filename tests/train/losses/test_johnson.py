import torch

from fststyle.train.losses.gram import gram_matrix
from fststyle.train.losses.johnson import content_loss, style_loss, total_variation_loss


def test_content_by_hand_one_value_per_image():
    a = torch.tensor([[[[0.0, 2.0]]], [[[1.0, 1.0]]]])
    b = torch.tensor([[[[1.0, 5.0]]], [[[1.0, 1.0]]]])
    torch.testing.assert_close(content_loss(a, b), torch.tensor([5.0, 0.0]))


def test_style_by_hand_one_value_per_image():
    x = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]], [[[0.0, 0.0]], [[0.0, 0.0]]]])
    loss = style_loss(x, torch.zeros(1, 2, 2))
    torch.testing.assert_close(loss, torch.tensor([(1.25**2 + 2 * 2.75**2 + 6.25**2) / 4, 0.0]))


def test_style_is_zero_against_itself():
    x = torch.randn(2, 3, 6, 6)
    torch.testing.assert_close(style_loss(x, gram_matrix(x)), torch.zeros(2))


def test_total_variation_by_hand():
    image = torch.zeros(2, 3, 2, 2)
    image[1, :, 0, 0] = 2 / 127.5  # 2 gray levels above its two neighbors, in each of the 3 channels
    torch.testing.assert_close(total_variation_loss(image), torch.tensor([0.0, 3 * (4.0 + 4.0) / 12]))
