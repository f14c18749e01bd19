"""Bindings as people make them: wallets with keys, Steam's stand-in, a countersigning operator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from agon.app import serve
from agon.commons.people import wallets
from agon.kernel import clock
from tests import places
from tests.people import signing
from tests.places import Place, bearer
from tests.standins import opendota, steam
from tests.standins.server import Standin
from tests.standins.steam import Steam

STEAM_ID = "76561198085067169"
ACCOUNT = int(STEAM_ID) - 76_561_197_960_265_728
EPIC_ID = "4c9f4f1a2b3c4d5e6f708192a3b4c5d6"
PUUID = "p" * 70 + "-_AZ09ab"
OPERATOR = "the operator"
SITE = "https://agon.example"


@asynccontextmanager
async def site(server, folder, matches: Any = ()) -> AsyncIterator[tuple[Place, Steam]]:
    """A place that is configured for Steam's stand-in and one operator."""
    async with steam.standin() as running, opendota.standin(matches, now_s=clock.now_s()) as games:
        environ = {
            "AGON_PUBLIC_URL": SITE, "AGON_STEAM_URL": running.party.url,
            "AGON_OPENDOTA_URL": games.url,
            "AGON_OUTBOUND_ALLOW": ",".join(_place(party) for party in (running.party, games)),
            "AGON_BINDING_OPERATORS": signing.account(OPERATOR).address,
        }  # fmt: skip
        name = f"agon_bindings_{abs(hash(str(folder)))}"
        async with places.opened(server, name, folder, environ) as place:
            yield place, running


def _place(party: Standin) -> str:
    return "{}:{}".format(*party.address)


@asynccontextmanager
async def visitor(place: Place, name: str) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody signed in, with a wallet whose key they hold: `signing.address(name)`."""
    actor = place.actor(name)
    async with place.database.as_worker() as conn:
        await wallets.link(conn, str(actor.user_id), signing.address(name))
    app = serve(place.runtime, work=False)
    app.state.database, app.state.processes = place.database, None
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = bearer(place, actor)
    async with httpx.AsyncClient(transport=transport, base_url=SITE, headers=headers) as client:
        yield client


async def started(api: httpx.AsyncClient, name: str) -> str:
    """The address at which they sign in at Steam."""
    answer = await api.get("/api/auth/steam", params={"subject": signing.address(name)})
    assert answer.status_code == 200, answer.text
    return answer.json()["authorize_url"]


async def returned(api: httpx.AsyncClient, answer: dict[str, str]) -> dict[str, Any]:
    """What our page says to somebody who comes back from Steam."""
    came = await api.get(answer["openid.return_to"], params=None)
    assert came.status_code == 400, "without Steam's fields there is nothing to sign"
    back = httpx.URL(answer["openid.return_to"]).copy_merge_params(answer)
    came = await api.get(back)
    assert came.status_code == 200, came.text
    return came.json()


async def proof(
    api: httpx.AsyncClient, running: Steam, name: str, steam_id: str = STEAM_ID
) -> dict[str, Any]:
    """All that is sent to finish: Steam's answer, and the message with the wallet's signature."""
    handed = await returned(api, running.sign_in(await started(api, name), steam_id))
    return {**handed, "signature": signing.sign(name, handed["message"])}


async def bound(
    api: httpx.AsyncClient, running: Steam, name: str, steam_id: str = STEAM_ID
) -> httpx.Response:
    """The whole way over Steam."""
    body = await proof(api, running, name, steam_id)
    return await api.post("/api/auth/steam/return", json=body)


async def countersigned(api: httpx.AsyncClient, name: str, **account: Any) -> dict[str, Any]:
    """All that is sent to finish a binding that an operator vouches for."""
    wanted = {"platform": "epic", "platform_id": EPIC_ID, "handle": "Mia", **account}
    begun = await api.post("/api/bindings/start", json={"subject": signing.address(name), **wanted})
    assert begun.status_code == 200, begun.text
    handed = begun.json()
    return {
        "message": handed["message"],
        "signature": signing.sign(name, handed["message"]),
        "handle": wanted["handle"],
        "countersignature": signing.sign(OPERATOR, handed["countersign"]),
    }
