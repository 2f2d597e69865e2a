"""Pages of the admin API, made from api/openapi.yaml: one for each tag, and one of the objects."""
import json
import re

import yaml

METHODS = ("get", "put", "post", "patch", "delete")
OBJECTS = "objects.md"
BOUNDS = (("minimum", "from {}"), ("maximum", "to {}"), ("minLength", "at least {} characters"),
          ("maxLength", "at most {} characters"), ("minItems", "at least {}"),
          ("maxItems", "at most {}"), ("format", "{}"), ("pattern", "`{}`"), ("default", "default {}"))


class Reference:
    def __init__(self, document):
        self.document = document

    def resolve(self, node):
        """What a reference leads to; what stands beside it wins."""
        while "$ref" in node:
            place = self.document
            for name in node["$ref"].removeprefix("#/").split("/"):
                place = place[name]
            node = {**place, **{name: value for name, value in node.items() if name != "$ref"}}
        return node

    def type_of(self, schema):
        """A schema in a few words; what has a name is a link to it."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return f"[{name}]({OBJECTS}#{name.lower()})"
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return " or ".join(self.type_of(each) for each in schema[word])
        if "const" in schema:
            return f"`{json.dumps(schema['const'])}`"
        if "enum" in schema:
            return ", ".join(f"`{json.dumps(each).strip(chr(34))}`" for each in schema["enum"])
        types = schema.get("type", "any value")
        types = [types] if isinstance(types, str) else types
        if "array" in types and "items" in schema:
            types = [f"list of {self.type_of(schema['items'])}" if each == "array" else each
                     for each in types]
        return " or ".join(types)

    def what(self, schema):
        """Type, bounds and sense of a member or parameter."""
        resolved = self.resolve(schema)
        bounds = []
        for word, text in BOUNDS:
            if word in schema:
                value = schema[word]
                if isinstance(value, (dict, list, bool)) or value == "":
                    value = f"`{json.dumps(value)}`"
                bounds.append(text.format(value))
        parts = [self.type_of(schema) + (f" ({', '.join(bounds)})" if bounds else "")]
        if "$ref" not in schema or "description" in schema:
            parts.append(resolved.get("description", ""))
        return ". ".join(part.rstrip(".") for part in parts if part)

    def members(self, schema, prefix=""):
        """Rows of a table: a member, whether it must be there, and what it is."""
        rows = []
        required = schema.get("required", [])
        for name, member in schema.get("properties", {}).items():
            rows.append((f"`{prefix}{name}`", "yes" if name in required else "", self.what(member)))
            inner = member.get("items", member) if "$ref" not in member else {}
            if "$ref" not in inner and inner.get("properties"):
                step = "[]." if "items" in member else "."
                rows += self.members(inner, f"{prefix}{name}{step}")
        return rows

    def parameters(self, operation):
        rows = []
        for each in map(self.resolve, operation.get("parameters", [])):
            sense = ". ".join(part.rstrip(".") for part in
                              (self.what(each["schema"]), each.get("description", "")) if part)
            place = each["in"] + (", required" if each.get("required") else "")
            rows.append((f"`{each['name']}`", place, sense))
        return table(("parameter", "in", "what"), rows)

    def body(self, operation):
        if "requestBody" not in operation:
            return ""
        text = ""
        for media, content in operation["requestBody"]["content"].items():
            schema = content["schema"]
            text += f"**Body** (`{media}`): {self.type_of(schema)}\n\n"
            text += table(("member", "required", "what"), self.members(self.resolve(schema)))
        return text

    def answers(self, operation):
        rows = []
        for status, answer in operation["responses"].items():
            answer = self.resolve(answer)
            kinds = [f"`{media}`: {self.type_of(content.get('schema', {}))}"
                     if media != "application/json" else self.type_of(content["schema"])
                     for media, content in answer.get("content", {}).items()]
            rows.append((status, answer["description"], "; ".join(kinds)))
        return table(("status", "what", "body"), rows)

    def operation(self, path, method, operation):
        text = f"## {operation['summary']}\n\n`{method.upper()} {path}`\n\n"
        if "description" in operation:
            text += linked(operation["description"]) + "\n\n"
        text += self.parameters(operation) + self.body(operation) + self.answers(operation)
        return text

    def of_tag(self, tag):
        text = f"# {tag['name']}\n\n{tag['description']}.\n\n"
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item and tag["name"] in item[method]["tags"]:
                    text += self.operation(path, method, item[method])
        return text

    def objects(self):
        text = "# Objects\n\nWhat the admin API takes and answers, by name.\n\n"
        for name, schema in sorted(self.document["components"]["schemas"].items()):
            text += f"## {name}\n\n"
            rows = self.members(schema)
            if rows:
                if "description" in schema:
                    text += linked(schema["description"]) + "\n\n"
                text += table(("member", "always there", "what"), rows)
            else:
                text += self.what(schema) + "\n\n"
            examples = schema.get("examples", [])
            if examples:
                text += "For example " + ", ".join(f"`{json.dumps(one)}`" for one in examples) + ".\n\n"
        return text

    def overview(self, tags):
        info = self.document["info"]
        text = f"# API reference\n\n{info['summary']}\n\n"
        text += "Made from [openapi.yaml](openapi.yaml) (OpenAPI 3.1), which tests compare with the server.\n\n"
        text += linked(info["description"]) + "\n\n## What there is\n\n"
        rows = []
        for tag in tags:
            for path, item in self.document["paths"].items():
                for method in METHODS:
                    if method in item and tag["name"] in item[method]["tags"]:
                        rows.append((f"`{method.upper()} {path}`",
                                     f"[{item[method]['summary']}]({file_of(tag)}#{slug(item[method]['summary'])})"))
        return text + table(("call", "what it does"), rows)


def linked(text):
    """Names of pages become links to them."""
    return re.sub(r"\bdocs/([\w-]+\.md)\b", r"[\1](../docs/\1)", text)


def slug(heading):
    """The anchor of a heading, as repositories' web views make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def file_of(tag):
    return slug(tag["name"]) + ".md"


def table(head, rows):
    if not rows:
        return ""

    def line(cells):
        return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |\n"
    return line(head) + line(["---"] * len(head)) + "".join(line(row) for row in rows) + "\n"


def pages(text):
    """{file: its text}: openapi.md is the first one."""
    document = yaml.safe_load(text)
    reference = Reference(document)
    tags = document["tags"]
    return {"openapi.md": reference.overview(tags),
            **{file_of(tag): reference.of_tag(tag) for tag in tags},
            OBJECTS: reference.objects()}
