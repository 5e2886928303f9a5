"""The reference page of the HTTP API, generated from its OpenAPI schema."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from fststyle.web.database import JsonObject
from fststyle.web.pages import page

router = APIRouter(include_in_schema=False)


@router.get("/api")
def show(request: Request) -> HTMLResponse:
    """Show the reference page of the API."""
    return page(request, "api.html", groups=_groups(request.app.openapi()))


def _groups(schema: JsonObject) -> dict[str, list[JsonObject]]:
    """Return the operations of an OpenAPI schema for the template, grouped by their first tag.

    Each operation is a dict with its HTTP ``method``, its ``path``, its description as ``text``, and its
    ``fields``: the parameters and the form fields.
    """
    groups: dict[str, list[JsonObject]] = {}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            found = {
                "method": method.upper(),
                "path": path,
                "text": operation.get("description", operation.get("summary", "")),
                "fields": [*_parameters(operation), *_form(operation, schema)],
            }
            groups.setdefault(operation.get("tags", ["other"])[0], []).append(found)
    return groups


def _parameters(operation: JsonObject) -> list[JsonObject]:
    return [
        _field(one["name"], one.get("schema", {}), one["in"], one.get("required", False))
        for one in operation.get("parameters", [])
    ]


def _form(operation: JsonObject, schema: JsonObject) -> list[JsonObject]:
    """Return the form fields of an operation, or [] if it has no form. ``schema`` is the OpenAPI schema."""
    content = operation.get("requestBody", {}).get("content", {})
    for body in content.values():
        name = body["schema"].get("$ref", "").rpartition("/")[2]
        form = schema["components"]["schemas"].get(name, {})
        required = form.get("required", [])
        return [
            _field(name, one, "form", name in required) for name, one in form.get("properties", {}).items()
        ]
    return []


def _field(name: str, schema: JsonObject, where: str, required: bool) -> JsonObject:
    kinds = [schema, *schema.get("anyOf", []), schema.get("items", {})]
    binary = any("contentMediaType" in kind or kind.get("format") == "binary" for kind in kinds)
    kind = "file" if binary else next((one["type"] for one in kinds if one.get("type")), "")
    default = schema.get("default")
    return {
        "name": name,
        "kind": kind,
        "where": where,
        "required": required,
        "default": "" if default in (None, "") else default,
        "text": schema.get("description", ""),
    }
