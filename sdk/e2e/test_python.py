"""The Python helpers against the running binary with the real engine."""

import asyncio
import secrets
import subprocess
import sys
import zipfile
from datetime import timedelta

import httpx2
import openai
import pytest

import sovmesh
from readme import blocks
from sovmesh.admin import Admin, AsyncAdmin, NotFound, PreconditionFailed, Unauthorized, etag
from world import ROOT, SIM, TINY, make_key

QUESTION = [{"role": "user", "content": "What is Sovereign Mesh?"}]
LONG = [{"role": "user", "content": "[[sim:tokens=2000,rate=100000]] go on"}]


@pytest.fixture
def mesh(world):
    """Makes clients of a tenant, and closes them."""
    made = []

    def client(name="aurora", **options):
        options.setdefault("retry", sovmesh.RetryPolicy(attempts_max=1))
        made.append(sovmesh.Mesh(base_url=world.base_url, api_key=world.keys[name], timeout=30, **options))
        return made[-1]
    yield client
    for each in made:
        each.close()


class Counting(httpx2.HTTPTransport):
    """How often something was really sent."""

    count = 0

    def handle_request(self, request):
        self.count += 1
        return super().handle_request(request)


def ask(client, model=TINY, **more):
    more.setdefault("messages", QUESTION)
    more.setdefault("max_tokens", 24)
    return client.chat.completions.create(model=model, temperature=0, **more)


def raw(client, model=TINY, **more):
    return client.chat.completions.with_raw_response.create(
        model=model, messages=QUESTION, max_tokens=8, **more)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The package as it is shipped."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
                   cwd=ROOT / "sdk/python", timeout=120, check=True, capture_output=True)
    wheel, = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


@pytest.mark.parametrize("name, code", blocks("python"), ids=lambda each: each if len(each) < 30 else "")
def test_examples(world, site, tmp_path, name, code):
    (tmp_path / "example.py").write_text(code)
    done = subprocess.run([sys.executable, "example.py"], cwd=tmp_path, timeout=60, capture_output=True, text=True,
                          env={**world.environment(), "PYTHONPATH": str(site)}, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout or name == "Retries"


def test_headers_of_a_plain_answer(mesh):
    answer = raw(mesh(), extra_headers=sovmesh.options(request_id="mine-1"))
    seen, usage = sovmesh.meta(answer), answer.parse().usage
    assert seen.request_id.startswith("req_") and seen.client_request_id == "mine-1"
    assert (seen.model, seen.tenant, seen.project) == (TINY, "aurora", "default")
    assert seen.queue_ms >= 0 and seen.overhead_ms >= 0 and seen.processing_ms >= 0
    assert seen.cost_micro == 2 * usage.prompt_tokens + 5 * usage.completion_tokens
    assert not seen.replayed and seen.attempts is None and seen.requests is None


def test_limits_are_told(mesh):
    seen = sovmesh.meta(raw(mesh("capped"), SIM))
    assert seen.tokens.limit == 300 and 0 < seen.tokens.remaining < 300
    assert timedelta() < seen.tokens.reset <= timedelta(minutes=1)


def test_a_stream(mesh):
    client = mesh()
    plain = ask(client)
    with sovmesh.Reading(ask(client, stream=True, stream_options={"include_usage": True})) as reading:
        text = "".join(chunk.choices[0].delta.content or "" for chunk in reading if chunk.choices)
    assert text == plain.choices[0].message.content
    assert reading.finish_reasons == {0: plain.choices[0].finish_reason}
    assert reading.usage.completion_tokens == plain.usage.completion_tokens
    assert reading.meta.request_id.startswith("req_") and reading.cut is None


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_a_limit_ends(world, mesh, stream):
    """Without max_tokens it goes on until the limit of 300 a minute has no more."""
    with Admin(socket=world.socket) as admin:
        slug = f"cut-{secrets.token_hex(3)}"
        admin.create_tenant({"slug": slug})
        admin.put_limit({"tenant": slug, "measure": "output_tokens", "window": "hour", "amount": 300})
        key = admin.create_key({"tenant": slug, "display_name": "e2e"})["key"]
    with sovmesh.Mesh(base_url=world.base_url, api_key=key, timeout=30) as client:
        if stream:
            reading = sovmesh.Reading(client.chat.completions.create(model=SIM, messages=LONG, stream=True))
            for _ in reading:
                pass
            cut, reason = reading.cut, reading.finish_reasons[0]
        else:
            answer = client.chat.completions.with_raw_response.create(model=SIM, messages=LONG)
            cut, reason = sovmesh.cut_of(answer.parse()), answer.parse().choices[0].finish_reason
            assert sovmesh.meta(answer).limited_by == f"tenant:{slug}"
    assert reason == "length" and cut.code == "rate_limit_exceeded" and cut.scope == f"tenant:{slug}"


def test_options_take_effect(mesh):
    client = mesh()
    answers = [raw(client, "assistant", extra_headers=sovmesh.options(**options))
               for options in ({"session": "s-1"}, {"channel": "preview"})]
    assert [sovmesh.meta(answer).model for answer in answers] == [SIM, "sim-next"]
    seen = raw(client, extra_headers=sovmesh.options(priority="batch"))
    assert client.mesh.request(sovmesh.meta(seen).request_id).priority == "batch"
    with pytest.raises(sovmesh.InsufficientPermissions) as caught:
        raw(mesh("low"), extra_headers=sovmesh.options(priority="interactive"))
    assert caught.value.problem.param == "x-sm-priority"


def test_a_request_s_own_time(mesh):
    slow = [{"role": "user", "content": "[[sim:tokens=1000,rate=10]] go on"}]
    with pytest.raises(sovmesh.UpstreamTimeout):
        ask(mesh(), SIM, messages=slow, extra_headers=sovmesh.options(timeout=0.2))


def test_the_tenant_s_path(world, mesh):
    assert ask(mesh(tenant="aurora"), max_tokens=4).choices
    with pytest.raises(sovmesh.InvalidApiKey):
        ask(mesh(tenant="keeper"))


def test_a_budget_that_is_used_up_is_told_at_once(mesh):
    sent = Counting()
    client = mesh("spent", retry=sovmesh.RetryPolicy(attempts_max=5), transport=sent)
    ask(client, max_tokens=4)
    with pytest.raises(sovmesh.QuotaExhausted) as caught:
        ask(client, max_tokens=4)
    said = caught.value.problem
    assert said.should_retry is False and said.scope == "tenant:spent" and said.limit == 1
    assert said.reset_at.utcoffset() == timedelta() and said.retry_after > 0 and sent.count == 2


def test_a_rate_is_waited_for(mesh):
    """One request a second: the second call is put off, and comes back when it is told to."""
    sent = Counting()
    patient = mesh("brisk", retry=sovmesh.RetryPolicy(attempts_max=4, wait_max=5), transport=sent)
    for _ in range(3):
        assert ask(patient, SIM, max_tokens=4).choices
    assert sent.count > 3
    with pytest.raises(sovmesh.RateLimited) as caught:
        for _ in range(3):
            ask(mesh("brisk"), SIM, max_tokens=4)
    assert 0 < caught.value.problem.retry_after <= 2


def test_kept_answers_are_given_again(mesh):
    client, options = mesh("keeper"), sovmesh.options(idempotency_key=secrets.token_hex(8))
    first = raw(client, SIM, extra_headers=options)
    again = raw(mesh("keeper", retry=None), SIM, extra_headers=options)
    assert sovmesh.meta(again).replayed and not sovmesh.meta(first).replayed
    assert again.parse().choices[0].message.content == first.parse().choices[0].message.content


def test_a_repeated_key_says_what_came_of_it(mesh):
    client, options = mesh(retry=None), sovmesh.options(idempotency_key=secrets.token_hex(8))
    first = raw(client, SIM, extra_headers=options)
    with pytest.raises(sovmesh.ReplayUnavailable) as caught:
        raw(client, SIM, extra_headers=options)
    assert caught.value.problem.first_request_id == sovmesh.meta(first).request_id
    assert caught.value.problem.usage["completion_tokens"] == first.parse().usage.completion_tokens
    with pytest.raises(sovmesh.IdempotencyKeyReused):
        ask(client, SIM, extra_headers=options)


def test_a_failing_engine_is_not_asked_twice_by_the_sdk_too(world, mesh):
    """Of a stream that breaks the answer has begun: one call, and an error that says why."""
    before = world.sim.counts()["requests"]
    stream = ask(mesh(retry=None), SIM, messages=[{"role": "user", "content": "[[sim:die-after=3]] x"}], stream=True)
    with pytest.raises(openai.APIError) as caught:
        for _ in sovmesh.Reading(stream):
            pass
    assert sovmesh.problem(caught.value).code == "upstream_error"
    assert world.sim.counts()["requests"] == before + 1


def test_errors_have_their_class(world, mesh):
    with pytest.raises(sovmesh.ModelNotFound):
        ask(mesh(), "no-such-model")
    with sovmesh.Mesh(base_url=world.base_url, api_key=make_key()) as stranger:
        with pytest.raises(sovmesh.InvalidApiKey):
            ask(stranger)


def test_own_usage(mesh):
    client = mesh()
    seen = sovmesh.meta(raw(client))
    sums = {each.group: each for each in client.mesh.usages(group_by="model")}
    assert sums[TINY].requests >= 1 and sums[TINY].currency == "EUR" and sums[TINY].cost_micro > 0
    newest = client.mesh.request_usage(limit=1)
    assert newest.has_more and newest.data[0].id == seen.request_id
    assert newest.data[0].cost_micro == seen.cost_micro and newest.data[0].finish in ("stop", "length")
    assert len(list(client.mesh.request_usages())) > 1
    assert client.mesh.request(seen.request_id).rule == "at_once"


def test_asyncio(world):
    async def all_of_it():
        async with sovmesh.AsyncMesh(base_url=world.base_url, api_key=world.keys["aurora"]) as client:
            reading = sovmesh.AsyncReading(await client.chat.completions.create(
                model=TINY, messages=QUESTION, max_tokens=8, stream=True))
            assert [chunk async for chunk in reading] and reading.finish_reasons[0]
            request = await client.mesh.request(reading.meta.request_id)
            assert request.model == TINY
            with pytest.raises(sovmesh.ModelNotFound):
                await client.chat.completions.create(model="none", messages=[])
        async with AsyncAdmin(world.admin_url, token=world.token) as admin:
            assert {each["slug"] async for each in admin.iter_tenants(limit=2)} >= {"aurora", "keeper"}
    asyncio.run(all_of_it())


@pytest.fixture(params=["token", "socket"])
def admin(request, world):
    made = (Admin(world.admin_url, token=world.token) if request.param == "token"
            else Admin(socket=world.socket))
    with made:
        yield made


def test_the_admin_api(admin):
    slug = f"t-{secrets.token_hex(3)}"
    assert admin.create_tenant({"slug": slug}, dry_run=True)["action"] == "create"
    with pytest.raises(NotFound):
        admin.get_tenant(slug)
    made = admin.create_tenant({"slug": slug})
    changed = admin.update_tenant(slug, {"display_name": "One"}, if_match=etag(made))
    with pytest.raises(PreconditionFailed):
        admin.update_tenant(slug, {"display_name": "Two"}, if_match=etag(made))
    assert changed["display_name"] == "One"
    key = admin.create_key({"tenant": slug, "display_name": "k"})
    assert key["key"].startswith("sm-") and [each["id"] for each in admin.iter_keys(tenant=slug)] == [key["id"]]
    assert slug in [each["slug"] for each in admin.iter_tenants(limit=1)]
    assert admin.put_tenant(slug, {"slug": slug})["display_name"] == slug
    assert "requests" in admin.get_usage_text(by="tenant", format="csv").split("\n", maxsplit=1)[0]
    assert admin.delete_tenant(slug) is None


def test_explaining_a_request(world, mesh, admin):
    seen = sovmesh.meta(raw(mesh()))
    assert admin.explain_request(seen.request_id)["state"] == "settled"


def test_people_sign_in(world):
    login, password = f"ann-{secrets.token_hex(3)}@example.org", "a rather long password"
    with Admin(socket=world.socket) as admin:
        admin.create_user({"login": login, "password": password, "role": "platform-operator"})
        with pytest.raises(Unauthorized):
            Admin.signed_in(world.admin_url, login, "not the password")
        with Admin.signed_in(world.admin_url, login, password) as ann:
            assert ann.get_session()["user"]["login"] == login
            slug = f"t-{secrets.token_hex(3)}"
            ann.create_tenant({"slug": slug})
            ann.delete_tenant(slug)
            assert len(admin.list_sessions(login)["data"]) == 1
        assert admin.list_sessions(login)["data"] == []
    with pytest.raises(Unauthorized):
        Admin(world.admin_url, token="wrong").get_system()
