"""What a tenant sets for its own requests, by the command line; its effect by the official Python SDK
on the real engine."""

import json
import subprocess

import openai
import pytest

from mesh import BINARY, PIRATE, SIM, TINY

QUESTION = [{"role": "user", "content": "What is Sovereign Mesh?"}]
HOUSE = "You answer questions of the people of aurora."
NOTE = "\n\n(Written by a machine.)"


def settings(mesh, *words, text=None, code=0):
    done = subprocess.run([BINARY, "tenant", "settings", *words, "--data-dir", str(mesh.data)],
                          input=text, capture_output=True, text=True, timeout=30)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.fixture
def set_up(mesh):
    """Sets settings of aurora, and takes them back afterwards."""
    def put(whole):
        return json.loads(settings(mesh, "set", "aurora", "--from", "-", text=json.dumps(whole)))
    yield put
    settings(mesh, "set", "aurora", "--clear")


def ask(client, messages=None, **more):
    more.setdefault("max_tokens", 24)
    more.setdefault("temperature", 0)
    return client.chat.completions.create(model=TINY, messages=messages or QUESTION, **more)


def test_a_system_prompt_is_what_the_engine_reads(mesh, set_up, aurora, borealis):
    plain = ask(aurora)
    wanted = ask(aurora, [{"role": "system", "content": HOUSE}, *QUESTION])
    set_up({"system_prompts": [{"name": "house", "text": "You answer questions of the people of {{tenant}}."}]})
    served = ask(aurora)
    assert served.usage.prompt_tokens == wanted.usage.prompt_tokens > plain.usage.prompt_tokens
    assert served.choices[0].message.content == wanted.choices[0].message.content
    assert ask(borealis).usage.prompt_tokens == plain.usage.prompt_tokens
    set_up({"system_prompts": [{"name": "house", "text": HOUSE, "mode": "default"}]})
    other = [{"role": "system", "content": "Be brief."}, *QUESTION]
    assert ask(aurora, other).usage.prompt_tokens < wanted.usage.prompt_tokens
    assert ask(aurora).usage.prompt_tokens == wanted.usage.prompt_tokens


def test_a_disclaimer_is_behind_plain_answers_and_streams(set_up, aurora, borealis):
    before = ask(aurora)
    set_up({"disclaimer": {"text": NOTE}})
    plain = ask(aurora)
    assert plain.choices[0].message.content == before.choices[0].message.content + NOTE
    assert plain.usage.completion_tokens == before.usage.completion_tokens
    chunks = list(ask(aurora, stream=True, stream_options={"include_usage": True}))
    deltas = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    assert "".join(deltas) == plain.choices[0].message.content
    assert deltas[-2:] == [NOTE, ""] and chunks[-2].choices[0].finish_reason in ("stop", "length")
    assert chunks[-1].usage.completion_tokens == before.usage.completion_tokens
    assert NOTE not in ask(borealis).choices[0].message.content
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"],
              "additionalProperties": False}
    answer = ask(aurora, max_tokens=400, response_format={
        "type": "json_schema", "json_schema": {"name": "reply", "schema": schema, "strict": True}})
    assert list(json.loads(answer.choices[0].message.content)) == ["ok"]


def test_more_than_the_maximum_is_refused_or_clamped(mesh, set_up, aurora, borealis):
    settings(mesh, "set", "aurora", "--maximum", "max_tokens=5", "--maximum", "temperature=0.5")
    with pytest.raises(openai.BadRequestError) as refused:
        ask(aurora, max_tokens=6)
    assert refused.value.param == "max_tokens" and "the tenant 'aurora'" in str(refused.value)
    with pytest.raises(openai.BadRequestError) as refused:
        ask(aurora, max_tokens=5, temperature=0.6)
    assert refused.value.param == "temperature"
    assert ask(aurora, max_tokens=5).usage.completion_tokens == 5
    short = aurora.chat.completions.create(model=TINY, messages=QUESTION)
    assert short.usage.completion_tokens == 5 and short.choices[0].finish_reason == "length"
    settings(mesh, "set", "aurora", "--on-excess", "clamp")
    assert ask(aurora, max_tokens=24).usage.completion_tokens == 5
    assert ask(borealis).usage.completion_tokens > 5


def test_models_that_are_not_in_use_are_not_there(mesh, set_up, aurora, borealis):
    settings(mesh, "set", "aurora", "--model", TINY)
    assert [model.id for model in aurora.models.list()] == [TINY]
    with pytest.raises(openai.NotFoundError):
        aurora.chat.completions.create(model=SIM, messages=QUESTION)
    assert SIM in {model.id for model in borealis.models.list()}
    assert PIRATE in settings(mesh, "set", "aurora", "--model", PIRATE, code=1), "it is borealis's"
    settings(mesh, "set", "aurora", "--model", "any")
    assert SIM in {model.id for model in aurora.models.list()}


def test_what_is_shown_can_be_set(mesh, set_up):
    whole = set_up({"models": [TINY], "defaults": {"temperature": 0.25}, "maximums": {"n": 2},
                    "on_excess": "clamp", "disclaimer": {"text": NOTE},
                    "system_prompts": [{"name": "a", "text": "On {{date}}.", "projects": ["default"]}]})
    shown = settings(mesh, "show", "aurora")
    assert json.loads(shown) == whole
    assert settings(mesh, "set", "aurora", "--from", "-", text=shown) == shown
    assert "NAME=NUMBER" in settings(mesh, "set", "aurora", "--default", "temperature", code=2)
    less = json.loads(settings(mesh, "set", "aurora", "--default", "temperature=", "--disclaimer", "none"))
    assert less["defaults"] == {} and less["disclaimer"] is None and less["maximums"] == {"n": 2}
    assert "say what is to change" in settings(mesh, "set", "aurora", code=2)
