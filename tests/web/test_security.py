"""Attacks on the server."""

import importlib
import pkgutil
import socket
import struct
import threading
import time
import urllib.request
import zlib
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

pytest.importorskip("fastapi", reason="needs the extra web: pip install '.[web]'")

from fststyle.errors import InputError
from fststyle.web import routes
from fststyle.web.routes import api
from fststyle.web.security.rates import Rates
from fststyle.web.settings import check_access
from tests import styles

TOKEN = "a-long-enough-token"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/static//etc/passwd",
        "/styles/..%2f..%2fetc%2fpasswd/style.onnx",
        "/styles/invert/samples/..%2f..%2fcat.jpg",
        "/styles/invert%00/style.onnx",
        "/api/jobs/../../etc",
        "/api/jobs/..%2f..%2f/result",
        "/api/jobs/0123456789abcdef/result",
        "/train/%2e%2e",
    ],
)
def test_paths_outside_the_folders_are_refused(client, path):
    response = client.get(path)
    assert response.status_code in (404, 422)
    assert "root:" not in response.text
    assert "def create_app" not in response.text


@pytest.mark.parametrize("name", ["/etc/passwd", "../invert.onnx", "{folder}/invert.onnx", "invert.onnx"])
def test_style_parameter_is_never_a_path(client, style_folder, picture, name):
    form = {"style": name.format(folder=style_folder)}
    response = client.post("/api/paint", files={"photo": picture()}, data=form)
    assert response.status_code == 422
    assert "no style is called" in response.json()["detail"]


def test_file_name_is_only_a_label(client, picture, settings):
    name = '../../../tmp/x\r\nSet-Cookie: a=b;".png'
    response = client.post("/api/paint", files={"photo": (name, picture())}, data={"style": "invert"})
    assert response.status_code == 200
    assert "set-cookie" not in response.headers
    assert ".." not in response.headers["content-disposition"]


def test_other_host_names_are_refused(client):
    assert client.get("/", headers={"host": "evil.example"}).status_code == 421
    assert client.get("/", headers={"host": "evil.example:8020"}).status_code == 421
    assert client.get("/", headers={"host": "127.0.0.1.evil.example"}).status_code == 421
    assert client.get("/", headers={"host": "localhost:8020"}).status_code == 200
    assert client.get("/", headers={"host": "[::1]:8020"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1"},
    ],
)
def test_post_of_another_site_is_refused(client, picture, headers):
    for method, path in (("POST", "/api/paint"), ("DELETE", "/api/styles/invert"), ("POST", "/api/ratings")):
        assert client.request(method, path, headers=headers).status_code == 403
    assert client.get("/styles/invert").status_code == 200  # it was not deleted


def test_post_of_a_page_or_a_program_is_accepted(client):
    form = {"style": "invert", "stars": "4"}
    own = {"origin": "http://127.0.0.1", "sec-fetch-site": "same-origin"}
    assert client.post("/api/ratings", data=form, headers=own).status_code == 201
    assert client.post("/api/ratings", data=form).status_code == 201


def test_other_addresses_need_a_token(settings):
    with pytest.raises(InputError, match="other machines can reach this address"):
        check_access(replace(settings, host="0.0.0.0"))
    with pytest.raises(InputError, match="at least 16"):
        check_access(replace(settings, host="0.0.0.0", token="short"))
    check_access(replace(settings, host="0.0.0.0", token=TOKEN))


def test_nothing_is_shown_without_the_token(settings, connect):
    client = connect(replace(settings, token=TOKEN))
    assert client.get("/api/styles").status_code == 401
    assert client.post("/api/paint").status_code == 401
    assert client.get("/", headers={"accept": "text/html"}).url.path == "/login"
    assert client.get("/api/styles", headers={"authorization": "Bearer wrong"}).status_code == 401
    assert client.get("/login", params={"token": "wrong"}).status_code == 401
    assert client.post("/login", data={"token": "wrong"}).status_code == 401
    assert client.get("/api/styles", headers={"cookie": "fststyle=wrong"}).status_code == 401
    right = {"authorization": f"Bearer {TOKEN}"}
    assert client.get("/api/styles", headers=right).status_code == 200


def test_login_sets_a_cookie_that_is_not_the_token(settings, connect):
    client = connect(replace(settings, token=TOKEN))
    response = client.post("/login", data={"token": TOKEN}, follow_redirects=False)
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert TOKEN not in cookie
    assert client.get("/api/styles").status_code == 200


def test_tokens_cannot_be_tried_for_long(settings, connect):
    client = connect(replace(settings, token=TOKEN))
    codes = [
        client.get("/api/styles", headers={"authorization": f"Bearer {number}"}).status_code
        for number in range(15)
    ]
    assert codes[0] == 401
    assert codes[-1] == 429


def test_tokens_cannot_be_tried_for_long_on_the_login_page(settings, connect):
    client = connect(replace(settings, token=TOKEN))
    tried = [client.post("/login", data={"token": str(number)}).status_code for number in range(6)]
    tried += [client.get("/login", params={"token": str(number)}).status_code for number in range(9)]
    assert tried[0] == tried[6] == 401
    assert tried[-1] == 429
    assert client.post("/login", data={"token": TOKEN}, follow_redirects=False).status_code == 429


def test_rate_limit_delays_fast_clients(settings, connect):
    client = connect(replace(settings, requests_per_minute=60))
    codes = [client.post("/api/ratings", data={"style": "invert", "stars": "3"}) for _ in range(14)]
    assert [codes[0].status_code, codes[-1].status_code] == [201, 429]
    assert int(codes[-1].headers["retry-after"]) >= 1
    assert client.get("/").status_code == 200


def test_rate_limit_refills():
    now = [0.0]
    rates = Rates(60, clock=lambda: now[0])
    scope = {"client": ("1.2.3.4", 1)}
    assert [rates.take(scope) for _ in range(11)][-1] > 0
    assert rates.take({"client": ("1.2.3.5", 1)}) == 0
    now[0] += 1.01
    assert rates.take(scope) == 0


def test_large_upload_is_refused(settings, connect):
    client = connect(replace(settings, upload_mb=1))
    response = client.post("/api/paint", files={"photo": bytes(1_100_000)}, data={"style": "invert"})
    assert response.status_code == 413

    def parts():  # without a Content-Length
        yield b"--x\r\nContent-Disposition: form-data; name=photo; filename=a\r\n\r\n"
        for _ in range(40):
            yield bytes(50_000)

    kind = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post("/api/paint", content=parts(), headers=kind).status_code == 413


def _png_header(width: int, height: int) -> bytes:
    """A PNG of one color, whose pixels compress to almost nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = zlib.compress(bytes(1 + width * 3) * 10, 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", row) + chunk(b"IEND", b"")


def test_pixel_bomb_is_refused_by_its_header(client):
    begin = time.monotonic()
    bomb = _png_header(60_000, 60_000)
    response = client.post("/api/paint", files={"photo": bomb}, data={"style": "invert"})
    assert response.status_code == 422
    assert "more than 50,000,000 pixels" in response.json()["detail"]
    assert time.monotonic() - begin < 5


def _loop() -> bytes:
    """A style that never terminates."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["c2"]), helper.make_node("Identity", ["x"], ["x2"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.UINT8, None),
        ],
        [
            helper.make_tensor_value_info("c2", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x2", TensorProto.UINT8, None),
        ],
    )
    loop = helper.make_node("Loop", ["", "yes", "frame"], ["styled"], body=body)
    return styles.model([loop], {"yes": np.array(True)})


def _external() -> bytes:
    """A style whose weights are a file on the server."""
    model = onnx.load_model_from_string(styles.inverting())
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    tensor.ClearField("raw_data")
    return model.SerializeToString()


def _bomb() -> bytes:
    """A style that produces 2^40 values for each image."""
    nodes = [
        helper.make_node("Expand", ["zero", "shape"], ["large"]),
        helper.make_node("ReduceMax", ["large"], ["one"], keepdims=0),
        helper.make_node("Cast", ["one"], ["byte"], to=TensorProto.UINT8),
        helper.make_node("Add", ["frame", "byte"], ["styled"]),
    ]
    values = {"zero": np.zeros((1,), np.float32), "shape": np.array([2**20, 2**20], np.int64)}
    return styles.model(nodes, values)


def _other_contract() -> bytes:
    return styles.model([helper.make_node("Identity", ["image"], ["styled"])], given="image")


def _smaller() -> bytes:
    """A style whose output has another size."""
    values = {"axes": np.array([1], np.int64), "from": np.array([0], np.int64), "to": np.array([1], np.int64)}
    return styles.model([helper.make_node("Slice", ["frame", "from", "to", "axes"], ["styled"])], values)


@pytest.mark.parametrize(
    ("hostile", "message"),
    [
        (lambda: b"", "damaged or not an ONNX file"),
        (lambda: b"MZ" + bytes(1000), "damaged or not an ONNX file"),
        (lambda: styles.inverting()[:-40], "damaged or not an ONNX file|fails"),
        (_loop, "the operator Loop, which a style may not contain"),
        (_external, "the weights are in a separate file"),
        (_bomb, "memory|fails"),
        (_other_contract, "one input, frame, but has image"),
        (_smaller, "not an fststyle style"),
    ],
)
def test_hostile_style_is_refused(client, style_folder, hostile, message):
    before = sorted(path.name for path in style_folder.iterdir())
    response = client.post("/api/styles", files={"file": ("evil.onnx", hostile())})
    assert response.status_code == 422, response.text
    import re

    assert re.search(message, response.json()["detail"]), response.json()
    assert sorted(path.name for path in style_folder.iterdir()) == before


@pytest.mark.parametrize(
    "content",
    [
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n(/etc/passwd) (r) file",
        b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(100),
    ],
)
def test_playlists_and_programs_are_refused(client, content):
    files = {"files": ("video.mp4", content, "video/mp4")}
    response = client.post("/api/jobs", files=files, data={"style": "invert"})
    if response.status_code == 202:  # taken for a photo by its content
        job = _over(client, response.json()["id"])
        assert job["state"] == "failed"
        assert "root:" not in job["error"]
    else:
        assert response.status_code == 422


def _over(client, id: str) -> dict:
    end = time.monotonic() + 60
    while (job := client.get(f"/api/jobs/{id}").json())["state"] in ("queued", "running"):
        assert time.monotonic() < end
        time.sleep(0.05)
    return job


def test_errors_show_no_path_of_the_server(client, settings, style_folder, picture):
    (style_folder / "damaged.onnx").write_bytes(b"x")
    for response in (
        client.post("/api/paint", files={"photo": picture()}, data={"style": "damaged"}),
        client.get("/styles/damaged/samples/cat.jpg"),
        client.get("/styles/none"),
        client.post("/api/styles", files={"file": b"x"}),
        client.post("/api/paint", files={"photo": b"x"}, data={"style": "invert"}),
    ):
        assert response.status_code in (404, 422)
        assert str(style_folder) not in response.text
        assert str(settings.folder) not in response.text


def test_text_of_a_style_is_not_markup(client, style_folder):
    model = onnx.load_model_from_string(styles.inverting())
    for entry in model.metadata_props:
        entry.value = "<script>alert(1)</script>"
    entry = model.metadata_props.add()
    entry.key, entry.value = "title", "<img src=x onerror=alert(1)>"
    (style_folder / "script.onnx").write_bytes(model.SerializeToString())
    for path in ("/", "/styles/script", "/paint"):
        text = client.get(path).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text


def _post(port: int, body: bytes) -> bytes:
    """The response to an image that is sent to /api/paint."""
    form = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.png"\r\n\r\n' + body
    form += b'\r\n--x\r\nContent-Disposition: form-data; name="style"\r\n\r\ninvert\r\n--x--\r\n'
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/paint", form, {"Content-Type": "multipart/form-data; boundary=x"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.read()


def test_hundred_uploads_at_the_same_time(serve, picture):
    server = serve("--requests-per-minute", "100000")
    found: list[object] = []

    def paint() -> None:
        try:
            found.append(_post(server.port, picture(96, 128)))
        except Exception as error:
            found.append(error)

    threads = [threading.Thread(target=paint) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one for one in found if not isinstance(one, bytes)] == []
    assert len(set(found)) == 1
    assert len(found) == 100
    assert "Traceback" not in server.end()


def test_slow_client_is_disconnected_without_effect_on_others(serve, picture):
    server = serve("--upload-timeout", "1")
    slow = [socket.create_connection(("127.0.0.1", server.port), 10) for _ in range(20)]
    for one in slow:
        one.sendall(b"POST /api/paint HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n")
        one.sendall(b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x")
    assert _post(server.port, picture())
    for one in slow:
        assert b"408" in one.recv(4096)
        one.close()


def test_endless_header_is_disconnected(monkeypatch, settings, connect):
    uvicorn = pytest.importorskip("uvicorn")
    from fststyle.web.app import create_app
    from fststyle.web.security.protocol import PatientProtocol

    monkeypatch.setattr(PatientProtocol, "seconds", 0.5)
    config = uvicorn.Config(create_app(settings), http=PatientProtocol, port=0, log_level="error", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        slow = socket.create_connection(("127.0.0.1", port), 10)
        begin = time.monotonic()
        slow.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        try:
            while time.monotonic() - begin < 8:
                slow.sendall(b"X: y\r\n")  # a byte now and then must not help
                time.sleep(0.1)
        except OSError:
            pass
        assert time.monotonic() - begin < 5
        slow.close()
    finally:
        server.should_exit = True
        thread.join()


def _routes():
    """Path and method of every route, from the modules of the routes."""
    yield "/api/openapi.json", "GET"
    for package, prefix in ((routes, ""), (api, "/api")):
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            router = None if found.ispkg else getattr(importlib.import_module(found.name), "router", None)
            for route in router.routes if router else ():
                yield from ((prefix + route.path, method) for method in route.methods)


def test_no_route_is_reachable_without_the_token(settings, connect):
    client = connect(replace(settings, host="0.0.0.0", token="a" * 16))
    found = sorted(set(_routes()))
    assert {("/api/paint", "POST"), ("/devices", "GET"), ("/rate/{sheet}", "POST")} <= set(found)
    assert len(found) > 40
    for path, method in found:
        response = client.request(method, path, follow_redirects=False)
        if path == "/login":
            assert response.status_code in (200, 401), (method, path)
        elif not path.startswith("/static/"):
            assert response.status_code == 401, (method, path)
            assert response.json() == {"detail": "the request needs the token: Authorization: Bearer TOKEN"}


@pytest.mark.parametrize("path", ["/static/../api/jobs", "/static/%2e%2e/api/jobs", "/login/../api/jobs"])
def test_open_path_does_not_open_others(settings, connect, path):
    client = connect(replace(settings, host="0.0.0.0", token="a" * 16))
    assert client.get(path, follow_redirects=False).status_code in (401, 404)
