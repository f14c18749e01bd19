"""What paths take, as OpenAPI has it."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def takes(
    required: tuple[str, ...],
    properties: Schema,
    *,
    closed: bool = False,
    form: Schema | None = None,
) -> Schema:
    """The operation's extra for a JSON object. closed: other keys are refused; form: what it takes
    as multipart/form-data instead."""
    schema: Schema = {"type": "object", "required": list(required), "properties": properties}
    if closed:
        schema["additionalProperties"] = False
    content: Schema = {"application/json": {"schema": schema}}
    if form is not None:
        content["multipart/form-data"] = {"schema": form}
    return {"requestBody": {"required": True, "content": content}}
