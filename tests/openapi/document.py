"""api/openapi.yaml, and whether a request or an answer is as it says."""

import copy
import datetime
import functools
import pathlib
import re
import urllib.parse

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLACE = ROOT / "api/openapi.yaml"
METHODS = ("get", "put", "post", "patch", "delete")

FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def is_time(value):
    if isinstance(value, str):
        datetime.datetime.fromisoformat(value)
    return True


@functools.cache
def load():
    return yaml.safe_load(PLACE.read_text())


def resolve(node):
    """What a reference leads to."""
    while "$ref" in node:
        place = load()
        for name in node["$ref"].removeprefix("#/").split("/"):
            place = place[name]
        node = place
    return node


def operations():
    """(path, method, operation) of all."""
    return [(path, method, item[method])
            for path, item in load()["paths"].items() for method in METHODS if method in item]


def close(node):
    """The same schema, in which an object has no members that are not described."""
    if isinstance(node, list):
        return [close(each) for each in node]
    if not isinstance(node, dict):
        return node
    closed = {name: close(each) for name, each in node.items()}
    if closed.get("type") == "object" and isinstance(closed.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed


@functools.cache
def closed_components():
    return close(copy.deepcopy(load()["components"]))


def check(value, schema):
    whole = {**close(copy.deepcopy(schema)), "components": closed_components()}
    validator = jsonschema.Draft202012Validator(whole, format_checker=FORMATS)
    error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    assert error is None, f"at {error.json_path}: {error.message[:500]}"


def find(method, target):
    """(path of the document, operation) of a request; words win over names."""
    parts = target.split("?")[0].split("/")
    for path, its_method, operation in sorted(operations(), key=lambda each: each[0].count("{")):
        names = path.split("/")
        fits = len(names) == len(parts) and all(
            name == part or (name.startswith("{") and part) for name, part in zip(names, parts))
        if fits and its_method == method.lower():
            return path, operation
    raise AssertionError(f"{method} {target} is not described")


def check_request(operation, target, body):
    described = {each["name"]: each for each in map(resolve, operation.get("parameters", []))
                 if each["in"] == "query"}
    query = dict(urllib.parse.parse_qsl(target.partition("?")[2], keep_blank_values=True))
    for name, text in query.items():
        assert name in described, f"the parameter {name} is not described"
        schema = resolve(described[name]["schema"])
        if schema.get("type") == "integer":
            check(int(text), schema)
        elif schema.get("type") == "boolean":
            check({"true": True, "false": False}[text], schema)
        else:
            check(text, schema)
    missing = {name for name, each in described.items() if each.get("required")} - query.keys()
    assert not missing, missing
    if body is not None:
        check(body, operation["requestBody"]["content"]["application/json"]["schema"])
    else:
        assert not operation.get("requestBody", {}).get("required"), "a body is required"


def check_answer(operation, status, headers, body):
    """`body`: parsed where it is JSON."""
    assert str(status) in operation["responses"], f"{status} is not described: {body}"
    answer = resolve(operation["responses"][str(status)])
    media = headers.get("content-type", "").split(";")[0]
    content = answer.get("content", {})
    assert media in content if content else (not media and not body), (media, body)
    if content:
        check(body, content[media]["schema"])
    for name in answer.get("headers", {}):
        if name != "ETag":  # of lists and of what has no revision there is none
            assert name.lower() in headers, f"no {name}"


def pattern_of(path):
    return re.sub(r"\{\w+\}", "{}", path)
