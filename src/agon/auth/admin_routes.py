"""Users, for the service: `/admin/users` and `/admin/generate_link`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from agon.auth import administration, bodies
from agon.auth.administration import PAGE_MAX, PER_PAGE, PER_PAGE_MAX
from agon.auth.bodies import Body
from agon.auth.desk import PREFIX, MemberDesk
from agon.auth.refusals import AuthRoute

router = APIRouter(prefix=f"{PREFIX}/admin", tags=["auth"], route_class=AuthRoute)


@router.post(
    "/users",
    openapi_extra=bodies.described(
        "email",
        "password",
        "ban_duration",
        user_metadata=bodies.OBJECT,
        app_metadata=bodies.OBJECT,
        email_confirm=bodies.FLAG,
    ),
)
async def create_user(desk: MemberDesk, body: Body) -> Any:
    """Make a user."""
    return await administration.create(desk, body)


@router.get("/users")
async def list_users(
    desk: MemberDesk,
    response: Response,
    page: str = "",
    per_page: str = "",
) -> dict[str, Any]:
    """A page of users, the newest first. Clients send the numbers empty to leave them out."""
    number = bodies.number(page, "page", PAGE_MAX) or 1
    size = bodies.number(per_page, "per_page", PER_PAGE_MAX) or PER_PAGE
    users, total = await administration.list_page(desk, number, size)
    response.headers["x-total-count"] = str(total)
    response.headers["link"] = administration.links(number, size, total)
    return {"users": users, "aud": "authenticated"}


@router.get("/users/{user_id}")
async def get_user(user_id: str, desk: MemberDesk) -> Any:
    """One user."""
    return await administration.load(desk, bodies.identifier(user_id, "user_id"))


@router.put(
    "/users/{user_id}",
    openapi_extra=bodies.described(
        "email",
        "password",
        "ban_duration",
        user_metadata=bodies.OBJECT,
        app_metadata=bodies.OBJECT,
        email_confirm=bodies.FLAG,
    ),
)
async def put_user(user_id: str, desk: MemberDesk, body: Body) -> Any:
    """Change, ban or unban a user."""
    return await administration.update(desk, bodies.identifier(user_id, "user_id"), body)


@router.delete("/users/{user_id}")
async def delete_user(user_id: str, desk: MemberDesk, body: Body) -> dict[str, Any]:
    """Delete a user; softly, if asked: the row stays, nameless."""
    await administration.delete(
        desk,
        bodies.identifier(user_id, "user_id"),
        softly=bodies.flag(body, "should_soft_delete"),
    )
    return {}


@router.post(
    "/generate_link",
    openapi_extra=bodies.described(
        "type", "email", "new_email", "password", "redirect_to", data=bodies.OBJECT
    ),
)
async def generate_link(desk: MemberDesk, body: Body, redirect_to: str | None = None) -> Any:
    """What a mail would carry, for the service to send itself."""
    url = desk.redirect_url(bodies.text(body, "redirect_to") or redirect_to)
    return await administration.generate_link(desk, body, url)
