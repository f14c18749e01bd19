"""A process of Agon: its configuration, its systems, where the database is, and its keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from agon.kernel import apikeys, config, database, embedded, keys, logs, results
from agon.kernel import jwt as tokens
from agon.kernel.errors import Refused, refuse
from agon.kernel.manifest import Setting, System, load

JWKS_BYTES_MAX = 256 * 1024
JWKS_PAUSE_S = 60
"""A key that is not known is looked for at the issuer at most this often."""

SIGNATURE_REFUSED = "PGRST301"

LOGINS: tuple[database.Login, ...] = ("agon_owner", "agon_web", "agon_service", "agon_worker")

log = logs.get("agon.keys")


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What every entry point starts from. Connections and keys are made when first asked for."""

    settings: config.Settings
    systems: Sequence[System]
    _jwks: dict[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def home(self) -> Path:
        """The folder of this installation."""
        return Path(self.settings["home"] or embedded.default_home())

    @cached_property
    def urls(self) -> Mapping[str, str]:
        """Where each login connects; starts the embedded server if that is what we use."""
        owner = self.settings["database_url"]
        if owner is None:
            server = embedded.start(self.home)
            return {login: server.dsn(login) for login in LOGINS}
        secret = self.settings["database_login_secret"]
        if secret is None:
            raise refuse(
                "login_secret_missing",
                "AGON_DATABASE_URL is set, AGON_DATABASE_LOGIN_SECRET is not.",
                hint="Give any long random text; `agon migrate` sets the logins' passwords by it.",
            )
        others = {
            login: database.with_login(owner, login, database.login_password(secret, login))
            for login in LOGINS[1:]
        }
        return {"agon_owner": owner, **others}

    def revive(self) -> None:
        """Start the embedded server again if it is ours and has died; else nothing."""
        if self.settings["database_url"] is None:
            embedded.start(self.home)

    def database(self) -> database.Database:
        """Pools for this process; open it with ``async with``."""
        return database.Database(self.urls)

    @property
    def jwt_keys(self) -> tokens.Keys:
        """Keys of access tokens as they are now; the first one signs."""
        return self._jwt_keys.current()

    @cached_property
    def _jwt_keys(self) -> keys.JwtKeys:
        return keys.JwtKeys(self.settings, self.home)

    @cached_property
    def api_keys(self) -> apikeys.ApiKeys:
        """What clients send as `apikey`."""
        return apikeys.load(self.settings, self.home)

    @property
    def public_url(self) -> str:
        """How the world reaches this server, without a slash at the end."""
        host, port = self.settings["host"], self.settings["port"]
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return (self.settings["public_url"] or f"http://{place}").rstrip("/")

    @cached_property
    def sealing_keys(self) -> dict[str, Any]:
        """Private sealing keys by id, the newest last."""
        return keys.sealing_keys(self.settings, self.home)

    def outbound(self, *trusted: str, allowed: str = "outbound_allow") -> Any:
        """The client for calls to strangers; open it with ``async with``.

        trusted: URLs that the operator set, whose hosts may be private and plain HTTP; allowed: the
        setting that lists further such hosts.
        """
        from agon.kernel import outbound  # its library takes long to import

        pairs = (item.strip() for item in self.settings[allowed].split(","))
        exempt = frozenset(_address(allowed, pair) for pair in pairs if pair)
        exempt = exempt.union(*map(outbound.place_of, trusted))
        return outbound.client(outbound.Settings(exempt=exempt))

    def result_kinds(self) -> dict[tuple[str, int], results.Kind]:
        """Every kind of result that this release can recompute."""
        return {
            (kind.name, kind.version): results.Kind(
                name=kind.name, version=kind.version, recompute=load(kind.recompute)
            )
            for system in self.systems
            for kind in system.result_kinds
        }

    async def verify_token(self, token: str, now_s: int) -> Mapping[str, Any]:
        """The claims of an access token. Raises Refused (401) for one that does not hold."""
        return (await self.verified(token, now_s)).claims

    async def verified(self, token: str, now_s: int) -> tokens.Verified:
        """An access token as it was verified. Raises Refused (401) for one that does not hold."""
        try:
            return self._verifier().verify(token, now_s)
        except Refused as refused:
            # Whose signature held, and whose claims did not, is refused whatever keys there are.
            if refused.refusal.code != SIGNATURE_REFUSED or not await self._learn_keys(now_s):
                raise
        return self._verifier().verify(token, now_s)

    def _verifier(self) -> tokens.Verifier:
        own = self.jwt_keys
        if "verifier" not in self._jwks or self._jwks["own"] is not own:
            self._jwks["own"] = own
            known = own + self._jwks.get("keys", ())
            self._jwks["verifier"] = tokens.Verifier(known, issuer=self.settings["jwt_issuer"])
        return self._jwks["verifier"]

    async def _learn_keys(self, now_s: int) -> bool:
        """Fetch the other issuer's keys, if there is one and we did not just do so. False too where
        it has none to give: that is for the log, and the caller is told of his token alone."""
        url = self.settings["jwks_url"]
        if url is None or now_s < self._jwks.get("asked_s", 0) + JWKS_PAUSE_S:
            return False
        self._jwks["asked_s"] = now_s
        try:
            self._jwks["keys"] = await self._fetch_keys(url)
        except Refused as refused:
            log.warning("jwks.not_read", url=url, error=str(refused), again_in_s=JWKS_PAUSE_S)
            return False
        self._jwks.pop("verifier", None)
        return True

    async def _fetch_keys(self, url: str) -> tokens.Keys:
        async with self.outbound() as client:
            answer = await client.request("GET", url, limit_bytes=JWKS_BYTES_MAX)
        if answer.status != 200:
            raise refuse("jwks_unreachable", f"The issuer answers {answer.status}.", status=502)
        document = answer.json()
        if not isinstance(document, dict):
            raise refuse("jwks_unfit", "The issuer's document is no JSON object.", status=502)
        return tokens.read_jwks(document)


def begin(
    systems: Sequence[System],
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Runtime:
    """Read the configuration and set up logs. Raises Refused `configuration_wrong`."""
    settings = config.read(_settings(systems), environ=environ, folder=folder)
    logs.configure(settings["log_level"], settings["log_style"])
    return Runtime(settings=settings, systems=systems)


def _settings(systems: Sequence[System]) -> Iterator[Setting]:
    for system in systems:
        yield from system.settings


def _address(setting: str, pair: str) -> tuple[str, int]:
    host, _, port = pair.rpartition(":")
    if not host or not port.isdecimal():
        raise refuse(
            "configuration_wrong",
            f"AGON_{setting.upper()} holds {pair!r}.",
            hint="Give host:port pairs, separated by commas.",
        )
    return host, int(port)
