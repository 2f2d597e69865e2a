"""A server of a test's own, on a free port: it answers what it is told, and remembers what it was asked."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OWN = {"x-sm-request-id": "req_" + "1" * 32}


@dataclass
class Answer:
    status: int = 200
    body: object = None
    headers: dict = field(default_factory=dict)
    events: list | None = None  # of a stream; what is no text is sent as JSON
    drop: bool = False  # the connection is closed without an answer


@dataclass
class Asked:
    method: str
    path: str
    headers: dict
    body: object


def refusal(status, code, headers=None, **details):
    """As the gateway refuses."""
    body = {"error": {"message": f"It is {code}.", "type": "requests", "param": None, "code": code}}
    if details:
        body["error"]["details"] = details
    return Answer(status, body, {**OWN, **(headers or {})})


def chat(text="hello", **more):
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text},
                         "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}, **more}


def chunk(text=None, finish=None, index=0, **more):
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": index, "delta": {"content": text} if text else {},
                         "finish_reason": finish}], **more}


class FakeServer:
    """Its answers come in their order; the last one again and again."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []
        self._lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                length = int(self.headers.get("content-length", 0))
                fake.serve(self, self.rfile.read(length))

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.root = f"http://127.0.0.1:{self._server.server_port}"
        self.url = self.root + "/v1"

    def serve(self, handler, body):
        with self._lock:
            self.asked.append(Asked(handler.command, handler.path,
                                    {name.lower(): value for name, value in handler.headers.items()},
                                    json.loads(body) if body else None))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer.drop:
            handler.close_connection = True
            handler.connection.close()
            return
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        if answer.events is None:
            data = b"" if answer.body is None else json.dumps(answer.body).encode()
            handler.send_header("content-type", "application/json")
            handler.send_header("content-length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)
            return
        handler.send_header("content-type", "text/event-stream; charset=utf-8")
        handler.send_header("connection", "close")
        handler.end_headers()
        for event in answer.events:
            text = event if isinstance(event, str) else json.dumps(event)
            handler.wfile.write(f"data: {text}\n\n".encode())
        handler.close_connection = True

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
