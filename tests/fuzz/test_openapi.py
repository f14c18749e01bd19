"""The whole server against its own OpenAPI document: nothing that a client sends is answered with
5xx, and what is answered is what the document says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import places, servers
from tests.auth.visitors import PASSWORD, publish_key
from tests.fuzz import described
from tests.rest.cinema import service, user
from tests.rest.doors import served

SHORT = settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
LONG = settings(SHORT, max_examples=3_000, derandomize=False)
CALLERS = ("anon", "ada", "admin", "service_role")


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server, what it says of itself, and Ada's access token."""

    api: httpx.AsyncClient
    operations: list[schemathesis.APIOperation]
    token: str

    def headers(self, who: str) -> dict[str, str]:
        """Of a caller, beside whatever a case sends."""
        if who == "service_role":
            key = service(self.api)["apikey"]
            return {"apikey": key, "authorization": f"Bearer {key}"}
        if who == "admin":
            return user(self.api, "admin", app_metadata={"roles": ["admin"]})
        token = f"Bearer {self.token}" if who == "ada" else ""
        return {"apikey": self.api.process.api_keys.publishable, "authorization": token}


@pytest.fixture(scope="module")
async def site(
    server: servers.TestServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    folder = tmp_path_factory.mktemp("openapi")
    async with places.opened(server, "agon_test_openapi", folder) as place:
        await publish_key(place)
        async with served(place) as api:
            ada = await api.post(
                "/auth/v1/signup", json={"email": described.EMAIL, "password": PASSWORD}
            )
            session = ada.json()
            schema = described.schema_of(api.app.openapi(), [session["user"]["id"]])
            operations = [found.ok() for found in schema.get_all_operations()]
            yield Server(api=api, operations=operations, token=session["access_token"])


async def hold(site: Server, data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(site.operations), label="operation")
    who = data.draw(st.sampled_from(CALLERS), label="who")
    if operation.path.endswith("/logout") and who == "ada":
        who = "admin"  # she is needed
    case = data.draw(operation.as_strategy(), label="case")
    described.check(case, await described.send(site.api, case, site.headers(who)))


@SHORT
@given(st.data())
async def test_the_server_is_as_it_says(site: Server, data: st.DataObject):
    await hold(site, data)


@pytest.mark.prove
@LONG
@given(st.data())
async def test_the_server_is_as_it_says_thousands_of_times(site: Server, data: st.DataObject):
    await hold(site, data)
