"""Sovereign Mesh for Python: helpers around the official OpenAI SDK. `sovmesh.admin` has the admin API."""

from ._client import AsyncMesh, Mesh
from ._environment import ConfigurationError
from ._errors import (
    ConcurrencyLimited,
    ContextLengthExceeded,
    DependencyUnavailable,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    InsufficientPermissions,
    InvalidApiKey,
    MeteringUnavailable,
    ModelLoading,
    ModelNotFound,
    NoHealthyBackend,
    Overloaded,
    Problem,
    QueueFull,
    QuotaExhausted,
    RateLimited,
    ReplayUnavailable,
    UpstreamError,
    UpstreamTimeout,
    problem,
)
from ._meta import Limit, Meta, meta
from ._options import Priority, options
from ._own import OwnRequest, RequestPage, UsagePage, UsageRequest, UsageSum
from ._reading import AsyncReading, Reading, TruncatedStream, cut_of
from ._retry import AsyncRetryTransport, RetryPolicy, RetryTransport

__all__ = [
    "AsyncMesh",
    "AsyncReading",
    "AsyncRetryTransport",
    "ConcurrencyLimited",
    "ConfigurationError",
    "ContextLengthExceeded",
    "DependencyUnavailable",
    "IdempotencyInProgress",
    "IdempotencyKeyReused",
    "InsufficientPermissions",
    "InvalidApiKey",
    "Limit",
    "Mesh",
    "Meta",
    "MeteringUnavailable",
    "ModelLoading",
    "ModelNotFound",
    "NoHealthyBackend",
    "Overloaded",
    "OwnRequest",
    "Priority",
    "Problem",
    "QueueFull",
    "QuotaExhausted",
    "RateLimited",
    "Reading",
    "ReplayUnavailable",
    "RequestPage",
    "RetryPolicy",
    "RetryTransport",
    "TruncatedStream",
    "UpstreamError",
    "UpstreamTimeout",
    "UsagePage",
    "UsageRequest",
    "UsageSum",
    "cut_of",
    "meta",
    "options",
    "problem",
]
