"""The explorer's server on real sockets: it answers its own page and nobody else, and ends when told to."""

import http.client
import json
import socket
import threading

import pytest

import shrinkage as sh
from shrinkage.page.serve import LARGEST_REQUEST, Server


def answer(wanted):
    if wanted.get("alpha", 1) < 0:
        raise sh.ParameterError("alpha must be >= 0; got -1.")
    if "crash" in wanted:
        raise ZeroDivisionError("by design")
    return {"asked": wanted}


@pytest.fixture
def server():
    with Server("<!doctype html><p>the page</p>", answer) as one:
        thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield one
        one.shutdown()
        thread.join(5)


def ask(server, method="POST", path=None, body=b"{}", **headers):
    """(status, headers, body). Headers by name; None leaves out one that is sent otherwise."""
    sent = {"Host": server.hosts[0], "Content-Type": "application/json", "Content-Length": str(len(body))}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    connection.putrequest(method, path or f"/{server.token}/fit", skip_host=True, skip_accept_encoding=True)
    for name, value in sent.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders(body if method == "POST" else None)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response.status, response.headers, text


def own_origin(server):
    return f"http://{server.hosts[0]}"


def test_the_page_and_the_answer(server):
    status, headers, text = ask(server, "GET", f"/{server.token}/", Content_Length=None, Content_Type=None)
    assert (status, headers.get_content_type(), text) == (200, "text/html", b"<!doctype html><p>the page</p>")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer" and headers["Cache-Control"] == "no-store"
    status, headers, text = ask(server, body=b'{"alpha": 2}', Origin=own_origin(server))
    assert (status, json.loads(text)) == (200, {"asked": {"alpha": 2}})
    assert not [name for name in headers if name.lower().startswith("access-control")]


def test_localhost_is_the_same_address(server):
    name = f"localhost:{server.server_port}"
    assert ask(server, Host=name, Origin=f"http://{name}")[0] == 200


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1", "https://127.0.0.1:{port}", "http://127.0.0.1:{port}.evil.example",
     "http://127.0.0.1:1", ""],
)  # fmt: skip
def test_a_foreign_origin_is_refused(server, origin):
    status, headers, text = ask(server, Origin=origin.format(port=server.server_port))
    assert status == 403 and "error" in json.loads(text)
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}", "evil.example:{port}", None])
def test_a_foreign_host_is_refused(server, host):
    assert ask(server, Host=host and host.format(port=server.server_port))[0] == 403


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/", "/fit", "//fit", "/wrong/", "/wrong/fit", "/%C3%A9/fit", "*"])
def test_a_wrong_token_is_refused(server, method, path):
    status, _, text = ask(server, method, path)
    assert status == 403 and server.token not in text.decode()
    assert ask(server, method, f"/{server.token[:-1]}/fit")[0] == 403


def test_what_is_not_there(server):
    assert ask(server, "GET", f"/{server.token}/../../etc/passwd")[0] == 404
    assert ask(server, "POST", f"/{server.token}/")[0] == 404
    assert ask(server, "PUT")[0] == 501


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[1]", {}, 400),
        (b"[" * 100_000, {}, 400),
        (b"\xff\xfe\x00", {}, 400),
        (b'{"alpha": -1}', {}, 400),
        (b'{"crash": 1}', {}, 500),
        (b"{}", {"Content_Type": "text/plain"}, 415),
        (b"{}", {"Content_Length": None}, 411),
        (b"{}", {"Content_Length": "-1"}, 411),
        (b"{}", {"Content_Length": str(LARGEST_REQUEST + 1)}, 413),
    ],
    ids=lambda x: repr(x)[:30],
)
def test_a_bad_request_gets_one_error_and_the_server_lives(server, body, headers, status):
    found, _, text = ask(server, body=body, **headers)
    assert found == status
    told = json.loads(text)
    assert list(told) == ["error"] and told["error"].endswith(".")
    assert ask(server)[0] == 200


def test_loopback_only(server):
    assert server.server_address[0] == "127.0.0.1"
    others = {entry[4][0] for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for other in others - {"127.0.0.1"}:
        if not other.startswith("127."):
            with pytest.raises(OSError):
                socket.create_connection((other, server.server_port), timeout=2).close()


def test_every_server_has_a_token_of_its_own():
    tokens = []
    for _ in range(2):
        with Server("", answer) as one:
            tokens.append(one.token)
    assert len(set(tokens)) == 2 and all(len(token) >= 32 for token in tokens)


def test_a_client_that_hangs_up_disturbs_nobody(server, capfd):
    with socket.create_connection(("127.0.0.1", server.server_port)) as rude:
        rude.sendall(f"POST /{server.token}/fit HTTP/1.1\r\nHost: {server.hosts[0]}\r\nContent-Length: 9".encode())
    assert ask(server)[0] == 200
    assert capfd.readouterr().err == ""


def test_closing_hangs_up_on_who_is_connected():
    with Server("", answer) as one:
        thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        kept = http.client.HTTPConnection("127.0.0.1", one.server_port, timeout=5)
        headers = {"Content-Type": "application/json"}
        kept.request("POST", f"/{one.token}/fit", b"{}", headers)
        assert kept.getresponse().read() == b'{"asked":{}}'
        one.shutdown()
        thread.join(5)
    with pytest.raises((http.client.HTTPException, OSError)):
        kept.auto_open = False
        kept.request("POST", f"/{one.token}/fit", b"{}", headers)
        kept.getresponse()
    kept.close()
