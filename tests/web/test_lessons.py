"""The models that the lessons download."""

from typing import Any

import onnx
import pytest


def test_paintings_have_their_titles(client: Any) -> None:
    text = client.get("/learn").text
    assert '<option value="composition-vii">Composition VII</option>' in text
    assert '<option value="the-great-wave-off-kanagawa">The Great Wave off Kanagawa</option>' in text


@pytest.mark.parametrize("address", ["activations-1", "gradient-2", "models/mnist-vae", "models/paintings"])
def test_models_are_served(client: Any, address: str) -> None:
    response = client.get(f"/learn/{address}.onnx")
    assert response.status_code == 200
    onnx.checker.check_model(onnx.load_model_from_string(response.content))


@pytest.mark.parametrize(
    "address",
    [
        "activations-0",
        "activations-5",
        "weights-1",
        "models/subject",
        "models/..%2Fcatalogue",
        "models/udnie",
    ],
)
def test_no_other_file_is_served(client: Any, address: str) -> None:
    assert client.get(f"/learn/{address}.onnx").status_code == 404
