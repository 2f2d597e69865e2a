import openai
import pytest

import mesh as support


@pytest.fixture(scope="session")
def mesh(tmp_path_factory):
    """The one server of a test program, with the real engine."""
    running = support.Mesh(tmp_path_factory.mktemp("mesh"), managed=True)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def sim_mesh(tmp_path_factory):
    """The same over the simulated engine alone."""
    running = support.Mesh(tmp_path_factory.mktemp("sim-mesh"), managed=False)
    yield running
    running.stop()


def client(running, tenant):
    return openai.OpenAI(base_url=running.base_url, api_key=running.keys[tenant], max_retries=0,
                         timeout=30)


@pytest.fixture
def aurora(mesh):
    with client(mesh, "aurora") as made:
        yield made


@pytest.fixture
def borealis(mesh):
    with client(mesh, "borealis") as made:
        yield made
