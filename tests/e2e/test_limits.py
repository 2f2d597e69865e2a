"""A full engine, seen through the official Python SDK: one slot, one place in the queue."""

import contextlib
import threading
import time

import openai
import pytest

import mesh as support
from conftest import client
from mesh import SIM

LONG = "[[sim:tokens=100000,rate=50]] go on"
WAIT_SECONDS = 0.5


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    running = support.Mesh(tmp_path_factory.mktemp("narrow"), managed=False,
                           server="  queue_per_tenant_max: 1\n  queue_time: 500ms\n",
                           sim_engine="    slots: 1\n")
    yield running
    running.stop()


@contextlib.contextmanager
def full_engine(mesh):
    """borealis holds the only slot."""
    with client(mesh, "borealis") as holder:
        stream = holder.chat.completions.create(
            model=SIM, messages=[{"role": "user", "content": LONG}], stream=True)
        next(iter(stream))
        try:
            yield
        finally:
            stream.close()


def ask(sdk):
    return sdk.chat.completions.create(model=SIM, messages=[{"role": "user", "content": "hello"}])


def check(error):
    assert error.status_code == 429
    assert error.code == "queue_full" and error.type == "requests"
    headers = error.response.headers
    assert int(headers["retry-after"]) >= 1
    assert int(headers["retry-after-ms"]) >= 1
    assert headers.get("x-should-retry") != "false"
    assert set(error.response.json()["error"]) >= {"message", "type", "param", "code"}


def test_waiting_in_vain_is_a_rate_limit_error(narrow):
    with full_engine(narrow), client(narrow, "aurora") as aurora:
        began = time.monotonic()
        with pytest.raises(openai.RateLimitError) as caught:
            ask(aurora)
        assert WAIT_SECONDS * 0.9 < time.monotonic() - began < 10
    check(caught.value)


def test_a_full_queue_is_a_rate_limit_error_at_once(narrow):
    errors = []

    def try_it(sdk):
        began = time.monotonic()
        with pytest.raises(openai.RateLimitError) as caught:
            ask(sdk)
        errors.append((time.monotonic() - began, caught.value))

    with full_engine(narrow), client(narrow, "aurora") as aurora:
        threads = [threading.Thread(target=try_it, args=(aurora,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    errors.sort(key=lambda each: each[0])
    assert len(errors) == 3
    for _, error in errors:
        check(error)
    assert errors[1][0] < errors[2][0]  # two were refused before the one that waited


def test_the_sdk_gets_through_by_itself_once_there_is_room(narrow):
    with client(narrow, "aurora") as aurora:
        patient = aurora.with_options(max_retries=5)
        with full_engine(narrow):
            with pytest.raises(openai.RateLimitError):
                ask(aurora)
            answers = []
            thread = threading.Thread(target=lambda: answers.append(ask(patient)))
            thread.start()
        thread.join(20)
        assert answers and answers[0].choices
