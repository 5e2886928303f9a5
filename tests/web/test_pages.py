"""Every page is served with its security headers."""

import pytest

pytest.importorskip("fastapi", reason="needs the extra web: pip install '.[web]'")

from fststyle.web.pages import NAVIGATION


@pytest.mark.parametrize("url", [url for _, url in NAVIGATION])
def test_page_is_complete_and_protected(client, url):
    response = client.get(url)
    assert response.status_code == 200
    assert f'href="{url}" aria-current="page"' in response.text
    assert "'unsafe-inline'" not in response.headers["content-security-policy"]
    assert response.headers["cross-origin-opener-policy"] == "same-origin"
    assert response.headers["cross-origin-embedder-policy"] == "require-corp"
