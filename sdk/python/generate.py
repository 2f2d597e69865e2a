#!/usr/bin/env python3
"""Makes src/sovmesh/admin/_models.py and _operations.py from api/openapi.yaml.

The types of bodies and answers are datamodel-code-generator's; the methods, a line or two for each
operation of the document, are written here. `--check`: only says whether they are as they would be made.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

FOLDER = pathlib.Path(__file__).resolve().parent
DOCUMENT = FOLDER.parents[1] / "api" / "openapi.yaml"
TARGET = FOLDER / "src" / "sovmesh" / "admin"
HEAD = '"""Made from api/openapi.yaml by sdk/python/generate.py. Do not edit."""\n\n'
KEYWORDS = {"from"}
METHODS = {"get", "put", "post", "patch", "delete"}


def make_models():
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "models.py"
        subprocess.run(
            [sys.executable, "-m", "datamodel_code_generator", "--input", str(DOCUMENT),
             "--input-file-type", "openapi", "--output", str(out),
             "--output-model-type", "typing.TypedDict", "--target-python-version", "3.11",
             "--enum-field-as-literal", "all", "--use-union-operator", "--use-standard-collections",
             "--use-schema-description", "--openapi-scopes", "schemas", "--disable-timestamp",
             "--formatters", "black", "isort", "--custom-file-header", HEAD.strip()],
            check=True, timeout=120, cwd=folder, env={**os.environ, "PYTHONWARNINGS": "ignore"})
        return out.read_text()


class Document:
    def __init__(self, text):
        self.root = yaml.safe_load(text)

    def resolve(self, node):
        while "$ref" in node:
            target = self.root
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node

    def type_of(self, schema):
        """Of a body or an answer."""
        if "$ref" not in schema:
            return "dict[str, Any]" if schema.get("type") == "object" else "Any"
        name = schema["$ref"].removeprefix("#/components/schemas/")
        return f"m.{name}"

    def parameter_type(self, parameter):
        schema = self.resolve(parameter["schema"])
        if "enum" in schema:
            return "Literal[" + ", ".join(f'"{value}"' for value in schema["enum"]) + "]"
        return {"integer": "int", "boolean": "bool", "number": "float"}.get(schema.get("type"), "str")

    def operations(self):
        for path, item in self.root["paths"].items():
            for method in [each for each in item if each in METHODS]:
                yield Operation(self, path, method, item)


def snake(name):
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()


def identifier(name):
    name = name.lower().replace("-", "_")
    return name + "_" if name in KEYWORDS else name


class Operation:
    def __init__(self, document, path, method, item):
        said = item[method]
        self.path, self.method, self.name = path, method.upper(), snake(said["operationId"])
        self.summary = said["summary"]
        parameters = [document.resolve(each) for each in item.get("parameters", []) + said.get("parameters", [])]
        self.in_path = [each["name"] for each in parameters if each["in"] == "path"]
        self.query = [(each["name"], document.parameter_type(each), each.get("required", False))
                      for each in parameters
                      if each["in"] == "query" and each["name"] not in ("dry_run", "format")]
        names = {each["name"]: each for each in parameters}
        self.takes_dry_run = "dry_run" in names
        self.takes_if_match = "If-Match" in names
        self.body, self.body_required = None, False
        if "requestBody" in said:
            request = document.resolve(said["requestBody"])
            if "application/json" not in request["content"]:
                sys.exit(f"{self.name}: this generator writes JSON bodies alone")
            self.body = document.type_of(request["content"]["application/json"]["schema"])
            self.body_required = request.get("required", False)
        self.result, self.formats, self.item = "None", [], None
        for status, answer in said["responses"].items():
            content = document.resolve(answer).get("content", {})
            if status[0] != "2" or "application/json" not in content:
                continue
            schema = content["application/json"]["schema"]
            one = [each for each in schema.get("anyOf", [schema])
                   if not each.get("$ref", "").endswith("/DryRun")]
            if one:
                self.result = document.type_of(one[0])
            if "format" in names and len(content) > 1:
                self.formats = [value for value in names["format"]["schema"]["enum"] if value != "json"]
        if any(name == "after" for name, *_ in self.query):
            page = document.resolve({"$ref": "#/components/schemas/" + self.result.removeprefix("m.")})
            self.item = document.type_of(page["properties"]["data"]["items"])

    def arguments(self, query, more=()):
        out = [f"{identifier(name)}: str" for name in self.in_path]
        if self.body:
            out.append(f"body: {self.body}" if self.body_required else f"body: {self.body} | None = None")
        named = [f"{identifier(name)}: {kind}" + ("" if required else " | None = None")
                 for name, kind, required in sorted(query, key=lambda each: not each[2])]
        named += ["if_match: str | None = None"] if self.takes_if_match else []
        named += more
        return ", ".join(["self", *out, *(["*", *named] if named else [])])

    def call(self, query, extra=""):
        path = self.path
        parts = [f'"{self.method}"', f'"{path}"']
        if self.in_path:
            parts.append("path={" + ", ".join(f'"{n}": {identifier(n)}' for n in self.in_path) + "}")
        shown = [f'"{name}": {identifier(name)}' for name, *_ in query]
        shown += [extra] if extra else []
        if shown:
            parts.append("query={" + ", ".join(shown) + "}")
        if self.body:
            parts.append("body=body")
        if self.takes_if_match:
            parts.append("if_match=if_match")
        return ", ".join(parts)

    def lines(self, is_async):
        start, wait = ("async def", "await ") if is_async else ("def", "")
        doc = f'        """{self.summary}."""'
        if self.takes_dry_run:
            for value, result in (("False] = False", self.result), ("True]", "m.DryRun")):
                yield "    @overload"
                yield f"    {start} {self.name}({self.arguments(self.query, [f'dry_run: Literal[{value}'])}) -> {result}: ..."
            yield f"    {start} {self.name}({self.arguments(self.query, ['dry_run: bool = False'])}) -> Any:"
            yield doc
            call = self.call(self.query, '"dry_run": dry_run or None')
            yield f"        return {wait}self._call({call})"
        else:
            yield f"    {start} {self.name}({self.arguments(self.query)}) -> {self.result}:"
            yield doc
            call = f"{wait}self._call({self.call(self.query)})"
            yield (f"        {call}" if self.result == "None"
                   else f"        return cast({self.result}, {call})")
        yield ""
        if self.formats:
            kinds = ", ".join(f'"{each}"' for each in self.formats)
            yield f"    {start} {self.name}_text({self.arguments(self.query, [f'format: Literal[{kinds}] = {chr(34)}text{chr(34)}'])}) -> str:"
            yield doc
            call = self.call(self.query, '"format": format')
            yield f"        return {wait}self._call_text({call})"
            yield ""
        if self.item:
            query = [each for each in self.query if each[0] != "after"]
            kind = "AsyncIterator" if is_async else "Iterator"
            # An async generator is called without await.
            yield f"    def iter_{self.name.removeprefix('list_')}({self.arguments(query)}) -> {kind}[{self.item}]:"
            yield f'        """{self.summary}, page after page."""'
            yield f"        return self._pages({self.call(query)})"
            yield ""


def make_operations(text):
    document = Document(text)
    operations = list(document.operations())
    lines = [
        "from __future__ import annotations", "",
        "from collections.abc import AsyncIterator, Iterator, Mapping",
        "from typing import Any, Literal, cast, overload", "",
        "from . import _models as m", "", "",
    ]
    for name, is_async in (("Operations", False), ("AsyncOperations", True)):
        start = "async def" if is_async else "def"
        kind = "AsyncIterator" if is_async else "Iterator"
        said = ("self, method: str, pattern: str, *, path: Mapping[str, str] | None = None, "
                "query: Mapping[str, object] | None = None, body: Mapping[str, Any] | None = None, "
                "if_match: str | None = None")
        lines += [f"class {name}:"]
        for helper, result in (("_call", "Any"), ("_call_text", "str")):
            lines += [f"    {start} {helper}({said}) -> {result}:", "        raise NotImplementedError", ""]
        lines += [f"    def _pages({said}) -> {kind}[Any]:", "        raise NotImplementedError", ""]
        for operation in operations:
            lines += operation.lines(is_async)
        lines += [""]
    return HEAD + "\n".join(lines).rstrip() + "\n"


def formatted(code):
    import black
    return black.format_str(code, mode=black.Mode(line_length=100))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--check", action="store_true", help="only say whether they are up to date")
    check = parser.parse_args().check
    made = {"_models.py": make_models(),
            "_operations.py": formatted(make_operations(DOCUMENT.read_text()))}
    stale = [name for name, code in made.items()
             if not (TARGET / name).exists() or (TARGET / name).read_text() != code]
    if check and stale:
        sys.exit(f"{', '.join(stale)}: not as api/openapi.yaml has it now. Run sdk/generate.")
    if not check:
        for name, code in made.items():
            (TARGET / name).write_text(code)


if __name__ == "__main__":
    main()
