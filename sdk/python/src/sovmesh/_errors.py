"""The gateway's error codes as classes. Each is a class of the official SDK, too, so that
`except openai.RateLimitError` catches what it always did. docs/errors.md has all codes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx2
import openai


@dataclass(frozen=True)
class Problem:
    """An error of the gateway, taken apart. None: it was not said."""

    code: str | None
    type: str | None
    param: str | None
    message: str
    request_id: str | None
    retry_after: float | None
    """Seconds; coming back sooner gets the same answer."""
    should_retry: bool | None
    """False: doing the same again does not help."""
    scope: str | None
    """Whose limit it is, as `tenant:aurora`."""
    limit: int | None
    reset_at: datetime | None
    never: str | None
    """Why waiting does not help: `resets` (the limit is for a lifetime) or `fits` (the request is larger than it)."""
    first_request_id: str | None
    """Of a repeated Idempotency-Key: the request that ran."""
    finish: str | None
    """How that one ended."""
    usage: Mapping[str, int] | None
    """What that one used."""


def problem(error: openai.APIError) -> Problem:
    """Of any error of the SDK, one in the middle of a stream included."""
    response = error.response if isinstance(error, openai.APIStatusError) else None
    return problem_of(error.body, response.headers if response is not None else {}, error.message)


def problem_of(body: object, headers: Mapping[str, str], message: str = "") -> Problem:
    """`body`: the object behind `error`."""
    error = body if isinstance(body, Mapping) else {}
    said = error.get("details")
    details: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
    usage = details.get("usage")
    told = _text(error.get("message"))
    return Problem(
        code=_text(error.get("code")),
        type=_text(error.get("type")),
        param=_text(error.get("param")),
        message=told if told is not None else message,
        request_id=headers.get("x-sm-request-id") or _text(details.get("request_id")),
        retry_after=retry_after_of(headers),
        should_retry={"true": True, "false": False}.get(headers.get("x-should-retry", "")),
        scope=_text(details.get("scope")),
        limit=details["limit"] if isinstance(details.get("limit"), int) else None,
        reset_at=_time(details.get("reset_at")),
        never=_text(details.get("never")),
        first_request_id=_text(details.get("rid")),
        finish=_text(details.get("finish")),
        usage=usage if isinstance(usage, Mapping) else None,
    )


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Seconds. The gateway says them twice; other servers may say one."""
    for name, scale in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * scale
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


class _Told(openai.APIStatusError):
    """Adds `problem` to the SDK's class."""

    @property
    def problem(self) -> Problem:
        return problem(self)


class RateLimited(_Told, openai.RateLimitError):
    """`rate_limit_exceeded`: so many in a second, minute or hour."""


class QuotaExhausted(_Told, openai.RateLimitError):
    """`insufficient_quota`: a budget is used up; `problem.reset_at` says until when."""


class ConcurrencyLimited(_Told, openai.RateLimitError):
    """`concurrency_limit_exceeded`: too many at once."""


class QueueFull(_Told, openai.RateLimitError):
    """`queue_full`: too many of the tenant's requests wait, or it would have waited too long."""


class ModelLoading(_Told, openai.InternalServerError):
    """`model_loading`: the engine is still starting."""


class NoHealthyBackend(_Told, openai.InternalServerError):
    """`no_healthy_backend`: no engine for the model now."""


class Overloaded(_Told, openai.InternalServerError):
    """`overloaded`: too much to do, or shutting down."""


class DependencyUnavailable(_Told, openai.InternalServerError):
    """`dependency_unavailable`: something that the gateway needs is away."""


class MeteringUnavailable(_Told, openai.InternalServerError):
    """`metering_unavailable`: usage cannot be recorded, so nothing runs."""


class UpstreamError(_Told, openai.InternalServerError):
    """`upstream_error`, `upstream_invalid_response`: the engine failed."""


class UpstreamTimeout(_Told, openai.InternalServerError):
    """`upstream_timeout`, `first_token_timeout`: the engine was too late, or the request's time was over."""


class ContextLengthExceeded(_Told, openai.BadRequestError):
    """`context_length_exceeded`: prompt and answer do not fit into the model."""


class IdempotencyKeyReused(_Told, openai.BadRequestError):
    """`idempotency_key_reused`: the key came with another request before."""


class ReplayUnavailable(_Told, openai.BadRequestError):
    """`idempotency_replay_unavailable`: the request with this key is over and is not made again; `problem` says how it ended."""


class IdempotencyInProgress(_Told, openai.ConflictError):
    """`idempotency_in_progress`: the first request with this key still runs."""


class ModelNotFound(_Told, openai.NotFoundError):
    """`model_not_found`: no such model, or not for this key."""


class InvalidApiKey(_Told, openai.AuthenticationError):
    """`invalid_api_key`: none, a wrong one, or one that is over."""


class InsufficientPermissions(_Told, openai.PermissionDeniedError):
    """`insufficient_permissions`: the key lacks the scope."""


ERRORS: Mapping[str, type[_Told]] = {
    "rate_limit_exceeded": RateLimited,
    "insufficient_quota": QuotaExhausted,
    "concurrency_limit_exceeded": ConcurrencyLimited,
    "queue_full": QueueFull,
    "model_loading": ModelLoading,
    "no_healthy_backend": NoHealthyBackend,
    "overloaded": Overloaded,
    "dependency_unavailable": DependencyUnavailable,
    "metering_unavailable": MeteringUnavailable,
    "upstream_error": UpstreamError,
    "upstream_invalid_response": UpstreamError,
    "upstream_timeout": UpstreamTimeout,
    "first_token_timeout": UpstreamTimeout,
    "context_length_exceeded": ContextLengthExceeded,
    "idempotency_key_reused": IdempotencyKeyReused,
    "idempotency_replay_unavailable": ReplayUnavailable,
    "idempotency_in_progress": IdempotencyInProgress,
    "model_not_found": ModelNotFound,
    "invalid_api_key": InvalidApiKey,
    "insufficient_permissions": InsufficientPermissions,
}


def status_error(plain: openai.APIStatusError, response: httpx2.Response) -> openai.APIStatusError:
    """`plain`, as the class of its code. Other codes, and other servers' errors, stay what they are."""
    named = ERRORS.get(plain.code or "")
    if named is None or not issubclass(named, type(plain)):
        return plain
    return named(plain.message, response=response, body=plain.body)
