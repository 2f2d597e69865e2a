"""A receiver of webhooks, with signatures checked by the rules of Standard Webhooks."""

import base64
import hashlib
import hmac
import http.server
import threading
import time


def signature(secret, ident, timestamp, body):
    """By the rules of Standard Webhooks, not by the gateway's code."""
    signed = f"{ident}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


class Receiver:
    """Takes deliveries; the first attempts get 503."""

    def __init__(self, refusals):
        self.attempts, self.taken = [], []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.attempts.append((dict(self.headers.items()), body))
                refused = len(receiver.attempts) <= refusals
                if not refused:
                    receiver.taken.append(receiver.attempts[-1])
                self.send_response(503 if refused else 204)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/budgets"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def check_signed(secret, headers, body):
    headers = {name.lower(): value for name, value in headers.items()}
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 60
    expected = signature(secret, headers["webhook-id"], headers["webhook-timestamp"], body)
    assert expected in headers["webhook-signature"].split(" ")
