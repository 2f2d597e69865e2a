"""What a request says to the gateway beside its body."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal

from ._environment import ConfigurationError

Priority = Literal["interactive", "agent", "batch"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CHANNEL = re.compile(r"[a-z0-9-]{1,64}")
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def options(
    *,
    timeout: float | timedelta | None = None,
    priority: Priority | None = None,
    session: str | None = None,
    channel: str | None = None,
    idempotency_key: str | None = None,
    request_id: str | None = None,
    client_request_id: str | None = None,
    traceparent: str | None = None,
) -> dict[str, str]:
    """`extra_headers` of a call. What the gateway would ignore or refuse is a ConfigurationError.

    timeout: how long the gateway may take (seconds), never longer than it allows itself. Past it
        the answer is 504, and what was generated until then is charged.
    priority: gives way to others; at most what the key may.
    session: requests with the same one stay at one version of a route (sticky: session).
    channel: asks for the version behind a route's grey channel.
    idempotency_key: the same request with the same key is never run or charged twice, for 24 hours.
    request_id: comes back as `x-request-id` (the gateway's own id is always in `x-sm-request-id`).
    client_request_id: for the gateway's log alone.
    traceparent: W3C trace context, which engines get, too.
    """
    headers: dict[str, str] = {}
    if timeout is not None:
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else float(timeout)
        if not 0.001 <= seconds <= 1e9:
            raise ConfigurationError(f"timeout: want at least 0.001 seconds, not {timeout!r}.")
        headers["x-sm-timeout-ms"] = str(round(seconds * 1000))
    if priority is not None:
        if priority not in ("interactive", "agent", "batch"):
            raise ConfigurationError(f"priority: want interactive, agent or batch, not {priority!r}.")
        headers["x-sm-priority"] = priority
    if session is not None:
        headers["x-sm-session"] = _printable("session", session)
    if channel is not None:
        headers["x-sm-channel"] = _matching("channel", channel, _CHANNEL, "1 to 64 of a-z, 0-9 and '-'")
    if idempotency_key is not None:
        headers["Idempotency-Key"] = _printable("idempotency_key", idempotency_key)
    if request_id is not None:
        headers["X-Request-ID"] = _matching(
            "request_id", request_id, _NAME, "1 to 64 letters, digits, '_' and '-'"
        )
    if client_request_id is not None:
        headers["X-Client-Request-Id"] = _matching(
            "client_request_id", client_request_id, _NAME, "1 to 64 letters, digits, '_' and '-'"
        )
    if traceparent is not None:
        headers["traceparent"] = _matching(
            "traceparent", traceparent, _TRACEPARENT, "00-TRACE-SPAN-FLAGS in hexadecimal digits"
        )
    return headers


def _matching(name: str, value: str, form: re.Pattern[str], want: str) -> str:
    if form.fullmatch(value):
        return value
    raise ConfigurationError(f"{name}: want {want}, not {value!r}.")


def _printable(name: str, value: str) -> str:
    if 1 <= len(value) <= 255 and all(" " < c < "\x7f" for c in value):
        return value
    raise ConfigurationError(f"{name}: want 1 to 255 printable ASCII characters, no spaces.")
