"""The admin API: `Admin` and `AsyncAdmin`; `models` has the types of bodies and answers."""

from . import _models as models
from ._client import Admin, AsyncAdmin, etag
from ._errors import (
    AdminError,
    Conflict,
    Forbidden,
    NotFound,
    PreconditionFailed,
    Unauthorized,
    Unavailable,
)

__all__ = [
    "Admin",
    "AdminError",
    "AsyncAdmin",
    "Conflict",
    "Forbidden",
    "NotFound",
    "PreconditionFailed",
    "Unauthorized",
    "Unavailable",
    "etag",
    "models",
]
