"""Where the gateway is and who calls it: from arguments, else from the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import openai

BASE_URL_NAMES = ("SOVMESH_BASE_URL", "OPENAI_BASE_URL")
API_KEY_NAMES = ("SOVMESH_API_KEY", "OPENAI_API_KEY")
_TENANT = re.compile(r"[a-z][a-z0-9-]{2,39}")


class ConfigurationError(openai.OpenAIError, ValueError):
    """A client cannot be made of what it was given. The message says what to set."""


def _first(names: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, str] | None:
    """The first of `names` that is set, and its value; an empty value is as good as none."""
    for name in names:
        if value := environment.get(name, "").strip():
            return name, value
    return None


def api_key_from(given: str | None, environment: Mapping[str, str] | None = None) -> str:
    """A key of a project: `given`, else of the environment."""
    found = _first(API_KEY_NAMES, os.environ if environment is None else environment)
    key, name = (given, "api_key") if given is not None else (found[1], found[0]) if found else ("", "")
    if not key:
        raise ConfigurationError(
            "There is no API key: pass api_key, or set SOVMESH_API_KEY (or OPENAI_API_KEY)."
        )
    if not key.isascii() or any(c <= " " or c == "\x7f" for c in key):
        raise ConfigurationError(f"{name}: a key has no spaces, line ends or other such characters.")
    return key


def base_url_from(
    given: str | None, tenant: str | None, environment: Mapping[str, str] | None = None
) -> str:
    """The base URL, which ends in `/v1`; with `tenant` in `/t/TENANT/v1`.

    Never defaults to a public service: prompts that were meant for the gateway must not leave.
    """
    found = _first(BASE_URL_NAMES, os.environ if environment is None else environment)
    url, name = (given, "base_url") if given is not None else (found[1], found[0]) if found else ("", "")
    if not url:
        raise ConfigurationError(
            "It is not known where the gateway is: pass base_url, or set SOVMESH_BASE_URL "
            "(or OPENAI_BASE_URL), as http://gateway:8080/v1."
        )
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"{name}: want http://HOST:PORT/v1 or https://HOST/v1, not {url!r}.")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError(f"{name}: a base URL has no user, no query and no fragment.")
    path = parts.path.rstrip("/").removesuffix("/v1")
    if tenant is not None:
        path = _with_tenant(path, tenant)
    return urlunsplit((parts.scheme, parts.netloc, path + "/v1", "", ""))


def _with_tenant(path: str, tenant: str) -> str:
    if not _TENANT.fullmatch(tenant):
        raise ConfigurationError(f"tenant: want the slug of a tenant (as aurora), not {tenant!r}.")
    named = re.search(r"/t/([^/]+)$", path)
    if named is None:
        return f"{path}/t/{tenant}"
    if named[1] != tenant:
        raise ConfigurationError(f"tenant: the base URL is that of {named[1]!r} already.")
    return path
