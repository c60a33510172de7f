"""A page of one's own on the loopback: `GET /TOKEN/` is the page, `POST /TOKEN/fit` answers JSON with JSON.

Nobody else gets in. The address holds a random token; a request whose Host is not this server's (DNS rebinding) or whose
Origin is not (another page in the same browser) is refused, and answers carry no header that would let another origin read
them. No file is served, and nothing is fetched from anywhere: the page's policy forbids it.
"""

from __future__ import annotations

import json
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from shrinkage.errors import ShrinkageError

LARGEST_REQUEST = 1_000_000  # bytes; what the page's controls say is a few hundred
PATIENCE = 30  # seconds that a connection may be silent
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'"
)


class Refused(Exception):
    """A request that is answered with a status and one sentence."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Server(ThreadingHTTPServer):
    """Serves `page` (HTML) and `answer` (a JSON object to a JSON object) at `address`, on 127.0.0.1 only.

    `port` 0 takes a free one. An error of the library in `answer` becomes one sentence with status 400.
    """

    daemon_threads = True
    allow_reuse_address = False

    def __init__(self, page: str, answer: Callable[[dict[str, Any]], dict[str, Any]], port: int = 0) -> None:
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Handler)
        self.page = page.encode()
        self.answer = answer
        self.token = secrets.token_urlsafe(24)
        self.one_at_a_time = threading.Lock()  # an answer is fitted on one thread: two would share it

    @property
    def hosts(self) -> tuple[str, ...]:
        return f"127.0.0.1:{self.server_port}", f"localhost:{self.server_port}"

    @property
    def address(self) -> str:
        return f"http://{self.hosts[0]}/{self.token}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Also hang up on those who are connected: a browser keeps a connection open to ask again."""
        super().server_close()
        for connection in tuple(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no error, and anything else was answered with status 500."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "shrinkage"
    sys_version = ""
    timeout = PATIENCE
    disable_nagle_algorithm = True  # an answer is two writes, and the second waits for no acknowledgement of the first

    def do_GET(self) -> None:
        self._reply(self._page)

    def do_POST(self) -> None:
        self._reply(self._fit)

    def _reply(self, make: Callable[[], tuple[str, bytes]]) -> None:
        try:
            self._admit()
            kind, content = make()
            status = HTTPStatus.OK
        except Refused as refusal:
            status, (kind, content) = refusal.status, _json({"error": str(refusal)})
            self.close_connection = True  # what was sent along is not read
        except ShrinkageError as error:
            status, (kind, content) = HTTPStatus.BAD_REQUEST, _json({"error": str(error)})
        except Exception as error:  # the page shows it and keeps its state
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            kind, content = _json({"error": f"Unexpected error ({type(error).__name__}): {error}. Please report it."})
        self._send(status, kind, content)

    def _admit(self) -> None:
        """**Raises** `Refused` for a request that did not come from the page."""
        if self.headers.get_all("Host") not in [[host] for host in self.server.hosts]:
            raise Refused(HTTPStatus.FORBIDDEN, "This server answers to its own address only.")
        origins = self.headers.get_all("Origin") or []
        if any(origin not in [f"http://{host}" for host in self.server.hosts] for origin in origins):
            raise Refused(HTTPStatus.FORBIDDEN, "Another page may not ask this server.")
        token = self.path.lstrip("/").split("/")[0]
        if not secrets.compare_digest(token.encode(), self.server.token.encode()):
            raise Refused(HTTPStatus.FORBIDDEN, "The address lacks the token that was printed with it.")

    def _page(self) -> tuple[str, bytes]:
        if self.path != f"/{self.server.token}/":
            raise Refused(HTTPStatus.NOT_FOUND, "There is nothing here but the page.")
        return "text/html; charset=utf-8", self.server.page

    def _fit(self) -> tuple[str, bytes]:
        if self.path != f"/{self.server.token}/fit":
            raise Refused(HTTPStatus.NOT_FOUND, "Requests go to fit.")
        wanted = self._body()
        with self.server.one_at_a_time:
            return _json(self.server.answer(wanted))

    def _body(self) -> dict[str, Any]:
        if self.headers.get_content_type() != "application/json":  # which no form of another page can send
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A request must be application/json.")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "A request must state its Content-Length.")
        if int(length) > LARGEST_REQUEST:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A request is at most {LARGEST_REQUEST} bytes.")
        text = self.rfile.read(int(length))
        try:
            wanted = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Refused(HTTPStatus.BAD_REQUEST, f"The request is no JSON: {error}.") from None
        if not isinstance(wanted, dict):
            raise Refused(HTTPStatus.BAD_REQUEST, "The request must be a JSON object.")
        return wanted

    def _send(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind, "Content-Length": str(len(content)), "Cache-Control": "no-store",
            "Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
        }  # fmt: skip
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a request's line holds the token."""


def _json(value: dict[str, Any]) -> tuple[str, bytes]:
    return "application/json", json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
