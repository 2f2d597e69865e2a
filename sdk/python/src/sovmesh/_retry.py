"""When a request is sent again: the rules, and transports that follow them.

The rules are below the SDK, where one place sees every call, plain or streamed. An answer is handed
on as soon as its status is known, so nothing that has begun to stream is ever sent again.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx2
import openai

from ._errors import retry_after_of

# Of these answers the gateway promises that nothing was charged.
_UNCHARGED = frozenset((408, 429, 502, 503))
# Others may come after the request has run: from a proxy on the way, or when its time was over.
_PASSING = _UNCHARGED | {500, 504}
# Raised before a byte of the request has left.
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


@dataclass(frozen=True)
class RetryPolicy:
    """How often and for how long. Times are in seconds."""

    attempts_max: int = 3
    """Of one call, the first included; 1: never again."""
    wait_max: float = 60.0
    """A call that is told to come back later than this fails at once."""
    elapsed_max: float = 120.0
    """No attempt begins later than this after the first."""
    backoff_first: float = 0.5
    """Where no `Retry-After` says how long: at most this, doubled each time..."""
    backoff_max: float = 8.0
    """... up to this."""
    budget: int = 3
    """Retries that a client may make beyond a fifth of its calls: when everything fails, a server sees
    1.2 times the calls and these, not `attempts_max` times."""

    def __post_init__(self) -> None:
        if not 1 <= self.attempts_max <= 10:
            raise ValueError("attempts_max: want 1 to 10")
        if min(self.wait_max, self.elapsed_max, self.backoff_first, self.budget) < 0:
            raise ValueError("RetryPolicy: times and the budget are not negative")
        if self.backoff_max < self.backoff_first:
            raise ValueError("backoff_max: want at least backoff_first")


class _Budget:
    """Each call adds a fifth, each retry takes one. Shared by all threads of a client."""

    _EACH = 0.2

    def __init__(self, most: int) -> None:
        self._most = float(most)
        self._left = float(most)
        self._lock = threading.Lock()

    def earn(self) -> None:
        with self._lock:
            self._left = min(self._most, self._left + self._EACH)

    def spend(self) -> bool:
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True


def _can_repeat(request: httpx2.Request) -> bool:
    """Whether sending it twice does no more than sending it once."""
    if request.method in ("GET", "HEAD") or "idempotency-key" in request.headers:
        return True
    return request.method == "PUT" and "if-match" not in request.headers


def _is_uncharged(response: httpx2.Response) -> bool:
    """Whether the gateway itself, and not a proxy on the way, says that it did nothing."""
    if "x-sm-request-id" in response.headers:
        return response.status_code in _UNCHARGED
    # The admin API: everything that it puts off has this field.
    return response.status_code in (429, 503) and "retry-after-ms" in response.headers


def _may_follow(request: httpx2.Request, response: httpx2.Response) -> bool:
    """Whether another attempt may follow this answer, time and budget aside."""
    should = response.headers.get("x-should-retry")
    if should == "false" or response.status_code < 400:
        return False
    status = response.status_code
    if _is_uncharged(response):
        return True
    if not _can_repeat(request):
        return False
    # The first request with this key is still running; other conflicts stay.
    if status == 409:
        return "idempotency-key" in request.headers and retry_after_of(response.headers) is not None
    return should == "true" or status in _PASSING


@dataclass
class _Call:
    """One call and its attempts."""

    policy: RetryPolicy
    budget: _Budget
    request: httpx2.Request
    began: float
    random: Callable[[], float]
    is_at_hand: bool
    made: int = 1

    def _wait(self, told: float | None, now: float) -> float | None:
        if self.made >= self.policy.attempts_max or not self.is_at_hand:
            return None
        if told is not None:
            if told > self.policy.wait_max:
                return None
            # Never sooner than told, and not all at the same moment.
            wait = told + self.random() * min(told / 4, 1.0)
        else:
            most = min(self.policy.backoff_max, self.policy.backoff_first * 2.0 ** (self.made - 1))
            wait = self.random() * most
        if now + wait - self.began > self.policy.elapsed_max or not self.budget.spend():
            return None
        self.made += 1
        return wait

    def after_answer(self, response: httpx2.Response, now: float) -> float | None:
        """Seconds until the next attempt; None: this is the last word."""
        if not _may_follow(self.request, response):
            return None
        return self._wait(retry_after_of(response.headers), now)

    def after_failure(self, error: httpx2.TransportError, now: float) -> float | None:
        if isinstance(error, (httpx2.UnsupportedProtocol, httpx2.ProxyError)):
            return None
        if not isinstance(error, _NEVER_SENT) and not _can_repeat(self.request):
            return None
        return self._wait(None, now)


def _last_word(response: httpx2.Response) -> httpx2.Response:
    """Tells the SDK above that the decision has been made, whatever its own max_retries is."""
    if response.status_code >= 400:
        response.headers["x-should-retry"] = "false"
    return response


def _refuse_second_policy(request: httpx2.Request) -> None:
    if request.headers.get("x-stainless-retry-count", "0") != "0":
        raise openai.OpenAIError(
            "The SDK tries again by itself (max_retries), and so does RetryPolicy: leave max_retries at 0."
        )


@dataclass
class _Rules:
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    clock: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        self.budget = _Budget(self.policy.budget)

    def begin(self, request: httpx2.Request) -> _Call:
        _refuse_second_policy(request)
        self.budget.earn()
        # A body that is a stream of the caller's can be read once. Asked now: sending may change it.
        is_at_hand = isinstance(request.stream, httpx2.ByteStream)
        return _Call(self.policy, self.budget, request, self.clock(), self.random, is_at_hand)


class RetryTransport(httpx2.BaseTransport):
    """`inner`, by the rules of `policy`. `sleep`, `clock`, `random`: of tests."""

    def __init__(
        self,
        inner: httpx2.BaseTransport,
        policy: RetryPolicy | None = None,
        *,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._inner = inner
        self._rules = _Rules(policy or RetryPolicy(), clock, random)
        self._sleep = sleep

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        call = self._rules.begin(request)
        while True:
            try:
                response = self._inner.handle_request(request)
            except httpx2.TransportError as error:
                wait = call.after_failure(error, self._rules.clock())
                if wait is None:
                    raise
            else:
                wait = call.after_answer(response, self._rules.clock())
                if wait is None:
                    return _last_word(response)
                response.close()
            self._sleep(wait)

    def close(self) -> None:
        self._inner.close()


class AsyncRetryTransport(httpx2.AsyncBaseTransport):
    """The same for asyncio."""

    def __init__(
        self,
        inner: httpx2.AsyncBaseTransport,
        policy: RetryPolicy | None = None,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._inner = inner
        self._rules = _Rules(policy or RetryPolicy(), clock, random)
        self._sleep = sleep

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        call = self._rules.begin(request)
        while True:
            try:
                response = await self._inner.handle_async_request(request)
            except httpx2.TransportError as error:
                wait = call.after_failure(error, self._rules.clock())
                if wait is None:
                    raise
            else:
                wait = call.after_answer(response, self._rules.clock())
                if wait is None:
                    return _last_word(response)
                await response.aclose()
            await self._sleep(wait)

    async def aclose(self) -> None:
        await self._inner.aclose()
