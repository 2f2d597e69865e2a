"""The official Python SDK against the running binary with the real engine."""

import json
import re
import time

import openai
import pytest

from mesh import PIRATE, SIM, TINY, make_key, wait_for

QUESTION = [{"role": "user", "content": "What is Sovereign Mesh?"}]
ABSENT = "no-such-model"


def ask(client, model=TINY, **more):
    more.setdefault("messages", QUESTION)
    more.setdefault("max_tokens", 48)
    return client.chat.completions.create(model=model, temperature=0, **more)


def test_chat(aurora):
    answer = ask(aurora)
    assert answer.object == "chat.completion" and answer.model == TINY
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content.startswith("Sovereign Mesh is")
    assert answer.choices[0].finish_reason in ("stop", "length")
    usage = answer.usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_stream_says_what_the_plain_answer_says(aurora):
    plain = ask(aurora)
    chunks = list(ask(aurora, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == plain.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert len({(c.id, c.created, c.model) for c in chunks}) == 1
    assert all(c.usage is None for c in chunks)


def test_stream_with_usage_ends_with_it(aurora):
    plain = ask(aurora)
    chunks = list(ask(aurora, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == plain.usage.completion_tokens
    assert all(c.usage is None for c in chunks[:-1])


def test_tools_are_accepted(aurora):
    weather = {"type": "function", "function": {
        "name": "weather", "description": "The weather at a place.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}}}}
    answer = ask(aurora, tools=[weather], tool_choice="auto")
    assert answer.choices[0].message.role == "assistant"


def test_json_schema_gives_valid_json(aurora):
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"],
              "additionalProperties": False}
    answer = ask(aurora, max_tokens=400, response_format={
        "type": "json_schema", "json_schema": {"name": "reply", "schema": schema, "strict": True}})
    value = json.loads(answer.choices[0].message.content)
    assert list(value) == ["ok"] and isinstance(value["ok"], bool)


def test_embeddings_float_and_base64_are_equal(aurora):
    floats = aurora.embeddings.create(model=TINY, input="a gateway", encoding_format="float")
    packed = aurora.embeddings.create(model=TINY, input="a gateway")  # the SDK asks for base64
    assert len(floats.data[0].embedding) > 8
    assert packed.data[0].embedding == pytest.approx(floats.data[0].embedding, rel=1e-5, abs=1e-6)


def test_models_are_listed_and_found(aurora):
    names = {model.id for model in aurora.models.list()}
    assert {TINY, SIM} <= names
    assert aurora.models.retrieve(TINY).id == TINY


def test_the_adapter_is_there_for_its_tenant_only(aurora, borealis):
    assert PIRATE not in {model.id for model in aurora.models.list()}
    assert PIRATE in {model.id for model in borealis.models.list()}
    pirate = ask(borealis, model=PIRATE).choices[0].message.content
    assert "ho" in pirate and pirate != ask(borealis).choices[0].message.content
    with pytest.raises(openai.NotFoundError):
        ask(aurora, model=PIRATE)
    with pytest.raises(openai.NotFoundError):
        aurora.models.retrieve(PIRATE)


def test_raw_response_headers(aurora):
    raw = aurora.chat.completions.with_raw_response.create(
        model=TINY, messages=QUESTION, max_tokens=4, extra_headers={"X-Request-ID": "mine-1"})
    assert re.fullmatch(r"req_[0-9a-f]{32}", raw.headers["x-sm-request-id"])
    assert raw.headers["x-request-id"] == "mine-1"
    assert int(raw.headers["openai-processing-ms"]) >= 0
    assert raw.headers["openai-version"] == "2020-10-01"
    assert raw.parse().choices


@pytest.mark.parametrize("key", ["sm-wrong", "nothing", make_key()])
def test_a_bad_key_is_an_authentication_error(mesh, key):
    with openai.OpenAI(base_url=mesh.base_url, api_key=key, max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError) as caught:
            ask(stranger)
    body = caught.value.response.json()
    assert set(body["error"]) >= {"message", "type", "param", "code"}
    assert body["error"]["code"] == "invalid_api_key"
    assert body["error"]["type"] == "invalid_request_error"
    assert key not in caught.value.response.text or len(key) < 12
    assert caught.value.response.headers["www-authenticate"].startswith("Bearer")


def masked(error, name):
    text = re.sub(r"req_[0-9a-f]{32}", "REQUEST", error.response.text)
    return text.replace(name, "NAME")


def test_foreign_and_unknown_models_are_not_told_apart(aurora):
    seen = []
    for name in (PIRATE, ABSENT):
        with pytest.raises(openai.NotFoundError) as caught:
            ask(aurora, model=name)
        assert caught.value.code == "model_not_found"
        headers = {k for k, _ in caught.value.response.headers.items()}
        seen.append((masked(caught.value, name), headers))
    assert seen[0] == seen[1]


def test_zero_max_tokens_is_a_bad_request(aurora):
    with pytest.raises(openai.BadRequestError) as caught:
        aurora.chat.completions.create(model=TINY, messages=QUESTION, max_tokens=0)
    assert caught.value.param == "max_tokens"
    assert caught.value.type == "invalid_request_error"


def test_nesting_beyond_the_limit_is_a_bad_request(aurora):
    deep = "x"
    for _ in range(70):
        deep = [deep]
    with pytest.raises(openai.BadRequestError) as caught:
        ask(aurora, extra_body={"metadata": deep})
    assert caught.value.code == "nesting_too_deep"


def test_a_duplicate_key_is_a_bad_request(aurora):
    body = b'{"model":"%s","model":"x","messages":[]}' % TINY.encode()
    with pytest.raises(openai.BadRequestError) as caught:
        aurora.post("/chat/completions", content=body, cast_to=object,
                    options={"headers": {"content-type": "application/json"}})
    assert caught.value.code == "duplicate_key"


def test_cancel_amid_a_stream(mesh, aurora):
    before = mesh.sim.counts()["cancelled"]
    stream = aurora.chat.completions.create(
        model=SIM, stream=True,
        messages=[{"role": "user", "content": "[[sim:tokens=100000,rate=50]] go on"}])
    assert next(iter(stream)).choices
    began = time.monotonic()
    stream.close()
    wait_for(lambda: mesh.sim.counts()["cancelled"] == before + 1, seconds=2)
    assert time.monotonic() - began < 1
    assert ask(aurora).choices  # the gateway goes on
