"""The docs page: an OpenAPI document as plain HTML, with no script and nothing from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from typing import Any

from gateway.management.document import REFERENCE, operations, resolved
from gateway.management.limits import in_words

Json = dict[str, Any]

STYLE = """
:root { color-scheme: light dark; --text: #1d2329; --soft: #5b6670; --line: #d9dee3; --back: #fff; --code: #f4f6f8;
  --accent: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --text: #e3e8ec; --soft: #9aa5af; --line: #333b43; --back: #14181c;
  --code: #1e2429; --accent: #6db3f8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem 6rem; color: var(--text); background: var(--back);
  font: 1rem/1.55 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; }
h2 { margin: 3.5rem 0 1rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); text-transform: capitalize; }
h3 { margin: 2.75rem 0 .5rem; font-size: 1.1rem; }
h4 { margin: 1.4rem 0 .4rem; color: var(--soft); font-size: .85rem; letter-spacing: .04em; text-transform: uppercase; }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
p { max-width: 46rem; }
nav ul { margin: 0; padding: 0; list-style: none; columns: 2 20rem; } nav li { break-inside: avoid; }
code, pre { font: .86em/1.5 ui-monospace, Consolas, monospace; background: var(--code); border-radius: 4px; }
code { padding: .1em .3em; overflow-wrap: anywhere; }
pre { margin: .4rem 0; padding: .8rem 1rem; overflow-x: auto; } pre code { padding: 0; overflow-wrap: normal; }
.route { display: block; padding: .45rem .7rem; border-left: 3px solid var(--accent); background: var(--code); }
.route b { margin-right: .6rem; color: var(--accent); }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .92rem; }
th, td { padding: .45rem .8rem .45rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--soft); font-weight: 600; } td:last-child { min-width: 18rem; }
.soft { color: var(--soft); }
"""


def render(document: Json) -> str:
    """The whole page."""
    info, schemas = document["info"], document["components"]["schemas"]
    routes = list(operations(document))
    by_tag: dict[str, list[str]] = {}
    for path, method, operation in routes:
        by_tag.setdefault(operation["tags"][0], []).append(_route(path, method, operation, schemas))
    # What is sent is told with its route, but for the objects inside of it.
    bodies = {name for _, _, operation in routes for name in _body_name(operation)}
    title = escape(info["title"])
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title><style>{STYLE}</style></head><body>",
            f'<header><h1>{title}</h1><p class="soft">Version {escape(info["version"])}</p></header>',
            f"<main>{_prose(info['description'])}",
            f'<nav aria-label="Routes"><h2>Routes</h2><ul>{"".join(_entry(*each) for each in routes)}</ul></nav>',
            *(f"<section><h2>{escape(tag)}</h2>{''.join(parts)}</section>" for tag, parts in by_tag.items()),
            f"<section><h2>Errors</h2>{_errors(routes)}</section>",
            "<section><h2>Objects</h2>",
            *(_object(name, schema) for name, schema in schemas.items() if name not in bodies),
            "</section></main></body></html>",
        ]
    )


def _entry(path: str, method: str, operation: Json) -> str:
    return (
        f'<li><a href="#{operation["operationId"]}">{escape(operation["summary"])}</a><br>'
        f"<code>{method.upper()} {escape(path)}</code></li>"
    )


def _route(path: str, method: str, operation: Json, schemas: Json) -> str:
    body = _body(operation, schemas)
    parts = [
        f'<article id="{operation["operationId"]}"><h3>{escape(operation["summary"])}</h3>',
        f'<code class="route"><b>{method.upper()}</b>{escape(path)}</code>',
        _prose(operation["description"]),
        "" if "security" in operation else "<p>Open: it needs no token.</p>",
    ]
    for place in ("path", "query"):
        given = [each for each in operation.get("parameters", ()) if each["in"] == place]
        if given:
            parts += [f"<h4>In the {place}</h4>", _fields(map(_parameter, given))]
    if body is not None:
        parts += ["<h4>Body</h4>", _prose(body["description"]), _body_fields(body)]
    curl = _curl(path, method, operation, _example(body, schemas) if body is not None else None)
    parts += ["<h4>Example</h4>", _code(curl), *_good_answer(operation["responses"], schemas)]
    rows = [
        (_text(status), _prose(each["description"], inline=True)) for status, each in operation["responses"].items()
    ]
    parts += ["<h4>Answers</h4>", _table(("status", "meaning"), rows)]
    return "".join(parts) + "</article>"


def _parameter(parameter: Json) -> tuple[str, Json, str, str]:
    must = "required" if parameter["required"] else "may be left out"
    return parameter["name"], parameter["schema"], must, parameter["description"]


def _body(operation: Json, schemas: Json) -> Json | None:
    """The schema of the body that the operation takes, if it takes one."""
    return next((schemas[name] for name in _body_name(operation)), None)


def _body_name(operation: Json) -> Iterable[str]:
    """The name of that schema."""
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        # One that may be left out is `anyOf` an object and null.
        yield str(schema.get("anyOf", [schema])[0]["$ref"]).removeprefix(REFERENCE)


def _good_answer(responses: Json, schemas: Json) -> Iterable[str]:
    """The body of the answer that was hoped for, if there is one to show."""
    status, answer = next(iter(responses.items()))
    schema = answer.get("content", {}).get("application/json", {}).get("schema")
    if schema:
        yield f"<p>{status}, {_typed(schema)}:</p>{_code(json.dumps(_example(schema, schemas), indent=2))}"


def _errors(routes: Iterable[tuple[str, str, Json]]) -> str:
    """Each error code once, with an example."""
    bodies: dict[tuple[str, str], Any] = {}
    for _, _, operation in routes:
        for status, answer in operation["responses"].items():
            examples = answer.get("content", {}).get("application/json", {}).get("examples", {})
            bodies |= {(status, code): each["value"] for code, each in examples.items()}
    return "".join(
        f"<h3>{status} {_text(code)}</h3>{_code(json.dumps(bodies[status, code], indent=2))}"
        for status, code in sorted(bodies)
    )


def _example(schema: Json, schemas: Json) -> Any:
    """An example of what the schema describes."""
    if schema.get("type") == "array":
        return [_example(schema["items"], schemas)]
    return resolved(schema, schemas)["examples"][0]


def _curl(path: str, method: str, operation: Json, body: Any) -> str:
    for each in operation.get("parameters", ()):
        example = each["schema"]["examples"][0]
        if each["in"] == "path":
            path = path.replace("{" + each["name"] + "}", example)
        elif "?" not in path:
            path += f"?{each['name']}={example}"
    parts = [f'curl -X {method.upper()} "$GATEWAY{path}"' if method != "get" else f'curl "$GATEWAY{path}"']
    if "security" in operation:
        parts.append('-H "Authorization: Bearer $MANAGEMENT_TOKEN"')
    if body is not None:
        parts += ['-H "Content-Type: application/json"', f"-d '{json.dumps(body, indent=2)}'"]
    return " \\\n  ".join(parts)


def _object(name: str, schema: Json) -> str:
    rows = ((field, each, "", each.get("description", "")) for field, each in schema["properties"].items())
    return f'<article id="{name}"><h3>{name}</h3>{_prose(schema["description"])}{_fields(rows)}</article>'


def _body_fields(schema: Json) -> str:
    return _fields(
        (
            name,
            field,
            "required" if name in schema.get("required", ()) else f"default {json.dumps(field.get('default'))}",
            field["description"],
        )
        for name, field in schema["properties"].items()
    )


def _fields(rows: Iterable[tuple[str, Json, str, str]]) -> str:
    """A table of fields: name, limits, what there must be, what it means."""
    cells = []
    for name, schema, must, description in rows:
        examples = "".join(f" Example: <code>{escape(json.dumps(each))}</code>." for each in schema.get("examples", ()))
        cells.append(
            (
                f"<code>{escape(name)}</code>",
                f'{_typed(schema)}<br><span class="soft">{escape(must)}</span>',
                _prose(description, inline=True) + examples,
            )
        )
    return _table(("field", "limits", "meaning"), cells)


def _typed(schema: Json) -> str:
    """A schema's limits, with a link to the object they name."""
    words = escape(in_words(schema))
    reference = schema.get("items", schema).get("$ref")
    if reference is None:
        return words
    name = reference.removeprefix(REFERENCE)
    return words.replace(name, f'<a href="#{name}">{name}</a>')


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f'<th scope="col">{each}</th>' for each in heads)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'


def _prose(text: str, *, inline: bool = False) -> str:
    """Paragraphs, and `code` in backticks."""
    html = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text.strip()))
    return html if inline else "".join(f"<p>{each}</p>" for each in html.split("\n\n"))


def _text(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _code(text: str) -> str:
    return f"<pre><code>{escape(text)}</code></pre>"
