"""The API in front of a Redis hash: bottle on waitress, and HGET, HMGET, HVALS.

`python -m harness.bench.peers.redis_api UNIX_SOCKET`, with the listening socket as standard input.
"""

import socket
import sys
import threading
import time

import bottle
import msgspec
import redis
import waitress

_JSON = {"Content-Type": "application/json"}


class Answers:
    """The routes; each thread has a connection of its own."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._local = threading.local()

    def store(self) -> redis.Redis:
        """This thread's connection."""
        if not hasattr(self._local, "store"):
            self._local.store = redis.Redis(unix_socket_path=self._path)
        return self._local.store

    def one(self, symbol: str) -> bottle.HTTPResponse:
        """GET /funding/<symbol>"""
        held = self.store().hget("quote", symbol.upper())
        if held is None:
            return bottle.HTTPResponse(b'{"error":"unknown symbol"}', 404, _JSON)
        return bottle.HTTPResponse(msgspec.json.encode(self.aged(held)), 200, _JSON)

    def batch(self) -> bottle.HTTPResponse:
        """GET /funding/batch?symbols=A,B"""
        asked = bottle.request.query.symbols.split(",")
        return self.many(self.store().hmget("quote", asked))

    def all(self) -> bottle.HTTPResponse:
        """GET /funding"""
        return self.many(self.store().hvals("quote"))

    def many(self, held: list[bytes | None]) -> bottle.HTTPResponse:
        """Rows with their ages."""
        rows = [self.aged(each) for each in held if each is not None]
        body = msgspec.json.encode({"data": rows, "total": len(rows)})
        return bottle.HTTPResponse(body, 200, _JSON)

    @staticmethod
    def aged(held: bytes) -> dict[str, object]:
        """A row with its age."""
        row: dict[str, object] = msgspec.json.decode(held)
        updated_at = row["updatedAt"]
        assert isinstance(updated_at, float)
        row["ageSeconds"] = round(time.time() - updated_at, 3)
        return row


def main() -> None:
    """Until SIGTERM."""
    answers, app = Answers(sys.argv[1]), bottle.Bottle()
    app.route("/funding/batch", "GET", answers.batch)
    app.route("/funding/<symbol>", "GET", answers.one)
    app.route("/funding", "GET", answers.all)
    waitress.serve(app, sockets=[socket.socket(fileno=0)], threads=4, ident=None, _quiet=True)


if __name__ == "__main__":
    main()
