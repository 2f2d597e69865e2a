"""The official client, at the gateway: made from the environment, patient by our rules, with our errors."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import httpx2
import openai

from ._environment import ConfigurationError, api_key_from, base_url_from
from ._errors import status_error
from ._own import AsyncOwn, Own
from ._retry import AsyncRetryTransport, RetryPolicy, RetryTransport

# Many requests may wait for their turns at once.
_LIMITS = httpx2.Limits(max_connections=1000, max_keepalive_connections=100)


def _settle(options: dict[str, Any], tenant: str | None) -> None:
    """Fills in what the SDK would otherwise take from elsewhere."""
    if options.get("max_retries", 0) != 0:
        raise ConfigurationError("max_retries: who tries again is RetryPolicy; pass retry=RetryPolicy(...)")
    options["max_retries"] = 0
    if not callable(options.get("api_key")):
        options["api_key"] = api_key_from(options.get("api_key"))
    base_url = options.get("base_url")
    options["base_url"] = base_url_from(None if base_url is None else str(base_url), tenant)


def _check_one(http_client: object, **others: object) -> None:
    for name, value in others.items():
        if http_client is not None and value is not None:
            raise ConfigurationError(f"{name}: has no effect on an http_client of your own; wrap its transport")


class Mesh(openai.OpenAI):
    """`openai.OpenAI` with everything that it can, and:

    - base URL and key from SOVMESH_BASE_URL and SOVMESH_API_KEY (else OPENAI_...), or arguments;
    - tenant: calls below `/t/TENANT/v1`;
    - retry: its own rules instead of the SDK's max_retries, which stays 0;
    - errors of the gateway have classes of their own, below the SDK's;
    - mesh: usage and requests of the key's project.

    transport: what sends (a proxy, certificates); with an `http_client` of your own nothing is tried again.
    """

    def __init__(
        self,
        *,
        tenant: str | None = None,
        retry: RetryPolicy | None = None,
        transport: httpx2.BaseTransport | None = None,
        http_client: httpx2.Client | None = None,
        **options: Any,
    ) -> None:
        _check_one(http_client, retry=retry, transport=transport)
        _settle(options, tenant)
        http_client = http_client or openai.DefaultHttpxClient(
            transport=RetryTransport(transport or httpx2.HTTPTransport(limits=_LIMITS), retry)
        )
        super().__init__(http_client=http_client, **options)
        # The SDK's are of OPENAI_ORG_ID and OPENAI_PROJECT_ID, which are of another service.
        self.organization = options.get("organization")
        self.project = options.get("project")

    @cached_property
    def mesh(self) -> Own:
        return Own(self)

    def _make_status_error(
        self, err_msg: str, *, body: object, response: httpx2.Response
    ) -> openai.APIStatusError:
        return status_error(super()._make_status_error(err_msg, body=body, response=response), response)


class AsyncMesh(openai.AsyncOpenAI):
    """`openai.AsyncOpenAI`, as Mesh is `openai.OpenAI`."""

    def __init__(
        self,
        *,
        tenant: str | None = None,
        retry: RetryPolicy | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        http_client: httpx2.AsyncClient | None = None,
        **options: Any,
    ) -> None:
        _check_one(http_client, retry=retry, transport=transport)
        _settle(options, tenant)
        http_client = http_client or openai.DefaultAsyncHttpxClient(
            transport=AsyncRetryTransport(transport or httpx2.AsyncHTTPTransport(limits=_LIMITS), retry)
        )
        super().__init__(http_client=http_client, **options)
        self.organization = options.get("organization")
        self.project = options.get("project")

    @cached_property
    def mesh(self) -> AsyncOwn:
        return AsyncOwn(self)

    def _make_status_error(
        self, err_msg: str, *, body: object, response: httpx2.Response
    ) -> openai.APIStatusError:
        return status_error(super()._make_status_error(err_msg, body=body, response=response), response)
