"""Steam's OpenID 2.0 door, as far as bindings speak it: it signs people in, and confirms once."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from tests.standins.server import Standin, serve

NAMESPACE = "http://specs.openid.net/auth/2.0"
SIGNED = "signed,op_endpoint,claimed_id,identity,return_to,response_nonce,assoc_handle"


@dataclass(kw_only=True)
class Steam:
    """The running door, and the answers that it gave and has not confirmed yet."""

    party: Standin
    given: list[dict[str, str]] = field(default_factory=list)

    def sign_in(
        self, authorize_url: str, steam_id: str, now: datetime | None = None
    ) -> dict[str, str]:
        """What Steam adds to the return address after somebody signed in there."""
        asked = dict(parse_qsl(urlsplit(authorize_url).query))
        assert authorize_url.startswith(f"{self.party.url}/openid/login?")
        assert asked["openid.return_to"].startswith(asked["openid.realm"])
        stamp = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
        fields = {
            "ns": NAMESPACE,
            "mode": "id_res",
            "op_endpoint": f"{self.party.url}/openid/login",
            "claimed_id": f"{self.party.url}/openid/id/{steam_id}",
            "identity": f"{self.party.url}/openid/id/{steam_id}",
            "return_to": asked["openid.return_to"],
            "response_nonce": stamp + secrets.token_urlsafe(16),
            "assoc_handle": "1234567890",
            "signed": SIGNED,
            "sig": secrets.token_urlsafe(20),
        }
        answer = {f"openid.{key}": value for key, value in fields.items()}
        self.given.append(answer)
        return answer

    def confirm(self, asked: Sequence[tuple[str, str]]) -> bool:
        """Whether this is an answer of ours, not confirmed before."""
        claimed = {**dict(asked), "openid.mode": "id_res"}
        if claimed not in self.given:
            return False
        self.given.remove(claimed)
        return True


@asynccontextmanager
async def standin() -> AsyncIterator[Steam]:
    async def login(request: web.Request) -> web.Response:
        form = [(key, str(value)) for key, value in (await request.post()).items()]
        if ("openid.mode", "check_authentication") not in form:
            return web.Response(text=f"ns:{NAMESPACE}\nerror:Invalid mode\n", status=400)
        is_valid = str(running.confirm(form)).lower()
        return web.Response(text=f"ns:{NAMESPACE}\nis_valid:{is_valid}\n")

    async with serve({"POST /openid/login": login}) as party:
        running = Steam(party=party)
        yield running
