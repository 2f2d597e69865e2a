"""IPv4, IPv6 and both at once, on the way in and to the engine."""

import json
import socket

import openai
import pytest

import mesh as support
from mesh import SIM, chat, status_of


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


pytestmark = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """One address of each family; the engine is reached over IPv6."""
    running = support.Mesh(tmp_path_factory.mktemp("both"), managed=False,
                           listen=("127.0.0.1:0", "[::1]:0"), sim_listen="[::1]:0")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def any_address(tmp_path_factory):
    running = support.Mesh(tmp_path_factory.mktemp("any"), managed=False, listen=("*:0",))
    yield running
    running.stop()


def split(address):
    host, port = address.rsplit(":", 1)
    return host.strip("[]"), int(port)


def ask(mesh, host, port):
    with socket.create_connection((host, port), timeout=10) as peer:
        peer.sendall(mesh.request(chat("hello"), extra="Connection: close\r\n"))
        return support.read_to_end(peer)


def test_both_families_are_served_and_said_to_be(both):
    assert both.sim.address.startswith("[::1]:")
    hosts = [split(address)[0] for address in both.server.ready["listen"]]
    assert hosts == ["127.0.0.1", "::1"]
    for address in both.server.ready["listen"]:
        answer = ask(both, *split(address))
        assert status_of(answer) == 200, answer
        assert json.loads(support.body_of(answer))["choices"]


def test_the_sdk_speaks_to_an_ipv6_address(both):
    with openai.OpenAI(base_url=f"http://{both.server.ready['listen'][1]}/v1",
                       api_key=both.keys["aurora"], max_retries=0, timeout=10) as aurora:
        chunks = list(aurora.chat.completions.create(
            model=SIM, messages=[{"role": "user", "content": "hello"}], stream=True))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def test_any_address_is_both_families(any_address):
    port = split(any_address.server.ready["listen"][0])[1]
    for host in ("127.0.0.1", "::1"):
        assert status_of(ask(any_address, host, port)) == 200


def test_the_source_in_the_log_is_the_clients_address(both, any_address):
    port = split(any_address.server.ready["listen"][0])[1]
    for host in ("127.0.0.1", "::1"):
        ask(any_address, host, port)

    def sources():
        return {json.loads(line).get("source")
                for line in any_address.server.log.read_text().splitlines()
                if line.startswith("{") and line.endswith("}")}
    # An IPv4 client of a dual-stack listener is shown as what it is. Lines are written in batches.
    assert support.wait_for(lambda: {"127.0.0.1", "::1"} <= sources())
