"""Visitors of the auth door: what they send, and the mail that they get."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from agon.app import serve
from agon.kernel import sealing
from tests.places import SERVICE, Place

VERSION = {"X-Supabase-Api-Version": "2024-01-01"}
PASSWORD = "an owl, seven boats & rain"
ANOTHER = "two larks, a lamp and snow"


@dataclass(frozen=True, kw_only=True)
class Mail:
    """What a mail says. link: None where it has none."""

    text: str
    code: str
    link: str | None

    @property
    def token(self) -> str:
        return parse_qs(urlsplit(self.link).query)["token"][0]


@asynccontextmanager
async def door_of(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    """The door of a place, for a client that names the API's version."""
    app = serve(place.runtime, work=False)
    app.state.database, app.state.processes = place.database, None
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://agon.test/auth/v1", headers=VERSION
    ) as client:
        yield client


async def publish_key(place: Place) -> None:
    """What a worker does when it starts: mail can be sealed from now on."""
    name, private = list(place.runtime.sealing_keys.items())[-1]
    public = sealing.public_text(private.public_key())
    async with place.database.as_worker() as conn:
        await conn.execute("select agon.keep_sealing_key($1, $2)", name, public)


async def mails(place: Place, to: str) -> list[Mail]:
    """What waits to be sent to an address, the newest last."""
    rows = await place.owner.fetch(
        "select id, sealed_body from agon.mails where to_address = $1 order by created_at", to
    )
    found = []
    for row in rows:
        identity = f"mails:{row['id']}:body"
        body = sealing.open_sealed(place.runtime.sealing_keys, row["sealed_body"], identity)
        text = json.loads(body)["text"]
        link = re.search(r"http\S+", text)
        code = re.search(r"^\d{6}$", text, re.MULTILINE)
        found.append(Mail(text=text, code=code[0], link=link[0] if link else None))
    return found


async def mail(place: Place, to: str) -> Mail:
    """The newest mail to an address."""
    return (await mails(place, to))[-1]


def bearer(session: Mapping[str, Any] | str) -> dict[str, str]:
    """The header of a signed-in client."""
    token = session if isinstance(session, str) else session["access_token"]
    return {"Authorization": f"Bearer {token}"}


def service(place: Place) -> dict[str, str]:
    """The header of the service."""
    return bearer(place.token(SERVICE))


async def signed_up(
    door: httpx.AsyncClient, email: str = "ada@example.org", **more: Any
) -> dict[str, Any]:
    """A new user, where addresses need no proof: the session."""
    answer = await door.post("/signup", json={"email": email, "password": PASSWORD, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def confirmed(door: httpx.AsyncClient, place: Place, email: str) -> dict[str, Any]:
    """A new user, where addresses need proof: the session."""
    answer = await door.post("/signup", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    code = (await mail(place, email)).code
    body = {"type": "signup", "email": email, "token": code}
    answer = await door.post("/verify", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The body of a refusal, which must be this one, in the clients' shape."""
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert answer.headers["X-Supabase-Api-Version"] == "2024-01-01"
    assert isinstance(answer.json()["message"], str)
    return answer.json()


async def logged(place: Place, kind: str) -> list[dict[str, Any]]:
    """The lines of the audit log of a kind."""
    rows = await place.owner.fetch(
        "select * from agon.security_events where kind = $1 order by id", kind
    )
    return [dict(row) for row in rows]
