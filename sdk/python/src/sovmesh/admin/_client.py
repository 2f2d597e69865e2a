"""The admin API (docs/api.md), with every operation of api/openapi.yaml as a method."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx2
from typing_extensions import Self

from .._environment import ConfigurationError
from .._retry import AsyncRetryTransport, RetryPolicy, RetryTransport
from ._errors import AdminError, PreconditionFailed, error_of
from ._operations import AsyncOperations, Operations

T = TypeVar("T", bound=Mapping[str, object])
R = TypeVar("R")

_TIMEOUT = 60.0  # seconds; a report or a check of the ledger may take some
_WRITES = ("POST", "PUT", "PATCH", "DELETE")


def etag(shown: Mapping[str, object]) -> str:
    """What `if_match` wants so that the object is still as it was `shown`."""
    return f'"{shown["revision"]}"'


@dataclass(frozen=True)
class _Place:
    url: str
    socket: str | None
    token: str | None


def _place(url: str | None, token: str | None, socket: str | os.PathLike[str] | None) -> _Place:
    if url is not None and socket is not None:
        raise ConfigurationError("url, socket: want one of them")
    if url is None and socket is None:
        url = os.environ.get("SOVMESH_ADMIN_URL", "").strip() or None
        data = os.environ.get("SM_DATA_DIR", "").strip()
        socket = Path(data) / "admin.sock" if url is None and data else None
    if socket is not None:
        if token is not None:
            raise ConfigurationError("token: has no effect on a socket, which knows its callers")
        return _Place("http://localhost", os.fspath(socket), None)
    if url is None:
        raise ConfigurationError(
            "It is not known where the admin API is: pass url or socket, or set SOVMESH_ADMIN_URL "
            "(and SOVMESH_ADMIN_TOKEN), or SM_DATA_DIR for the socket of a data folder."
        )
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise ConfigurationError(f"url: want http://HOST:PORT or https://HOST, not {url!r}.")
    return _Place(f"{parts.scheme}://{parts.netloc}", None, token)


def _token(given: str | None) -> str:
    token = given if given is not None else os.environ.get("SOVMESH_ADMIN_TOKEN", "").strip()
    if not token or not token.isascii() or re.search(r"\s", token):
        raise ConfigurationError(
            "There is no token: pass token or set SOVMESH_ADMIN_TOKEN (what DATA_DIR/admin.token has), "
            "or use signed_in()."
        )
    return token


def _with_token(place: _Place) -> dict[str, str]:
    return {} if place.socket is not None else {"Authorization": f"Bearer {_token(place.token)}"}


def _url(pattern: str, path: Mapping[str, str] | None) -> str:
    url = pattern
    for name, value in (path or {}).items():
        if value in ("", ".", ".."):
            raise ValueError(f"{name}: {value!r} is no name")
        url = url.replace("{" + name + "}", quote(value, safe=""))
    return url


def _request(
    client: httpx2.Client | httpx2.AsyncClient,
    csrf: str | None,
    method: str,
    url: str,
    query: Mapping[str, object] | None,
    body: Mapping[str, Any] | None,
    if_match: str | None,
) -> httpx2.Request:
    headers = {}
    if if_match is not None:
        headers["If-Match"] = if_match
    if csrf is not None and method in _WRITES:
        headers["x-sm-csrf"] = csrf
    said = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in (query or {}).items()
        if value is not None
    }
    return client.build_request(method, url, params=said or None, json=body, headers=headers)


def _read(response: httpx2.Response) -> Any:
    if response.status_code >= 400:
        raise error_of(response)
    return response.json() if response.content else None


class Admin(Operations):
    """On `url` (https://mesh.example:8081) with `token`, or on `socket` (DATA_DIR/admin.sock), else by
    SOVMESH_ADMIN_URL and SOVMESH_ADMIN_TOKEN, else on the socket of SM_DATA_DIR. `signed_in()` is for
    people. What is put off (429, 503) is tried again by `retry`; a lost answer only where doing it twice is
    doing it once. `timeout`: of one attempt, in seconds."""

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        socket: str | os.PathLike[str] | None = None,
        retry: RetryPolicy | None = None,
        timeout: float = _TIMEOUT,
        verify: bool | ssl.SSLContext = True,
        _is_session: bool = False,
    ) -> None:
        place = _place(url, token, socket)
        self._csrf: str | None = None
        self._client = httpx2.Client(
            base_url=place.url,
            headers={} if _is_session else _with_token(place),
            timeout=timeout,
            transport=RetryTransport(httpx2.HTTPTransport(uds=place.socket, verify=verify), retry),
        )

    @classmethod
    def signed_in(
        cls,
        url: str | None,
        login: str,
        password: str,
        *,
        retry: RetryPolicy | None = None,
        timeout: float = _TIMEOUT,
        verify: bool | ssl.SSLContext = True,
    ) -> Self:
        """As the user `login`; close() signs out."""
        made = cls(url, retry=retry, timeout=timeout, verify=verify, _is_session=True)
        try:
            made._csrf = made.sign_in({"login": login, "password": password})["csrf_token"]
        except BaseException:
            made._client.close()
            raise
        return made

    def change(self, read: Callable[[], T], write: Callable[[T, str], R], *, attempts_max: int = 5) -> R:
        """Reads an object and writes it only if nobody else has meanwhile, else reads it again:
        `admin.change(lambda: admin.get_tenant("a"), lambda it, at: admin.update_tenant("a", {...}, if_match=at))`.
        """
        for attempt in range(1, attempts_max + 1):
            shown = read()
            try:
                return write(shown, etag(shown))
            except PreconditionFailed:
                if attempt == attempts_max:
                    raise
        raise ValueError("attempts_max: want at least 1")

    def close(self) -> None:
        try:
            if self._csrf is not None:
                self.sign_out()
        except (AdminError, httpx2.TransportError):
            pass  # It ends by itself.
        finally:
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(
        self,
        method: str,
        pattern: str,
        path: Mapping[str, str] | None,
        query: Mapping[str, object] | None,
        body: Mapping[str, Any] | None,
        if_match: str | None,
    ) -> httpx2.Response:
        url = _url(pattern, path)
        return self._client.send(_request(self._client, self._csrf, method, url, query, body, if_match))

    def _call(
        self,
        method: str,
        pattern: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, Any] | None = None,
        if_match: str | None = None,
    ) -> Any:
        return _read(self._send(method, pattern, path, query, body, if_match))

    def _call_text(
        self,
        method: str,
        pattern: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, Any] | None = None,
        if_match: str | None = None,
    ) -> str:
        response = self._send(method, pattern, path, query, body, if_match)
        if response.status_code >= 400:
            raise error_of(response)
        return response.text

    def _pages(
        self,
        method: str,
        pattern: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, Any] | None = None,
        if_match: str | None = None,
    ) -> Iterator[Any]:
        after = None
        while True:
            said = {**(query or {}), "after": after}
            page = self._call(method, pattern, path=path, query=said, body=body, if_match=if_match)
            yield from page["data"]
            after = page.get("next") if page.get("has_more") else None
            if after is None:
                return


class AsyncAdmin(AsyncOperations):
    """The same for asyncio."""

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        socket: str | os.PathLike[str] | None = None,
        retry: RetryPolicy | None = None,
        timeout: float = _TIMEOUT,
        verify: bool | ssl.SSLContext = True,
        _is_session: bool = False,
    ) -> None:
        place = _place(url, token, socket)
        self._csrf: str | None = None
        self._client = httpx2.AsyncClient(
            base_url=place.url,
            headers={} if _is_session else _with_token(place),
            timeout=timeout,
            transport=AsyncRetryTransport(httpx2.AsyncHTTPTransport(uds=place.socket, verify=verify), retry),
        )

    @classmethod
    async def signed_in(
        cls,
        url: str | None,
        login: str,
        password: str,
        *,
        retry: RetryPolicy | None = None,
        timeout: float = _TIMEOUT,
        verify: bool | ssl.SSLContext = True,
    ) -> Self:
        """As the user `login`; close() signs out."""
        made = cls(url, retry=retry, timeout=timeout, verify=verify, _is_session=True)
        try:
            session = await made.sign_in({"login": login, "password": password})
            made._csrf = session["csrf_token"]
        except BaseException:
            await made._client.aclose()
            raise
        return made

    async def change(
        self,
        read: Callable[[], Awaitable[T]],
        write: Callable[[T, str], Awaitable[R]],
        *,
        attempts_max: int = 5,
    ) -> R:
        """As Admin.change()."""
        for attempt in range(1, attempts_max + 1):
            shown = await read()
            try:
                return await write(shown, etag(shown))
            except PreconditionFailed:
                if attempt == attempts_max:
                    raise
        raise ValueError("attempts_max: want at least 1")

    async def close(self) -> None:
        try:
            if self._csrf is not None:
                await self.sign_out()
        except (AdminError, httpx2.TransportError):
            pass  # It ends by itself.
        finally:
            await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _send(
        self,
        method: str,
        pattern: str,
        path: Mapping[str, str] | None,
        query: Mapping[str, object] | None,
        body: Mapping[str, Any] | None,
        if_match: str | None,
    ) -> httpx2.Response:
        url = _url(pattern, path)
        request = _request(self._client, self._csrf, method, url, query, body, if_match)
        return await self._client.send(request)

    async def _call(
        self,
        method: str,
        pattern: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, Any] | None = None,
        if_match: str | None = None,
    ) -> Any:
        return _read(await self._send(method, pattern, path, query, body, if_match))

    async def _call_text(
        self,
        method: str,
        pattern: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, Any] | None = None,
        if_match: str | None = None,
    ) -> str:
        response = await self._send(method, pattern, path, query, body, if_match)
        if response.status_code >= 400:
            raise error_of(response)
        return response.text

    async def _pages(
        self,
        method: str,
        pattern: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, Any] | None = None,
        if_match: str | None = None,
    ) -> AsyncIterator[Any]:
        after = None
        while True:
            said = {**(query or {}), "after": after}
            page = await self._call(method, pattern, path=path, query=said, body=body, if_match=if_match)
            for each in page["data"]:
                yield each
            after = page.get("next") if page.get("has_more") else None
            if after is None:
                return
