"""Made from api/openapi.yaml by sdk/python/generate.py. Do not edit."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias

from typing_extensions import TypedDict

Text: TypeAlias = str


Ulid: TypeAlias = str


Slug: TypeAlias = str


TenantRef: TypeAlias = str


ModelName: TypeAlias = str


EngineName: TypeAlias = str


KeyId: TypeAlias = str


Time: TypeAlias = str


Month: TypeAlias = str


DayOrTime: TypeAlias = str


Duration: TypeAlias = str


Decimal: TypeAlias = int | str


DecimalText: TypeAlias = str


Currency: TypeAlias = str


HostName: TypeAlias = str


ManagedBy: TypeAlias = Literal['api', 'file', 'engine']


Priority: TypeAlias = Literal['interactive', 'agent', 'batch']


Scopes: TypeAlias = list[Literal['inference', 'read:models', 'read:usage']]
"""
`inference`: ask models; `read:models`: list them; `read:usage`: the project's own usage
"""


class Nothing(TypedDict, closed=True):
    """
    An empty object, or no body at all
    """


class Error1(TypedDict):
    message: str
    type: Literal[
        'invalid_request_error',
        'permission_error',
        'timeout_error',
        'requests',
        'tokens',
        'insufficient_quota',
        'server_error',
    ]
    param: str | None
    code: (
        Literal[
            'invalid_json',
            'duplicate_key',
            'nesting_too_deep',
            'missing_required_parameter',
            'invalid_type',
            'invalid_value',
            'unsupported_parameter',
            'unsupported_value',
            'empty_array',
            'integer_below_min_value',
            'integer_above_max_value',
            'string_above_max_length',
            'array_above_max_length',
            'invalid_api_key',
            'insufficient_permissions',
            'unknown_url',
            'not_found',
            'method_not_supported',
            'request_timeout',
            'conflict',
            'rate_limit_exceeded',
            'precondition_failed',
            'request_too_large',
            'unsupported_media_type',
            'unsupported_encoding',
            'unknown_host',
            'request_header_fields_too_large',
            'internal_error',
            'overloaded',
            'dependency_unavailable',
            'metering_unavailable',
        ]
        | None
    )
    details: NotRequired[dict[str, Any]]


class Error(TypedDict):
    """
    docs/errors.md lists all of them, those of the data path too.
    """

    error: Error1


class Change(TypedDict):
    member: str
    before: Any
    after: Any


class DryRun(TypedDict):
    """
    What a write with `dry_run=true` would do. What is random or counted (ids, digits of a key, times, revisions) is another when it is done.
    """

    dry_run: Literal[True]
    action: Literal['create', 'change', 'delete', 'none']
    status: Literal[200, 201, 202, 204]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    changes: list[Change]


class Tenant(TypedDict):
    id: Ulid
    slug: Slug
    display_name: str
    hosts: list[str]
    suspended: bool
    time_zone: str
    currency: Currency
    revision: int
    created_at: Time
    updated_at: Time
    managed_by: ManagedBy
    source: NotRequired[str]


class NewTenant(TypedDict, closed=True):
    slug: Slug
    display_name: NotRequired[Text]
    hosts: NotRequired[list[HostName]]
    suspended: NotRequired[bool]
    time_zone: NotRequired[Text]
    currency: NotRequired[Currency]


class TenantChange(TypedDict, closed=True):
    display_name: NotRequired[Text]
    hosts: NotRequired[list[HostName]]
    suspended: NotRequired[bool]
    time_zone: NotRequired[Text]
    currency: NotRequired[Currency]


class Parameters(TypedDict):
    min: float
    max: float
    whole: bool
    has_default: bool


class Bounds(TypedDict):
    """
    What may be set
    """

    models: list[str]
    parameters: dict[str, Parameters]
    system_prompts_max: int
    system_prompt_bytes_max: int
    placeholders: list[str]
    disclaimer_bytes_max: int


Model: TypeAlias = str


class Disclaimer1(TypedDict, closed=True):
    text: str


TokensSetting: TypeAlias = int | None


TemperatureSetting: TypeAlias = float | None


TopPSetting: TypeAlias = float | None


PenaltySetting: TypeAlias = float | None


class ParameterValues(TypedDict):
    """
    Numbers have at most 6 digits behind the point
    """

    max_tokens: NotRequired[int]
    temperature: NotRequired[float]
    top_p: NotRequired[float]
    presence_penalty: NotRequired[float]
    frequency_penalty: NotRequired[float]
    n: NotRequired[int]


class SystemPrompt(TypedDict):
    name: str
    text: str
    models: list[str] | None
    projects: list[str] | None
    mode: Literal['prepend', 'default']


class NewSystemPrompt(TypedDict, closed=True):
    name: str
    text: str
    models: NotRequired[list[str] | None]
    projects: NotRequired[list[str] | None]
    mode: NotRequired[Literal['prepend', 'default'] | None]


class Disclaimer(TypedDict):
    text: str


class Project(TypedDict):
    id: Ulid
    tenant: str
    slug: Slug
    display_name: str
    cost_centre: str
    revision: int
    created_at: Time
    updated_at: Time
    managed_by: ManagedBy
    source: NotRequired[str]


class NewProject(TypedDict, closed=True):
    tenant: TenantRef
    slug: Slug
    display_name: NotRequired[Text]
    cost_centre: NotRequired[str]


class ProjectChange(TypedDict, closed=True):
    display_name: NotRequired[Text]
    cost_centre: NotRequired[str | None]


Labels: TypeAlias = dict[str, str]


class Rotation(TypedDict, closed=True):
    overlap: NotRequired[Duration]


class Model1(TypedDict):
    id: Ulid
    name: ModelName
    engine: str
    engines: list[str]
    engine_model: str
    adapter: int | None
    artifact: str | None
    owned_by: str
    chat: bool
    completions: bool
    embeddings: bool
    tenants: list[str] | None
    context_tokens: int
    output_tokens_max: int
    choices_max: int
    extra_fields: list[str]
    reject_unknown_fields: bool
    first_token_timeout: str
    stall_timeout: str
    total_timeout: str
    commit_after: str
    revision: int
    created_at: Time
    updated_at: Time
    managed_by: ManagedBy
    source: NotRequired[str]


ArtifactStage: TypeAlias = Literal[
    'draft', 'testing', 'released', 'deprecated', 'retired'
]


ArtifactLabels: TypeAlias = dict[str, Text]
"""
For people; replaces all
"""


class ArtifactMove(TypedDict, closed=True):
    stage: ArtifactStage
    tenants: NotRequired[list[TenantRef] | None]
    retires_at: NotRequired[Time]
    without_test: NotRequired[str]


class TestRunSummary(TypedDict):
    id: Ulid
    set: str
    model: str
    passed: int
    failed: int
    at: Time


Failure: TypeAlias = str


class TestCase(TypedDict, closed=True):
    name: str
    passed: bool
    failures: NotRequired[list[Failure]]
    output_tokens: NotRequired[int]
    ms: NotRequired[int]


class NewModel1(TypedDict, closed=True):
    name: ModelName
    engine: Text
    engines: NotRequired[list[Text]]
    engine_model: NotRequired[str | None]
    adapter: NotRequired[int | None]
    artifact: NotRequired[str | None]
    owned_by: NotRequired[Text]
    chat: NotRequired[bool]
    completions: NotRequired[bool]
    embeddings: NotRequired[bool]
    tenants: NotRequired[list[TenantRef] | None]
    context_tokens: NotRequired[int]
    output_tokens_max: NotRequired[int]
    choices_max: NotRequired[int]
    extra_fields: NotRequired[list[Text]]
    reject_unknown_fields: NotRequired[bool]
    first_token_timeout: NotRequired[Duration]
    stall_timeout: NotRequired[Duration]
    total_timeout: NotRequired[Duration]
    commit_after: NotRequired[Duration | Literal['never']]


class NewModel2(TypedDict, closed=True):
    name: ModelName
    engine: NotRequired[Text]
    engines: list[Text]
    engine_model: NotRequired[str | None]
    adapter: NotRequired[int | None]
    artifact: NotRequired[str | None]
    owned_by: NotRequired[Text]
    chat: NotRequired[bool]
    completions: NotRequired[bool]
    embeddings: NotRequired[bool]
    tenants: NotRequired[list[TenantRef] | None]
    context_tokens: NotRequired[int]
    output_tokens_max: NotRequired[int]
    choices_max: NotRequired[int]
    extra_fields: NotRequired[list[Text]]
    reject_unknown_fields: NotRequired[bool]
    first_token_timeout: NotRequired[Duration]
    stall_timeout: NotRequired[Duration]
    total_timeout: NotRequired[Duration]
    commit_after: NotRequired[Duration | Literal['never']]


NewModel: TypeAlias = NewModel1 | NewModel2


class ModelChange(TypedDict, closed=True):
    """
    `engine` and `engines` exclude each other.
    """

    engine: NotRequired[Text]
    engines: NotRequired[list[Text]]
    engine_model: NotRequired[str | None]
    adapter: NotRequired[int | None]
    artifact: NotRequired[str | None]
    owned_by: NotRequired[Text]
    chat: NotRequired[bool]
    completions: NotRequired[bool]
    embeddings: NotRequired[bool]
    tenants: NotRequired[list[TenantRef] | None]
    context_tokens: NotRequired[int]
    output_tokens_max: NotRequired[int]
    choices_max: NotRequired[int]
    extra_fields: NotRequired[list[Text]]
    reject_unknown_fields: NotRequired[bool]
    first_token_timeout: NotRequired[Duration]
    stall_timeout: NotRequired[Duration]
    total_timeout: NotRequired[Duration]
    commit_after: NotRequired[Duration | Literal['never']]


Dialect: TypeAlias = Literal[
    'llama_cpp', 'vllm', 'sglang', 'openai', 'tgi', 'tensorrt_llm'
]


class Load(TypedDict):
    """
    What it says of everything on it
    """

    running: int
    waiting: int
    kv_used_percent: int | None
    kv_tokens: int | None


class Engine(TypedDict):
    """
    `id`, `url`, `revision` and times only of one that was made here; its state once it is in use.
    """

    id: NotRequired[Ulid]
    name: str
    dialect: Dialect
    url: NotRequired[str]
    slots: int
    state: NotRequired[
        Literal['stopped', 'starting', 'ready', 'unhealthy', 'backing_off', 'draining']
    ]
    condition: NotRequired[Literal['in', 'slow', 'ramping', 'on_trial', 'ejected']]
    reason: NotRequired[str]
    since: NotRequired[Time]
    restarts: NotRequired[int]
    supervised: NotRequired[bool]
    out_of_service: NotRequired[bool]
    pid: NotRequired[int | None]
    memory_bytes: NotRequired[int | None]
    in_flight: NotRequired[int]
    load: NotRequired[Load | None]
    revision: NotRequired[int]
    created_at: NotRequired[Time]
    updated_at: NotRequired[Time]
    managed_by: ManagedBy
    source: NotRequired[str]


class EngineStop(TypedDict, closed=True):
    grace_s: NotRequired[int]


class EngineLog(TypedDict):
    name: str
    lines: list[str]
    withheld: int


class NewEngine(TypedDict, closed=True):
    name: EngineName
    url: str
    dialect: NotRequired[Dialect]
    slots: NotRequired[int]


class Version(TypedDict):
    model: ModelName
    stage: Literal['stable', 'canary', 'experiment']
    weight: int
    share: str


class Grey(TypedDict):
    name: str
    version: ModelName
    tenants: list[TenantRef]


class Mirror(TypedDict):
    version: ModelName
    share: float
    in_flight_max: int
    prompt_bytes_max: int


class Header(TypedDict):
    name: str
    value: str


class Condition(TypedDict):
    name: str
    version: ModelName
    headers: list[Header]


class Fallback(TypedDict):
    model: NotRequired[ModelName]
    route: NotRequired[ModelName]


class Timeouts(TypedDict):
    connect: str | None
    first_token: str | None
    first_token_per_1000: str
    inter_token: str | None
    total: str | None


class Route(TypedDict):
    """
    `revision` and times only of one that was made here.
    """

    name: ModelName
    versions: list[Version]
    sticky: Literal['session', 'user', 'tenant']
    grey: Grey | None
    mirror: Mirror | None
    conditions: list[Condition]
    fallbacks: list[Fallback]
    timeouts: Timeouts | None
    models: list[ModelName]
    rollout: bool
    revision: NotRequired[int]
    created_at: NotRequired[Time]
    updated_at: NotRequired[Time]
    managed_by: ManagedBy
    source: NotRequired[str]


class RouteVersion(TypedDict, closed=True):
    model: ModelName
    weight: NotRequired[int]
    stage: NotRequired[Literal['stable', 'canary', 'experiment']]


class KeyLabel(TypedDict, closed=True):
    name: str
    value: str


class HeaderMatch(TypedDict, closed=True):
    name: str
    value: str


class RouteCondition(TypedDict, closed=True):
    name: str
    version: ModelName
    headers: NotRequired[list[HeaderMatch]]
    key_labels: NotRequired[list[KeyLabel]]
    tenant: NotRequired[str]
    project: NotRequired[str]


class RouteFallback1(TypedDict, closed=True):
    """
    A model or a route
    """

    model: ModelName
    route: NotRequired[ModelName]


class RouteFallback2(TypedDict, closed=True):
    """
    A model or a route
    """

    model: NotRequired[ModelName]
    route: ModelName


RouteFallback: TypeAlias = RouteFallback1 | RouteFallback2


class RouteMirror(TypedDict, closed=True):
    version: ModelName
    share: float
    in_flight_max: NotRequired[int]
    prompt_bytes_max: NotRequired[int]


class RouteTimeouts(TypedDict, closed=True):
    connect: NotRequired[Duration | None]
    first_token: NotRequired[Duration | None]
    first_token_per_1000: NotRequired[Duration]
    inter_token: NotRequired[Duration | None]
    total: NotRequired[Duration | None]


class ComparisonRow(TypedDict):
    """
    One figure of two versions; null: too little to say. The difference is a 95 % interval.
    """

    name: str
    unit: str
    stable: float | None
    candidate: float | None
    difference_low: float | None
    difference_high: float | None


class Mirror1(TypedDict):
    """
    The last three once a copy was made.
    """

    version: ModelName
    share: str
    in_flight_max: int
    prompt_bytes_max: int
    copies: NotRequired[dict[str, int]]
    report: NotRequired[list[ComparisonRow]]
    report_text: NotRequired[str]


class EvidenceItem(TypedDict):
    measure: Literal['error_rate', 'refusal_rate', 'ttft', 'tpot']
    objective: bool
    verdict: Literal['too_few', 'passes', 'caution', 'regressed']
    text: str


class Event(TypedDict):
    at: Time
    state: str
    share: str
    text: str


class Rollout(TypedDict):
    """
    The last four only where it is shown alone.
    """

    id: Ulid
    route: ModelName
    stable: ModelName
    candidate: ModelName
    state: Literal['waiting', 'holding', 'paused', 'promoted', 'rolled_back']
    share: str
    step: int
    steps: list[str]
    gates: list[str]
    held_s: int
    stable_requests: int
    candidate_requests: int
    reason: str
    since: Time
    created_at: Time
    revision: int
    evidence: NotRequired[list[EvidenceItem]]
    events: NotRequired[list[Event]]
    report: NotRequired[list[ComparisonRow]]
    report_text: NotRequired[str]


Step: TypeAlias = str


Gate: TypeAlias = str


class NewRollout(TypedDict, closed=True):
    route: ModelName
    candidate: ModelName
    steps: NotRequired[list[Step]]
    gates: NotRequired[list[Gate]]
    decision_interval: NotRequired[Duration]
    ready_within: NotRequired[Duration]
    sample_min: NotRequired[int]
    design_effect: NotRequired[int]


class Abort(TypedDict, closed=True):
    reason: NotRequired[Text]


Measure: TypeAlias = Literal[
    'requests',
    'input_tokens',
    'output_tokens',
    'total_tokens',
    'concurrency',
    'money',
    'gpu_seconds',
]


Window: TypeAlias = Literal['second', 'minute', 'hour', 'day', 'month', 'lifetime']


Amount: TypeAlias = int | DecimalText


class Balance(TypedDict):
    scope: str
    used: Amount
    reserved: Amount
    window_start: Time | None
    reset_at: Time | None


class Limit(TypedDict):
    id: Ulid
    name: str
    scope: Literal['key', 'user', 'project', 'tenant', 'pool']
    tenant: str | None
    project: str | None
    user: str | None
    key: str | None
    pool: str | None
    measure: Measure
    window: Window | None
    rolling: bool
    amount: Amount
    currency: str | None
    shadow: bool
    model: str | None
    in_force: bool
    used: Amount | None
    reserved: Amount | None
    window_start: Time | None
    reset_at: Time | None
    balances: NotRequired[list[Balance]]
    revision: int
    created_at: Time
    updated_at: Time
    managed_by: ManagedBy
    source: NotRequired[str]


class NewLimit1(TypedDict, closed=True):
    """
    For a tenant, one of its projects or users, a key, or a pool.
    """

    tenant: TenantRef
    project: NotRequired[Text]
    user: NotRequired[str]
    key: NotRequired[KeyId]
    pool: NotRequired[Text]
    name: NotRequired[str]
    measure: Measure
    window: NotRequired[Window]
    rolling: NotRequired[bool]
    amount: Decimal
    shadow: NotRequired[bool]
    model: NotRequired[ModelName]


class NewLimit2(TypedDict, closed=True):
    """
    For a tenant, one of its projects or users, a key, or a pool.
    """

    tenant: NotRequired[TenantRef]
    project: NotRequired[Text]
    user: NotRequired[str]
    key: KeyId
    pool: NotRequired[Text]
    name: NotRequired[str]
    measure: Measure
    window: NotRequired[Window]
    rolling: NotRequired[bool]
    amount: Decimal
    shadow: NotRequired[bool]
    model: NotRequired[ModelName]


class NewLimit3(TypedDict, closed=True):
    """
    For a tenant, one of its projects or users, a key, or a pool.
    """

    tenant: NotRequired[TenantRef]
    project: NotRequired[Text]
    user: NotRequired[str]
    key: NotRequired[KeyId]
    pool: Text
    name: NotRequired[str]
    measure: Measure
    window: NotRequired[Window]
    rolling: NotRequired[bool]
    amount: Decimal
    shadow: NotRequired[bool]
    model: NotRequired[ModelName]


NewLimit: TypeAlias = NewLimit1 | NewLimit2 | NewLimit3


class LimitChange(TypedDict, closed=True):
    name: NotRequired[str | None]
    amount: NotRequired[Decimal]
    shadow: NotRequired[bool]


class Gse(TypedDict):
    """
    Microseconds of GPU time for a token
    """

    prompt_us: DecimalText
    cached_us: DecimalText
    output_us: DecimalText


class Energy(TypedDict):
    watts: DecimalText
    pue: DecimalText
    g_co2e_per_kwh: int


Price = TypedDict(
    'Price',
    {
        'id': str,
        'model': str,
        'currency': Currency,
        'label': str,
        'from': Time | None,
        'in_force': bool,
        'per_call': DecimalText,
        'input': DecimalText,
        'cached_input': DecimalText,
        'output': DecimalText,
        'characters': DecimalText,
        'concurrency_hour': DecimalText,
        'gpu_second': DecimalText,
        'gse': Gse | None,
        'energy': Energy | None,
    },
)


class PoolPart(TypedDict):
    """
    A pool, cohort, tenant, project or user. Rates in GPUs.
    """

    pool: str
    part: str
    level: Literal['pool', 'cohort', 'tenant', 'project', 'user']
    guaranteed: DecimalText
    weight: DecimalText
    used: DecimalText
    borrowed: DecimalText
    lent: DecimalText
    history: DecimalText
    waiting: int
    running: int
    borrowing_limit: DecimalText | None
    lending_limit: DecimalText | None
    concurrency_max: int | None
    user_concurrency_max: int | None
    managed_by: Literal['api', 'file'] | None


class Cohort(TypedDict):
    name: str
    cohort: str | None
    guaranteed: DecimalText | None
    borrowing_limit: DecimalText | None
    lending_limit: DecimalText | None
    weight: DecimalText | None


class Pool(TypedDict):
    name: str
    engines: list[str]
    capacity: DecimalText | None
    cohorts: list[Cohort]
    parts: list[PoolPart]


class PoolShare(TypedDict):
    pool: str
    tenant: str
    project: str | None
    cohort: str | None
    guaranteed: DecimalText | None
    borrowing_limit: DecimalText | None
    lending_limit: DecimalText | None
    weight: DecimalText | None
    concurrency_max: int | None
    user_concurrency_max: int | None
    revision: int
    created_at: Time
    updated_at: Time
    managed_by: ManagedBy
    source: NotRequired[str]


class PoolShareChange(TypedDict, closed=True):
    """
    Something must be said of the share.
    """

    tenant: TenantRef
    project: NotRequired[Text]
    cohort: NotRequired[str | None]
    guaranteed: NotRequired[Decimal]
    borrowing_limit: NotRequired[Decimal | None]
    lending_limit: NotRequired[Decimal | None]
    weight: NotRequired[Decimal]
    concurrency_max: NotRequired[int | None]
    user_concurrency_max: NotRequired[int | None]


class PoolShareHolder(TypedDict, closed=True):
    tenant: TenantRef
    project: NotRequired[Text]


UsageGrouping: TypeAlias = Literal[
    'model',
    'key',
    'project',
    'user',
    'cost_centre',
    'cost-centre',
    'day',
    'month',
    'engine',
    'tenant',
    'revision',
    'price',
]


EnergyMethod: TypeAlias = Literal['none', 'measured', 'attributed', 'estimated']


Datum = TypedDict(
    'Datum',
    {
        'group': str,
        'tenant': NotRequired[str],
        'label': NotRequired[str],
        'from': NotRequired[Time],
        'until': NotRequired[Time],
        'requests': int,
        'open': int,
        'prompt_tokens': int,
        'cached_tokens': int,
        'generated_tokens': int,
        'reasoning_tokens': int,
        'delivered_tokens': int,
        'gse_seconds': str,
        'energy_mj': int,
        'energy_method': EnergyMethod,
        'co2_ug': int,
        'cost': DecimalText,
        'cost_micro': int,
        'currency': str,
        'unpriced': int,
        'drifted': int,
        'recovered': int,
        'lower_bound': bool,
        'first_seq': int,
        'last_seq': int,
    },
)


Usage = TypedDict(
    'Usage',
    {
        'tenant': str | None,
        'by': str,
        'time_zone': str,
        'from': Time | None,
        'until': Time | None,
        'data': list[Datum],
    },
)


class Datum1(TypedDict):
    figure: str
    currency: NotRequired[str]
    so_far: int | str
    expected: int | str | None
    low: int | str | None
    high: int | str | None


class Forecast(TypedDict):
    tenant: str
    month: Month
    time_zone: str
    history_days: int
    days_left: int
    too_little_data: bool
    method: str
    data: list[Datum1]


class Total(TypedDict):
    currency: str
    usage_micro: int
    adjustments_micro: int
    due_micro: int
    due: DecimalText


class Line(TypedDict):
    project: str
    project_id: str
    cost_centre: str
    model: str
    price: str
    currency: str
    requests: int
    prompt_tokens: int
    cached_tokens: int
    generated_tokens: int
    reasoning_tokens: int
    delivered_tokens: int
    characters: int
    open_us: int
    gse_us: int
    energy_mj: int
    co2_ug: int
    unpriced: int
    drifted: int
    recovered: int
    cost_micro: int


class Adjustment(TypedDict):
    id: str
    month: Month
    at: Time
    amount_micro: int
    currency: str
    reason: str


class Price1(TypedDict):
    id: str
    terms: str


Statement = TypedDict(
    'Statement',
    {
        'format': Literal['sovmesh statement 1'],
        'tenant': str,
        'tenant_id': Ulid,
        'tenant_name': str,
        'month': Month,
        'time_zone': str,
        'from': Time,
        'until': Time,
        'preliminary': bool,
        'generated_at': Time,
        'first_seq': int,
        'last_seq': int,
        'requests': int,
        'recovered': int,
        'unpriced': int,
        'totals': list[Total],
        'lines': list[Line],
        'adjustments': list[Adjustment],
        'prices': list[Price1],
        'audit_checkpoint': str,
        'previous_month': str,
        'previous_sha256': str,
    },
)


class Adjustment1(TypedDict):
    id: str
    tenant: str
    month: Month
    at: Time
    amount: DecimalText
    currency: Currency
    reason: str


class NewAdjustment(TypedDict, closed=True):
    amount: str
    reason: str
    id: NotRequired[str]


class Engine1(TypedDict):
    engine: str
    verdict: str
    cost_us: int | None
    parts_us: NotRequired[dict[str, int]]
    cached_tokens: NotRequired[int]


class Attempt(TypedDict):
    version: str
    why: str | None
    engine: str | None
    outcome: str | None
    waited_us: int
    rule: str | None
    pool: NotRequired[str]
    waiting_before_of_tenant: NotRequired[int]
    waiting_before: NotRequired[int]
    engines: NotRequired[list[Engine1]]


Scheduling = TypedDict(
    'Scheduling',
    {
        'version': str,
        'class': str,
        'attempts': list[Attempt],
    },
)


class RequestAudit(TypedDict):
    """
    The audit log's entry of the request, as far as there is one.
    """

    index: NotRequired[int]
    entry: NotRequired[str]
    entry_base64: NotRequired[str]
    inclusion_proof: NotRequired[list[str]]
    checkpoint: NotRequired[str]
    note: NotRequired[str]


RequestStatus: TypeAlias = Literal['open', 'completed', 'cancelled', 'failed']


class RequestRow(TypedDict):
    id: str
    opened_at: Time
    ended_at: str | None
    tenant: str
    project: str
    key: KeyId
    owner: str | None
    operation: Literal['chat', 'text_completion', 'embeddings']
    streamed: bool
    model: str
    version: str | None
    status: RequestStatus
    outcome: (
        Literal[
            'stop',
            'length',
            'tool_calls',
            'content_filter',
            'client_closed',
            'upstream_error',
            'upstream_timeout',
            'revoked',
            'aborted',
            'recovered',
            'drained',
        ]
        | None
    )
    prompt_tokens: int
    cached_tokens: int
    output_tokens: int
    cost: DecimalText | None
    currency: Currency | None
    total_ms: int | None


class RequestPage(TypedDict):
    data: list[RequestRow]
    has_more: bool
    next: str | None
    searched_until: str | None


class LiveTimes(TypedDict):
    """
    To the first token, of requests that have ended; `null` where there was none
    """

    p50: float | None
    p95: float | None


class Engine2(TypedDict):
    name: str
    state: str
    condition: str | None
    running: int | None
    waiting: int | None
    slots: int


class Pool1(TypedDict):
    name: str
    used: float
    borrowed: float
    running: int
    waiting: int


class LiveTenant(TypedDict):
    tenant: Slug
    requests_per_s: float
    output_tokens_per_s: float
    errors_per_s: float
    ttft_ms: LiveTimes
    running: int
    waiting: int
    borrowed: float
    lent: float


Severity: TypeAlias = Literal['info', 'warning', 'error']


class Event1(TypedDict):
    id: str
    at: Time
    kind: str
    severity: Severity
    subject: str
    tenant: NotRequired[str]
    text: str
    data: dict[str, Any]


class EventPage(TypedDict):
    data: list[Event1]
    has_more: bool
    next: str | None


EventPattern: TypeAlias = str


EventPatterns: TypeAlias = list[EventPattern]
"""
Kinds of events (those of Event, and webhook.test), beginnings as `engine.*`, or `*`; each must fit a kind
"""


class Deliveries(TypedDict):
    delivered: int
    retried: int
    dropped: int
    waiting: int
    last_status: int | None
    last_error: str | None
    last_at: Time | None


class Webhook(TypedDict):
    id: Ulid
    name: Slug
    tenant: str | None
    url: str
    events: EventPatterns
    enabled: bool
    state: Literal['ok', 'failing', 'disabled', 'not_allowed']
    deliveries: Deliveries
    revision: int
    created_at: Time
    updated_at: Time
    managed_by: ManagedBy
    source: NotRequired[str]


class NewWebhookShown(TypedDict):
    id: Ulid
    name: Slug
    tenant: str | None
    url: str
    events: EventPatterns
    enabled: bool
    state: Literal['ok', 'failing', 'disabled', 'not_allowed']
    deliveries: Deliveries
    secret: str
    revision: int
    created_at: Time
    updated_at: Time
    managed_by: ManagedBy
    source: NotRequired[str]


class NewWebhook(TypedDict, closed=True):
    tenant: NotRequired[str | None]
    name: Slug
    url: str
    events: EventPatterns
    enabled: NotRequired[bool]


class WebhookWhole(TypedDict, closed=True):
    name: Slug
    url: str
    events: EventPatterns
    enabled: NotRequired[bool]


class WebhookChange(TypedDict, closed=True):
    name: NotRequired[Slug]
    url: NotRequired[str]
    events: NotRequired[EventPatterns]
    enabled: NotRequired[bool]


class WebhookPage(TypedDict):
    data: list[Webhook]
    has_more: bool
    next: str | None


class Intent(TypedDict):
    opened_at: Time
    tenant: str
    tenant_id: Ulid
    project: str
    project_id: Ulid
    key: str
    key_name: str
    user: str
    cost_centre: str
    operation: Literal['chat', 'text_completion', 'embeddings']
    streamed: bool
    model: str
    model_revision: str
    engine: str
    prompt_estimate: int
    output_max: int
    reserved_tokens: int
    characters: int
    price_version: str
    currency: str
    boot: int


class Checkpoint(TypedDict):
    """
    Of one that is open
    """

    prompt_tokens: int
    cached_tokens: int
    generated_tokens: int
    reasoning_tokens: int
    delivered_tokens: int


class Settle(TypedDict):
    """
    Of one that has ended
    """

    settled_at: Time
    booked_at: Time
    seq: int
    open_us: int
    finish: Literal[
        'stop',
        'length',
        'tool_calls',
        'content_filter',
        'client_closed',
        'upstream_error',
        'upstream_timeout',
        'revoked',
        'aborted',
        'recovered',
        'drained',
    ]
    source: Literal['engine_final', 'engine_live', 'floor', 'recovered']
    drift: bool
    lower_bound: bool
    prompt_tokens: int
    cached_tokens: int
    generated_tokens: int
    reasoning_tokens: int
    delivered_tokens: int


class Line1(TypedDict):
    name: str
    quantity: int
    unit: str
    rate_micro: int
    per: str
    amount_micro: int


class Cost(TypedDict):
    priced: bool
    currency: str
    lines: list[Line1]
    cost_micro: int
    cost: DecimalText
    adds_up: bool
    price: str | None


class Energy1(TypedDict):
    gse_seconds: str
    millijoules: int
    micrograms_co2: int
    method: EnergyMethod


Explanation = TypedDict(
    'Explanation',
    {
        'id': str,
        'ulid': Ulid,
        'state': Literal['open', 'settled', 'void', 'replayed', 'unbooked'],
        'replay_of': NotRequired[str],
        'intent': NotRequired[Intent],
        'checkpoint': NotRequired[Checkpoint | None],
        'settle': NotRequired[Settle | None],
        'class': NotRequired[str | None],
        'pool': NotRequired[str | None],
        'scheduling': NotRequired[Scheduling | None],
        'cost': NotRequired[Cost],
        'energy': NotRequired[Energy1],
        'limits': NotRequired[list[str]],
        'limits_as_of': NotRequired[Time],
        'audit': NotRequired[RequestAudit],
    },
)


class Drift(TypedDict):
    where: str
    tenant_id: str
    project_id: str
    key: str
    model: str
    user: str
    currency: str
    requests: int
    tokens: int
    cost_micro: int


class LedgerCheck(TypedDict):
    clean: bool
    rows: int
    first_seq: int
    last_seq: int
    partitions: int
    subjects: int
    sums: int
    requests: int
    tokens: int
    drift_tokens: int
    drift_micro: int
    rollup_drifts: int
    mispriced: int
    mispriced_micro: int
    broken_rows: int
    drifts: list[Drift]


AuditEntry = TypedDict(
    'AuditEntry',
    {
        'v': int,
        'seq': int,
        't': Time,
        'kind': Literal['request', 'admin', 'key'],
        'tenant': NotRequired[str],
        'project': NotRequired[str],
        'rid': NotRequired[str],
        'key': NotRequired[str],
        'actor_ref': NotRequired[str],
        'op': NotRequired[str],
        'start': NotRequired[str],
        'model': NotRequired[str],
        'model_digest': NotRequired[str],
        'engine': NotRequired[str],
        'host': NotRequired[str],
        'site': NotRequired[str],
        'jurisdiction': NotRequired[str],
        'egress': NotRequired[str],
        'finish': NotRequired[str],
        'outcome': NotRequired[str],
        'prompt_digest': NotRequired[str],
        'answer_digest': NotRequired[str],
        'digest_key': NotRequired[str],
        'rules': NotRequired[str],
        'ledger_ref': NotRequired[str],
        'price_ver': NotRequired[str],
        'currency': NotRequired[str],
        'policy_ver': NotRequired[str],
        'config_hash': NotRequired[str],
        'ct_hash': NotRequired[str],
        'class': NotRequired[str],
        'pool': NotRequired[str],
        'mirror': NotRequired[str],
        'actor_type': NotRequired[str],
        'auth': NotRequired[str],
        'action': NotRequired[str],
        'object_ref': NotRequired[str],
        'subject_ref': NotRequired[str],
        'before': NotRequired[str],
        'after': NotRequired[str],
        'reason': NotRequired[str],
        'origin': NotRequired[str],
        'previous': NotRequired[str],
        'next': NotRequired[str],
        'signature': NotRequired[str],
        'status': NotRequired[int],
        'tokens_in': NotRequired[int],
        'tokens_cached': NotRequired[int],
        'tokens_out': NotRequired[int],
        'cost_micro': NotRequired[int],
        'count': NotRequired[int],
    },
)


class AuditEntryListed(TypedDict):
    index: int
    entry: AuditEntry


class AuditEntryShown(TypedDict):
    index: int
    entry: AuditEntry
    detail: NotRequired[Any]
    detail_missing: NotRequired[str]


class AuditProof(TypedDict):
    index: int
    bytes: str
    proof: list[str]
    checkpoint: str
    keys: str


class Datum2(TypedDict):
    index: int
    bytes: str
    proof: list[str]


class AuditExportPage(TypedDict):
    data: list[Datum2]
    has_more: bool
    next: str | None


class AuditCheckpoint(TypedDict):
    checkpoint: str
    keys: str
    size: int
    signed_size: int
    waiting: int
    gaps: int


class Hold(TypedDict):
    id: str
    tenant: str | None
    tenant_id: str | None
    subject: str | None
    whole_tenant: bool
    since: Time | None
    reason: str


class HoldOf1(TypedDict, closed=True):
    """
    A user, or a whole tenant.
    """

    tenant: TenantRef
    subject: NotRequired[Text]
    reason: NotRequired[str]


class HoldOf2(TypedDict, closed=True):
    """
    A user, or a whole tenant.
    """

    tenant: NotRequired[TenantRef]
    subject: Text
    reason: NotRequired[str]


HoldOf: TypeAlias = HoldOf1 | HoldOf2


class ErasureOf(TypedDict, closed=True):
    tenant: NotRequired[TenantRef]
    subject: str
    reason: NotRequired[str]


class EntryIndex(TypedDict):
    index: int


class HoldSet(TypedDict):
    index: int
    known: bool
    warning: NotRequired[str]


class Erasure(TypedDict):
    index: int | None
    log_key: bool
    revoked_keys: int
    ledger_subjects: int
    overwritten: bool
    still_named: int


class Witnessed(TypedDict, closed=True):
    note: Text


class Backup(TypedDict, closed=True):
    created_at: Time
    ledger_seq: NotRequired[int]


class Reason(TypedDict, closed=True):
    reason: NotRequired[str]


class Ledger(TypedDict):
    accepts: bool
    waiting: int
    records: int
    failures: int


class System(TypedDict):
    version: str
    ready: bool
    not_ready: list[str]
    directory_version: int
    ledger: Ledger


Role: TypeAlias = Literal[
    'platform-admin',
    'platform-operator',
    'auditor',
    'finance',
    'tenant-admin',
    'tenant-developer',
    'tenant-viewer',
]


class Membership(TypedDict):
    id: Ulid
    user: Ulid
    role: Role
    tenant: str | None
    tenant_id: Ulid | None
    password_reset: NotRequired[bool]
    tokens_deleted: NotRequired[int]
    revision: int
    created_at: Time
    updated_at: Time
    managed_by: ManagedBy
    source: NotRequired[str]


class Login(TypedDict, closed=True):
    login: str
    password: str


class SetUp(TypedDict, closed=True):
    token: str
    login: str
    password: str
    display_name: NotRequired[Text]


class SetupToken(TypedDict):
    token: str
    expires_at: Time


UserKind: TypeAlias = Literal['person', 'service']


class AccessToken(TypedDict):
    id: str
    name: str
    last_four: str
    created_at: Time
    expires_at: Time | None
    used_at: Time | None


class AccessTokenShown(TypedDict):
    id: str
    name: str
    last_four: str
    created_at: Time
    expires_at: Time | None
    used_at: None
    token: str


class NewAccessToken(TypedDict, closed=True):
    name: str
    expires_at: NotRequired[Time]
    days: NotRequired[int]


class Permission(TypedDict):
    resource: str
    whose: Literal['platform', 'tenant']
    actions: list[Literal['read', 'create', 'change', 'remove']]


class RoleTable(TypedDict):
    name: Role
    where: Literal['platform', 'tenant']
    permissions: list[Permission]


class Refused(TypedDict):
    """
    The last reload that was refused since
    """

    at: Time
    revision: str | None
    error: str


class EffectiveConfig(TypedDict):
    file: str | None
    revision: str
    loaded_at: Time
    restart_pending: list[str]
    refused: Refused | None
    config: dict[str, Any]


class NewUser(TypedDict, closed=True):
    login: str
    display_name: NotRequired[str]
    kind: NotRequired[UserKind]
    password: NotRequired[str]
    role: NotRequired[Role]
    tenant: NotRequired[TenantRef]


class UserChange(TypedDict, closed=True):
    login: NotRequired[str]
    display_name: NotRequired[str]
    disabled: NotRequired[bool]
    password: NotRequired[str]
    current_password: NotRequired[str]


class NewMembership(TypedDict, closed=True):
    user: str
    role: Role
    tenant: NotRequired[TenantRef]


class UserSession(TypedDict):
    id: Ulid
    created_at: Time
    seen_at: Time
    expires_at: Time
    user_agent: str
    source: str
    current: bool


class MayItem(TypedDict):
    tenant: str | None
    resources: dict[str, list[Literal['read', 'create', 'change', 'remove']]]


class AccessTokenPage(TypedDict):
    data: list[AccessToken]
    has_more: bool
    next: str | None


class UserSessionPage(TypedDict):
    data: list[UserSession]
    has_more: bool
    next: str | None


class MembershipPage(TypedDict):
    data: list[Membership]
    has_more: bool
    next: str | None


class TenantPage(TypedDict):
    data: list[Tenant]
    has_more: bool
    next: str | None


class ProjectPage(TypedDict):
    data: list[Project]
    has_more: bool
    next: str | None


class ModelPage(TypedDict):
    data: list[Model1]
    has_more: bool
    next: str | None


class EnginePage(TypedDict):
    data: list[Engine]
    has_more: bool
    next: str | None


class RoutePage(TypedDict):
    data: list[Route]
    has_more: bool
    next: str | None


class RolloutPage(TypedDict):
    data: list[Rollout]
    has_more: bool
    next: str | None


class LimitPage(TypedDict):
    data: list[Limit]
    has_more: bool
    next: str | None


class PricePage(TypedDict):
    data: list[Price]
    has_more: bool
    next: str | None


class PoolPartPage(TypedDict):
    data: list[PoolPart]
    has_more: bool
    next: str | None


class AuditEntryPage(TypedDict):
    data: list[AuditEntryListed]
    has_more: bool
    next: str | None


class HoldPage(TypedDict):
    data: list[Hold]
    has_more: bool
    next: str | None


class TenantSettings(TypedDict):
    tenant: str
    models: list[str] | None
    defaults: ParameterValues
    maximums: ParameterValues
    on_excess: Literal['refuse', 'clamp']
    system_prompts: list[SystemPrompt]
    disclaimer: Disclaimer | None
    bounds: Bounds
    revision: int
    created_at: Time
    updated_at: Time
    managed_by: ManagedBy
    source: NotRequired[str]


class Defaults(TypedDict, closed=True):
    """
    Values for requests that leave them out
    """

    max_tokens: NotRequired[TokensSetting]
    temperature: NotRequired[TemperatureSetting]
    top_p: NotRequired[TopPSetting]
    presence_penalty: NotRequired[PenaltySetting]
    frequency_penalty: NotRequired[PenaltySetting]


class Maximums(TypedDict, closed=True):
    """
    Largest values of requests
    """

    max_tokens: NotRequired[TokensSetting]
    temperature: NotRequired[TemperatureSetting]
    top_p: NotRequired[TopPSetting]
    presence_penalty: NotRequired[PenaltySetting]
    frequency_penalty: NotRequired[PenaltySetting]
    n: NotRequired[int | None]


class TenantSettingsChange(TypedDict, closed=True):
    models: NotRequired[list[Model] | None]
    defaults: NotRequired[Defaults | None]
    maximums: NotRequired[Maximums | None]
    on_excess: NotRequired[Literal['refuse', 'clamp'] | None]
    system_prompts: NotRequired[list[NewSystemPrompt] | None]
    disclaimer: NotRequired[Disclaimer1 | None]


class Key(TypedDict):
    id: KeyId
    tenant: str
    project: str
    display_name: str
    scopes: Scopes
    models: list[ModelName] | None
    owner: str | None
    max_priority: Priority
    labels: Labels
    last_four: str
    expires_at: Time | None
    revoked_at: Time | None
    previous_works_until: Time | None
    revision: int
    created_at: Time
    updated_at: Time
    managed_by: ManagedBy
    source: NotRequired[str]


class NewKeyShown(TypedDict):
    id: KeyId
    tenant: str
    project: str
    display_name: str
    scopes: Scopes
    models: list[ModelName] | None
    owner: str | None
    max_priority: Priority
    labels: Labels
    last_four: str
    expires_at: Time | None
    revoked_at: Time | None
    previous_works_until: Time | None
    key: str
    revision: int
    created_at: Time
    updated_at: Time
    managed_by: ManagedBy
    source: NotRequired[str]


class NewKey(TypedDict, closed=True):
    tenant: TenantRef
    project: NotRequired[Text]
    display_name: NotRequired[Text]
    scopes: NotRequired[list[Literal['inference', 'read:models', 'read:usage']]]
    models: NotRequired[list[ModelName] | None]
    owner: NotRequired[str | None]
    expires_at: NotRequired[Time | None]
    max_priority: NotRequired[Priority]
    labels: NotRequired[Labels | None]


class KeyChange(TypedDict, closed=True):
    display_name: NotRequired[Text]
    scopes: NotRequired[list[Literal['inference', 'read:models', 'read:usage']]]
    models: NotRequired[list[ModelName] | None]
    owner: NotRequired[str | None]
    expires_at: NotRequired[Time | None]
    max_priority: NotRequired[Priority]
    labels: NotRequired[Labels | None]


class Artifact(TypedDict):
    id: Ulid
    artifact: str
    name: str
    version: str
    stage: ArtifactStage
    tenants: list[str] | None
    retires_at: Time | None
    format: Literal['gguf', 'safetensors']
    digest: str
    bytes: int
    architecture: str
    quantisation: str
    parameters: int
    context_tokens: int
    licence: str
    origin: str
    owner: str
    labels: dict[str, str]
    models: list[str]
    test: NotRequired[TestRunSummary | None]
    revision: int
    created_at: Time
    updated_at: Time
    managed_by: ManagedBy


class NewArtifact(TypedDict, closed=True):
    name: str
    version: str
    format: Literal['gguf', 'safetensors']
    digest: str
    bytes: int
    architecture: NotRequired[Text]
    quantisation: NotRequired[Text]
    parameters: NotRequired[int]
    context_tokens: NotRequired[int]
    licence: NotRequired[Text]
    origin: NotRequired[Text]
    owner: NotRequired[Text]
    labels: NotRequired[ArtifactLabels]


class ArtifactChange(TypedDict, closed=True):
    licence: NotRequired[Text]
    origin: NotRequired[Text]
    owner: NotRequired[Text]
    labels: NotRequired[ArtifactLabels]


class TestRun(TypedDict):
    id: Ulid
    set: str
    model: str
    passed: int
    failed: int
    at: Time
    results: list[TestCase]


class NewTestRun(TypedDict, closed=True):
    set: str
    model: str
    results: list[TestCase]


class ArtifactPage(TypedDict):
    data: list[Artifact]
    has_more: bool
    next: str | None


class TestRunPage(TypedDict):
    data: list[TestRun]
    has_more: bool
    next: str | None


class GreyChannel(TypedDict, closed=True):
    name: str
    version: ModelName
    tenants: list[TenantRef]
    key_label: NotRequired[KeyLabel | None]


class RouteSpec(TypedDict, closed=True):
    name: ModelName
    versions: list[RouteVersion]
    sticky: NotRequired[Literal['session', 'user', 'tenant']]
    grey: NotRequired[GreyChannel | None]
    mirror: NotRequired[RouteMirror | None]
    conditions: NotRequired[list[RouteCondition] | None]
    fallbacks: NotRequired[list[RouteFallback] | None]
    timeouts: NotRequired[RouteTimeouts | None]


class RouteChange(TypedDict, closed=True):
    name: NotRequired[ModelName]
    versions: NotRequired[list[RouteVersion]]
    sticky: NotRequired[Literal['session', 'user', 'tenant']]
    grey: NotRequired[GreyChannel | None]
    mirror: NotRequired[RouteMirror | None]
    conditions: NotRequired[list[RouteCondition] | None]
    fallbacks: NotRequired[list[RouteFallback] | None]
    timeouts: NotRequired[RouteTimeouts | None]


class Live(TypedDict):
    at: Time
    window_s: int
    requests_per_s: float
    output_tokens_per_s: float
    errors_per_s: float
    ttft_ms: LiveTimes
    running: int
    waiting: int
    engines: NotRequired[list[Engine2]]
    pools: NotRequired[list[Pool1]]
    tenants: list[LiveTenant]


class User(TypedDict):
    id: Ulid
    login: str
    display_name: str
    kind: UserKind
    disabled: bool
    has_password: bool
    memberships: list[Membership]
    revision: int
    created_at: Time
    updated_at: Time
    managed_by: ManagedBy
    source: NotRequired[str]


class RolePage(TypedDict):
    data: list[RoleTable]
    has_more: Literal[False]
    next: None


class Session(TypedDict):
    user: User | None
    memberships: list[Membership]
    may: list[MayItem]
    csrf_token: str | None
    expires_at: Time | None
    idle_expires_at: Time | None


class UserPage(TypedDict):
    data: list[User]
    has_more: bool
    next: str | None


class KeyPage(TypedDict):
    data: list[Key]
    has_more: bool
    next: str | None
