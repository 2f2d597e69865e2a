import openai
import pytest

import sovmesh
from sovmesh import ConfigurationError, Mesh
from sovmesh._environment import api_key_from, base_url_from


def test_sovmesh_names_win_over_those_of_openai():
    environment = {"SOVMESH_BASE_URL": "http://mesh:8080/v1", "OPENAI_BASE_URL": "http://other/v1",
                   "SOVMESH_API_KEY": "sm-1", "OPENAI_API_KEY": "sk-1"}
    assert base_url_from(None, None, environment) == "http://mesh:8080/v1"
    assert api_key_from(None, environment) == "sm-1"


def test_openai_names_do_as_well_and_arguments_win():
    environment = {"OPENAI_BASE_URL": "http://mesh:8080/v1", "OPENAI_API_KEY": "k"}
    assert base_url_from(None, None, environment) == "http://mesh:8080/v1"
    assert api_key_from(None, environment) == "k"
    assert base_url_from("https://a", None, environment) == "https://a/v1"
    assert api_key_from("b", environment) == "b"


@pytest.mark.parametrize("given, tenant, wanted", [
    ("http://mesh:8080", None, "http://mesh:8080/v1"),
    ("http://mesh:8080/v1/", None, "http://mesh:8080/v1"),
    ("http://mesh:8080/v1", "aurora", "http://mesh:8080/t/aurora/v1"),
    ("http://mesh/llm/v1", "aurora", "http://mesh/llm/t/aurora/v1"),
    ("http://mesh/t/aurora/v1", "aurora", "http://mesh/t/aurora/v1"),
    ("http://[::1]:8080", None, "http://[::1]:8080/v1"),
])
def test_base_urls(given, tenant, wanted):
    assert base_url_from(given, tenant, {}) == wanted


@pytest.mark.parametrize("given, tenant, word", [
    (None, None, "SOVMESH_BASE_URL"), ("", None, "SOVMESH_BASE_URL"), ("mesh:8080", None, "base_url"),
    ("ftp://mesh", None, "base_url"), ("http://u:p@mesh/v1", None, "no user"),
    ("http://mesh/v1?x=1", None, "no query"), ("http://mesh", "../x", "slug"),
    ("http://mesh/t/aurora/v1", "boreal", "aurora"),
])
def test_what_is_no_base_url_is_said(given, tenant, word):
    with pytest.raises(ConfigurationError, match=word):
        base_url_from(given, tenant, {})


@pytest.mark.parametrize("key", [None, "", "two words", "line\n", "schlüssel"])
def test_what_is_no_key_is_said_and_not_shown(key):
    with pytest.raises(ConfigurationError) as caught:
        api_key_from(key, {})
    assert not key or key not in str(caught.value)


def test_a_client_is_never_pointed_at_a_public_service(monkeypatch):
    monkeypatch.setenv("SOVMESH_API_KEY", "sm-1")
    with pytest.raises(ConfigurationError):
        Mesh()


def test_a_client_of_the_environment(monkeypatch):
    monkeypatch.setenv("SOVMESH_BASE_URL", "http://mesh:8080")
    monkeypatch.setenv("SOVMESH_API_KEY", "sm-1")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-another-service")
    with Mesh(tenant="aurora") as client:
        assert isinstance(client, openai.OpenAI)
        assert str(client.base_url) == "http://mesh:8080/t/aurora/v1/"
        assert client.api_key == "sm-1" and client.organization is None


def test_the_sdk_s_own_retries_are_refused():
    options = {"base_url": "http://mesh", "api_key": "k"}
    with pytest.raises(ConfigurationError, match="RetryPolicy"):
        Mesh(max_retries=2, **options)
    with Mesh(**options) as client:
        assert client.max_retries == 0
        with pytest.raises(ConfigurationError, match="RetryPolicy"):
            client.with_options(max_retries=2)
        assert client.with_options(timeout=3).timeout == 3


def test_a_setting_without_effect_is_refused():
    http_client = openai.DefaultHttpxClient()
    with http_client, pytest.raises(ConfigurationError, match="retry"):
        Mesh(base_url="http://mesh", api_key="k", http_client=http_client, retry=sovmesh.RetryPolicy())
