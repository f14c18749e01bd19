"""Signing in at GitHub, and the ways in which the caller signs in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from agon.auth import bodies, flows, providers
from agon.auth.desk import PREFIX, AnyDesk, Desk, MemberDesk
from agon.auth.refusals import AuthRoute

router = APIRouter(prefix=PREFIX, tags=["auth"], route_class=AuthRoute)


@router.get("/authorize")
async def authorize(request: Request, desk: AnyDesk) -> Response:
    """On to the provider's sign-in page."""
    leaving = await _depart(request, desk, links=False)
    response = RedirectResponse(leaving.url, status_code=302)
    if leaving.binder:
        response.set_cookie(
            providers.COOKIE,
            leaving.binder,
            max_age=providers.COOKIE_S,
            path=PREFIX,
            secure=desk.url.startswith("https:"),
            httponly=True,
            samesite="lax",
        )
    return response


@router.get("/callback")
async def callback(request: Request, desk: AnyDesk) -> RedirectResponse:
    """Back from the provider: on to the site, with a session, a code, or why not."""
    url = await providers.arrive(desk, request.query_params, request.cookies.get(providers.COOKIE))
    response = RedirectResponse(url, status_code=303)
    response.delete_cookie(providers.COOKIE, path=PREFIX)
    return response


@router.get("/user/identities/authorize")
async def link_identity(request: Request, desk: MemberDesk) -> Response:
    """Where the caller signs in to add an identity, with a challenge; as JSON for clients that go
    there."""
    leaving = await _depart(request, desk, links=True)
    if request.query_params.get("skip_http_redirect") == "true":
        return JSONResponse({"url": leaving.url})
    return RedirectResponse(leaving.url, status_code=302)


@router.delete("/user/identities/{identity_id}")
async def unlink_identity(identity_id: str, desk: MemberDesk) -> dict[str, Any]:
    """Take away one of the caller's identities; never the last."""
    async with desk.acting() as conn:
        await conn.execute(
            "select agon.unlink_identity($1)", bodies.identifier(identity_id, "identity_id")
        )
    return {}


async def _depart(request: Request, desk: Desk, *, links: bool) -> providers.Departure:
    query = request.query_params
    return await providers.depart(
        desk,
        bodies.wanted(query, "provider"),
        bodies.text(query, "scopes"),
        desk.redirect_url(query.get("redirect_to")),
        flows.challenge_of(query),
        links=links,
    )
