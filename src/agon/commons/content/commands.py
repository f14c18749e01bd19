"""Commands of content: publish a file, fetch one by its content id."""

from __future__ import annotations

import mimetypes
from pathlib import Path

import typer

from agon.commons.content import files, forms, gateway, publishing
from agon.kernel import cid as cids
from agon.kernel import commands
from agon.kernel.errors import refuse

content = typer.Typer(help="Files by their content id (IPFS).", no_args_is_help=True)


@content.command("publish")
def publish_file(
    path: Path = typer.Argument(help="What everybody may read from now on."),
    media_type: str = typer.Option(None, "--type", help="By the file's name if left out."),
    profile: str = typer.Option(
        cids.UNIXFS_V1_2025.name, help="How it is cut: " + ", ".join(files.PROFILES) + "."
    ),
) -> None:
    """Publish a file and print its content id; a worker pins it where that is configured."""
    if profile not in files.PROFILES:
        raise refuse("profile_unknown", f"There is no profile {profile}.", hint="See --help.")
    kind = media_type or type_of(path)
    print(commands.run(_publish(path.read_bytes(), kind, files.PROFILES[profile])))


@content.command("fetch")
def fetch_file(
    cid: str = typer.Argument(help="Its content id."),
    out: Path = typer.Option(help="Where to write it."),
) -> None:
    """Fetch a file that we hold, or through the gateway, verified."""
    data = commands.run(_fetch(cid))
    out.write_bytes(data)
    print(f"{out}: {len(data)} bytes")


def type_of(path: Path) -> str:
    """The media type that a file's name says."""
    if path.suffix == ".glb":
        return forms.GLB
    return mimetypes.guess_type(path.name)[0] or gateway.UNKNOWN


async def _publish(data: bytes, media_type: str, profile: cids.Profile) -> str:
    process = commands.begin()
    async with process.database() as database, database.as_worker() as conn:
        return await publishing.publish(conn, files.folder(process), data, media_type, profile)


async def _fetch(cid: str) -> bytes:
    process = commands.begin()
    async with process.database() as database:
        return await gateway.fetch(database, process, cid)
