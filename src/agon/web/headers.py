"""A request's headers, and what stands beside a 401. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable

from agon.kernel.errors import Refusal

TOKEN_REFUSED = ("PGRST301", "PGRST303")

Headers = dict[bytes, bytes]
"""By their names in lower case; of a repeated one the values joined by `, `."""


def headers_of(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    """An ASGI scope's headers as a mapping."""
    listed = list(pairs)
    headers = dict(listed)
    if len(headers) < len(listed):
        headers = {}
        for name, value in listed:
            headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


def challenge(refusal: Refusal) -> str:
    """What `WWW-Authenticate` says beside a 401, as PostgREST says it."""
    if refusal.code in TOKEN_REFUSED:
        said = json.dumps(refusal.message)
        return f'Bearer error="invalid_token", error_description={said}'
    return "Bearer"
