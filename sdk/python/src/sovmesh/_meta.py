"""What the gateway says about an answer in its headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|us|µs|ns|h|m|s)")


@dataclass(frozen=True)
class Limit:
    """The limit of which least is left, after this request's own reservation."""

    limit: int
    remaining: int
    reset: timedelta | None
    """Until all of it is free; None: that is not known."""


@dataclass(frozen=True)
class Meta:
    """Members are None where the gateway did not say them."""

    request_id: str | None
    """The gateway's own id (`req_...`), which `client.mesh.request()` takes."""
    client_request_id: str | None
    """What the request said itself in `request_id`."""
    model: str | None
    """Who answered: the version, if the caller could have called that by its name."""
    tenant: str | None
    project: str | None
    queue_ms: int | None
    """How long the request waited for its turn. None: no engine was to run it, or, of a stream, it began to answer before its turn."""
    overhead_ms: float | None
    """The gateway's own part of the time; of plain answers alone."""
    processing_ms: int | None
    attempts: int | None
    """Engines that were asked, if more than one."""
    cost_micro: int | None
    """Millionths of the tenant's currency; of plain answers that have a price alone."""
    limited_by: str | None
    """The limit that ended the answer early (`finish_reason: "length"`), as `tenant:aurora`; of plain answers alone."""
    replayed: bool
    """This is the answer of an earlier request with the same Idempotency-Key, and costs nothing."""
    requests: Limit | None
    tokens: Limit | None


class HasHeaders(Protocol):
    """A raw response, a stream's `response`, an error's `response`."""

    @property
    def headers(self) -> Mapping[str, str]: ...


def meta(response: HasHeaders) -> Meta:
    """Reads the headers of `response`. What is not well formed is as if it were not there."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    request_id, shown = headers.get("x-sm-request-id"), headers.get("x-request-id")
    return Meta(
        request_id=request_id,
        client_request_id=shown if shown != request_id else None,
        model=headers.get("x-sm-model"),
        tenant=headers.get("openai-organization"),
        project=headers.get("openai-project"),
        queue_ms=_integer(headers.get("x-sm-queue-ms")),
        overhead_ms=_number(headers.get("x-sm-overhead-ms")),
        processing_ms=_integer(headers.get("openai-processing-ms")),
        attempts=_integer(headers.get("x-sm-attempts")),
        cost_micro=_integer(headers.get("x-sm-cost-micro")),
        limited_by=headers.get("x-sm-limit"),
        replayed=headers.get("x-sm-idempotent-replay") == "true",
        requests=_limit(headers, "requests"),
        tokens=_limit(headers, "tokens"),
    )


def parse_go_duration(text: str) -> timedelta | None:
    """`120ms`, `6m0s`, `1h2m3.5s`: the form of `x-ratelimit-reset-*`."""
    at, seconds = 0, 0.0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            return None
        seconds += float(part[1]) * _UNITS[part[2]]
        at = part.end()
    return timedelta(seconds=seconds) if text else None


def _integer(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"-?[0-9]{1,18}", text) else None


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and re.fullmatch(r"[0-9]{1,12}(\.[0-9]+)?", text) else None


def _limit(headers: Mapping[str, str], unit: str) -> Limit | None:
    limit = _integer(headers.get(f"x-ratelimit-limit-{unit}"))
    remaining = _integer(headers.get(f"x-ratelimit-remaining-{unit}"))
    if limit is None or remaining is None:
        return None
    reset = headers.get(f"x-ratelimit-reset-{unit}")
    return Limit(limit, remaining, parse_go_duration(reset) if reset is not None else None)
