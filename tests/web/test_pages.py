"""Every page is served with its security headers, and the style sheet is complete."""

import re

import pytest

pytest.importorskip("fastapi", reason="needs the extra web: pip install '.[web]'")

from fststyle.web.pages import NAVIGATION, STATIC


@pytest.mark.parametrize("url", [url for _, url in NAVIGATION])
def test_page_is_complete_and_protected(client, url):
    response = client.get(url)
    assert response.status_code == 200
    assert f'href="{url}" aria-current="page"' in response.text
    assert "'unsafe-inline'" not in response.headers["content-security-policy"]
    assert response.headers["cross-origin-opener-policy"] == "same-origin"
    assert response.headers["cross-origin-embedder-policy"] == "require-corp"


def test_every_loss_on_the_train_page_has_a_color():
    script, sheet = ((STATIC / "app" / name).read_text() for name in ("training.js", "style.css"))
    keys = re.search(r"const SHOWN = \[(.*)\]", script)[1]
    colored = {kind: re.findall(rf"\.{kind}-(\w+) {{", sheet) for kind in ("line", "legend")}
    assert sorted(re.findall(r'"(\w+)"', keys)) == sorted(colored["line"]) == sorted(colored["legend"])
