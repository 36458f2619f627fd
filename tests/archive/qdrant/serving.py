"""Qdrant's HTTP interface as far as medneg uses it, over the client's local mode, on loopback."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pydantic import TypeAdapter


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self):
        self.server.asked.append((self.command, self.path.partition("?")[0], self.headers.get("api-key")))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        _, _, name, *rest = self.path.partition("?")[0].split("/")
        with self.server.turn:
            try:
                result, status = _do(self.server, (self.command, *rest), name, json.loads(body or "{}")), 200
            except ValueError as error:
                result, status = None, 404 if "not found" in str(error) else 400
        text = json.dumps({"result": result, "status": "ok", "time": 0.0}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _answer

    def log_message(self, *words):
        pass


def _do(server, asked, name, body):
    from qdrant_client import models

    local, done = server.local, {"operation_id": 1, "status": "completed"}
    match asked:
        case ("GET",):
            return local.get_collection(name).model_dump(mode="json")
        case ("PUT",):
            made = models.CreateCollection.model_validate(body)
            server.made[name] = made
            return local.create_collection(name, made.vectors, metadata=made.metadata)
        case ("PATCH",):
            return local.update_collection(
                name, metadata=models.UpdateCollection.model_validate(body).metadata
            )
        case ("DELETE",):
            return local.delete_collection(name)
        case ("PUT", "points"):
            local.upsert(name, models.PointsBatch.model_validate(body).batch)
            return done
        case ("POST", "points", "delete"):
            local.delete(name, models.PointIdsList.model_validate(body))
            return done
        case ("POST", "points", "count"):
            return {"count": local.count(name).count}
        case ("POST", "points", "scroll"):
            asked = models.ScrollRequest.model_validate(body)
            points, offset = local.scroll(name, limit=asked.limit, offset=asked.offset, with_payload=False)
            return {"points": [point.model_dump(mode="json") for point in points], "next_page_offset": offset}
        case ("POST", "points", "query", "batch"):
            requests = TypeAdapter(list[models.QueryRequest]).validate_python(body["searches"])
            server.params |= set().union(*map(_params, requests))
            found = local.query_batch_points(name, requests)
            return [{"points": [point.model_dump(mode="json") for point in each.points]} for each in found]
    raise ValueError(f"{asked} is unknown here")


def _params(request):
    """How searches of the graph and stages on candidates go; the local mode would not understand it."""
    searches, found = [request], set()
    while searches:
        search = searches.pop()
        searches += search.prefetch or []
        if search.params:
            kind = "stage" if search.prefetch else "graph"
            found.add((kind, search.params.hnsw_ef, search.params.exact or None))
            search.params = None
    return found


@contextmanager
def running():
    """A server with what it was asked: ``asked``, ``made`` and ``params``; and its address."""
    from qdrant_client import QdrantClient

    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.local = QdrantClient(":memory:", force_disable_check_same_thread=True)
    server.turn, server.asked, server.made, server.params = threading.Lock(), [], {}, set()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
