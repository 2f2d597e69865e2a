import pathlib
import re

import openai
import pytest

import sovmesh
from fake import Answer, refusal
from sovmesh import Mesh, RetryPolicy, problem
from sovmesh._errors import ERRORS

DOCUMENT = pathlib.Path(__file__).resolve().parents[3] / "docs" / "errors.md"
# Codes that stay the SDK's own classes: mistakes in the request, and the admin API's.
PLAIN = re.compile(r"[a-z]*invalid_(json|type|value)|duplicate_key|nesting_too_deep|missing_\w+|unsupported_\w+"
                   r"|empty_array|integer_\w+|string_\w+|array_\w+|unknown_\w+|not_found|method_not_supported"
                   r"|request_\w+|conflict|precondition_failed|client_closed|internal_error")


def documented():
    """(status, code) of each row of the table."""
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", DOCUMENT.read_text(), re.MULTILINE)
    return {code: int(status) for status, code in rows if code != "null"}


@pytest.fixture
def fail(serve):
    """The error that an answer becomes."""
    def made(answer):
        with Mesh(base_url=serve(answer).url, api_key="k", retry=RetryPolicy(attempts_max=1)) as client:
            with pytest.raises(openai.APIStatusError) as caught:
                client.chat.completions.create(model="m", messages=[])
        return caught.value
    return made


def test_every_documented_code_has_a_class_or_stays_plain():
    codes = documented()
    assert len(codes) > 40
    assert set(ERRORS) == {code for code in codes if not PLAIN.fullmatch(code)}


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_codes_are_raised_as_their_class_and_as_that_of_the_sdk(fail, code):
    error = fail(refusal(documented()[code], code))
    assert type(error) is ERRORS[code]
    assert isinstance(error, openai.APIStatusError) and error.code == code
    assert error.problem.request_id == "req_" + "1" * 32


def test_a_used_up_budget_says_until_when(fail):
    error = fail(refusal(429, "insufficient_quota", {"retry-after": "30", "x-should-retry": "false"},
                         scope="tenant:aurora", limit=1000, reset_at="2026-03-29T22:00:00.000000Z",
                         request_id="req_" + "1" * 32))
    assert isinstance(error, sovmesh.QuotaExhausted) and isinstance(error, openai.RateLimitError)
    said = error.problem
    assert (said.scope, said.limit, said.never) == ("tenant:aurora", 1000, None)
    assert said.reset_at.isoformat() == "2026-03-29T22:00:00+00:00"
    assert said.retry_after == 30 and said.should_retry is False


def test_waiting_that_does_not_help(fail):
    error = fail(refusal(429, "rate_limit_exceeded", {"x-should-retry": "false"}, never="fits"))
    assert error.problem.never == "fits" and error.problem.retry_after is None


def test_a_repeated_key_says_what_the_first_request_came_to(fail):
    error = fail(refusal(400, "idempotency_replay_unavailable", rid="req_" + "2" * 32, finish="stop",
                         usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}))
    assert isinstance(error, sovmesh.ReplayUnavailable) and isinstance(error, openai.BadRequestError)
    assert error.problem.first_request_id == "req_" + "2" * 32 and error.problem.finish == "stop"
    assert error.problem.usage["total_tokens"] == 5


@pytest.mark.parametrize("answer", [
    Answer(503, "no object"), Answer(503, {"error": "text"}), Answer(503, {"error": {"code": 7}}),
    Answer(404, {"error": {"code": "queue_full", "message": "of another status"}})])
def test_other_servers_errors_stay_what_they_are(fail, answer):
    error = fail(answer)
    assert type(error).__module__ == "openai"
    assert problem(error).request_id is None
