"""What the admin API refuses."""

from __future__ import annotations

import httpx2

from .._errors import Problem, problem_of


class AdminError(Exception):
    """Any refusal. `problem` has its code, `param` and when to come back; docs/api.md what to do."""

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(f"{status} {problem.code}: {problem.message}")
        self.status = status
        self.problem = problem


class Unauthorized(AdminError):
    """401: no token or session, or one that is over."""


class Forbidden(AdminError):
    """403: the caller's roles do not allow it."""


class NotFound(AdminError):
    """404: no such object, or none that the caller sees."""


class Conflict(AdminError):
    """409: something is in the way; the message says what."""


class PreconditionFailed(AdminError):
    """412: the object has changed since it was read."""


class Unavailable(AdminError):
    """429, 503: not now. Nothing has been changed."""


_CLASSES: dict[int, type[AdminError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    429: Unavailable,
    503: Unavailable,
}


def error_of(response: httpx2.Response) -> AdminError:
    """Of a response whose body has been read."""
    try:
        said = response.json()
    except ValueError:  # of a proxy on the way
        said = None
    error = said.get("error") if isinstance(said, dict) else None
    message = f"the answer is no error of the admin API: {response.reason_phrase}"
    status = response.status_code
    return _CLASSES.get(status, AdminError)(status, problem_of(error, response.headers, message))
