"""What a key with the scope `read:usage` may ask about its own project (docs/usage.md)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Literal

import openai

if TYPE_CHECKING:
    from ._client import AsyncMesh, Mesh

GroupBy = Literal["model", "key", "day", "user", "cost_centre"]
Moment = date | datetime


class OwnRequest(openai.BaseModel):
    """How one of the latest requests waited for its turn (docs/waiting.md)."""

    id: str
    model: str
    """The version that was to answer."""
    priority: str
    queue_ms: float
    rule: str | None
    """Why its turn came: `at_once`, `guaranteed`, `borrowed`, `held` or `late`; None: it did not."""
    refused: str | None
    """Why its turn did not come."""


class _Counts(openai.BaseModel):
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    delivered_tokens: int
    gse_seconds: str
    """Engine time in GPU-second equivalents, exact to a millionth."""
    cost: str
    """Exact to a millionth."""
    cost_micro: int
    currency: str


class UsageSum(_Counts):
    """One group, in one currency."""

    group: str
    requests: int
    open_requests: int
    """Of them those that still run: their tokens count when they end."""
    energy_mj: int
    energy_method: str
    co2_ug: int
    unpriced_requests: int
    """Their cost is not known, and not in the sum."""
    recovered_requests: int
    """Of them the figures are lower bounds."""


class UsageRequest(_Counts):
    """One request that has ended."""

    id: str
    opened_at: datetime
    booked_at: datetime
    key: str
    user: str
    cost_centre: str
    model: str
    operation: str
    finish: str
    price: str
    """The price version; empty: the model had none."""
    lower_bound: bool
    """Its end was lost in a crash."""


class UsagePage(openai.BaseModel):
    data: list[UsageSum]
    group_by: str | None = None
    time_zone: str
    """The tenant's, by whose clock days begin."""
    has_more: bool
    next: str | None
    """`before` of the following page."""


class RequestPage(openai.BaseModel):
    data: list[UsageRequest]
    has_more: bool
    next: str | None


def _moment(moment: Moment) -> str:
    if not isinstance(moment, datetime):
        return moment.isoformat()
    if moment.tzinfo is None:
        raise ValueError("a time without a time zone: say which, or pass a date (by the tenant's clock)")
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _query(
    group_by: GroupBy | None,
    since: Moment | None,
    until: Moment | None,
    limit: int | None,
    before: str | None,
) -> Mapping[str, object]:
    said = {
        "group_by": group_by,
        "from": None if since is None else _moment(since),
        "until": None if until is None else _moment(until),
        "limit": limit,
        "before": before,
    }
    return {name: value for name, value in said.items() if value is not None}


def _request(body: Mapping[str, object]) -> OwnRequest:
    # `class` is no name of a member in Python.
    return OwnRequest.model_validate({**body, "priority": body.get("class")})


def _path(request_id: str) -> str:
    if not re.fullmatch(r"req_[0-9a-f]{32}", request_id):
        raise ValueError(f"want the x-sm-request-id of an answer (req_...), not {request_id!r}")
    return f"/requests/{request_id}"


class Own:
    """`client.mesh`."""

    def __init__(self, client: Mesh) -> None:
        self._client = client

    def request(self, request_id: str) -> OwnRequest:
        """One of the latest requests of the key's project."""
        return _request(self._client.get(_path(request_id), cast_to=dict[str, object]))

    def usage(
        self,
        *,
        group_by: GroupBy | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        limit: int | None = None,
        before: str | None = None,
    ) -> UsagePage:
        """Sums of the key's project. A date is its beginning by the tenant's clock."""
        query = _query(group_by, since, until, limit, before)
        return self._client.get("/usage", cast_to=UsagePage, options={"params": query})

    def usages(
        self,
        *,
        group_by: GroupBy | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
    ) -> Iterator[UsageSum]:
        """The same, page after page."""
        before = None
        while True:
            page = self.usage(group_by=group_by, since=since, until=until, before=before)
            yield from page.data
            before = page.next
            if before is None:
                return

    def request_usage(
        self,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        limit: int | None = None,
        before: str | None = None,
    ) -> RequestPage:
        """Requests that have ended, the newest first."""
        query = _query(None, since, until, limit, before)
        return self._client.get("/usage/export", cast_to=RequestPage, options={"params": query})

    def request_usages(
        self, *, since: Moment | None = None, until: Moment | None = None
    ) -> Iterator[UsageRequest]:
        """The same, page after page."""
        before = None
        while True:
            page = self.request_usage(since=since, until=until, before=before)
            yield from page.data
            before = page.next
            if before is None:
                return


class AsyncOwn:
    """The same for asyncio."""

    def __init__(self, client: AsyncMesh) -> None:
        self._client = client

    async def request(self, request_id: str) -> OwnRequest:
        """One of the latest requests of the key's project."""
        return _request(await self._client.get(_path(request_id), cast_to=dict[str, object]))

    async def usage(
        self,
        *,
        group_by: GroupBy | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        limit: int | None = None,
        before: str | None = None,
    ) -> UsagePage:
        """Sums of the key's project. A date is its beginning by the tenant's clock."""
        query = _query(group_by, since, until, limit, before)
        return await self._client.get("/usage", cast_to=UsagePage, options={"params": query})

    async def usages(
        self,
        *,
        group_by: GroupBy | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
    ) -> AsyncIterator[UsageSum]:
        """The same, page after page."""
        before = None
        while True:
            page = await self.usage(group_by=group_by, since=since, until=until, before=before)
            for each in page.data:
                yield each
            before = page.next
            if before is None:
                return

    async def request_usage(
        self,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        limit: int | None = None,
        before: str | None = None,
    ) -> RequestPage:
        """Requests that have ended, the newest first."""
        query = _query(None, since, until, limit, before)
        return await self._client.get("/usage/export", cast_to=RequestPage, options={"params": query})

    async def request_usages(
        self, *, since: Moment | None = None, until: Moment | None = None
    ) -> AsyncIterator[UsageRequest]:
        """The same, page after page."""
        before = None
        while True:
            page = await self.request_usage(since=since, until=until, before=before)
            for each in page.data:
                yield each
            before = page.next
            if before is None:
                return
