"""What can be said of api/openapi.yaml without a server: it is valid, and has what the server has."""

import re

import document
import openapi_spec_validator
import pytest

SOURCES = document.ROOT / "src"


def served():
    """{path: methods} of the server's own table."""
    text = (SOURCES / "control/admin_resources.cpp").read_text()
    words = dict(re.findall(r'std::string_view (k\w+) = "([A-Z, ]+)";', text))
    rows = re.findall(r'AdminResource\{"([^"]+)", (k\w+|"[A-Z, ]+")\}', text)
    assert len(rows) == text.count("AdminResource{"), "a row of the table is not understood"
    return {"/api/v1/" + path: {each.lower() for each in words.get(methods, methods.strip('"')).split(", ")}
            for path, methods in rows}


def described():
    found = {}
    for path, method, _ in document.operations():
        found.setdefault(path, set()).add(method)
    return found


def test_it_is_valid():
    openapi_spec_validator.validate(document.load())


def test_it_has_the_paths_and_methods_of_the_server():
    assert described() == served()


@pytest.mark.parametrize("path, method, operation", document.operations(),
                         ids=[each[2]["operationId"] for each in document.operations()])
def test_an_operation_is_complete(path, method, operation):
    assert operation["summary"]
    tags = {each["name"] for each in document.load()["tags"]}
    assert len(operation["tags"]) == 1 and set(operation["tags"]) <= tags
    names = {each["name"] for each in map(document.resolve, operation.get("parameters", []))
             if each["in"] == "path"}
    assert names == set(re.findall(r"\{(\w+)\}", path))
    assert operation["responses"].keys() >= {"400", "401", "500", "503"}
    body = operation.get("requestBody")
    if body is not None:
        schema = document.resolve(body["content"]["application/json"]["schema"])
        assert schema["additionalProperties"] is False, "requests are read strictly"
        assert operation["responses"].keys() >= {"408", "413", "415"}


def test_names_of_operations_are_unique():
    names = [operation["operationId"] for _, _, operation in document.operations()]
    assert len(names) == len(set(names))


def test_its_error_codes_are_the_servers():
    names = set(re.findall(r'return "(\w+)";', (SOURCES / "base/error.cpp").read_text()))
    error = document.load()["components"]["schemas"]["Error"]["properties"]["error"]
    assert set(error["properties"]["code"]["enum"]) - {None} <= names


def test_nothing_is_described_that_nobody_uses():
    text = document.PLACE.read_text()
    for kind, things in document.load()["components"].items():
        if kind == "securitySchemes":
            continue
        for name in things:
            assert f'"#/components/{kind}/{name}"' in text, f"{kind}/{name}"


def test_a_table_without_a_row_is_noticed(monkeypatch):
    """The comparison above finds what it is for."""
    short = {path: item for path, item in document.load()["paths"].items()
             if path != "/api/v1/keys/{key}/revoke"}
    monkeypatch.setattr(document, "load", lambda: {"paths": short})
    assert described() != served()
