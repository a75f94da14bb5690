"""A gate in front of the real Rasa: it lets requests through, keeps them waiting, or answers them wrongly."""

from __future__ import annotations

import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx


class RasaGate:
    """Stands at Rasa's address for an app.

    Attributes:
        faults: what to answer to the next turns, before any is let through: a status and a body.
        turns: how many turns were asked for.
    """

    def __init__(self, rasa_url: str) -> None:
        self.faults: deque[tuple[int, bytes]] = deque()
        self.turns = 0
        self._rasa_url = rasa_url
        self._open = threading.Event()
        self._open.set()
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                gate._pass(self, b"")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                gate.turns += 1
                gate._open.wait(60)
                if gate.faults:
                    gate._answer(self, *gate.faults.popleft())
                else:
                    gate._pass(self, body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """An app that was killed does not read its answer."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> RasaGate:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def close(self) -> None:
        """Keep the turns that come waiting."""
        self._open.clear()

    def open(self) -> None:
        """Let them go on."""
        self._open.set()

    def _pass(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        dropped = ("host", "connection", "content-length", "accept-encoding")
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in dropped}
        headers["Accept-Encoding"] = "identity"
        response = httpx.request(
            handler.command, f"{self._rasa_url}{handler.path}", headers=headers, content=body, timeout=60
        )
        self._answer(handler, response.status_code, response.content)

    def _answer(self, handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
