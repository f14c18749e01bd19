"""The manifest of `content`."""

from agon.kernel.manifest import Job, Setting, System

SYSTEM = System(
    name="content",
    package="agon.commons.content",
    floor="commons",
    rules=("files.sql", "pins.sql"),
    routes=("agon.commons.content.routes:router",),
    jobs=(
        Job(name="content.pin", run="agon.commons.content.jobs:pin"),
        Job(name="content.pin_at", run="agon.commons.content.jobs:pin_at", concurrency=2),
    ),
    commands=(("content", "agon.commons.content.commands:content"),),
    settings=(
        Setting(
            name="content_dir",
            kind="path",
            help="Folder of content-addressed files; default: content/ in the home folder. "
            "Servers and workers on several machines need to share it.",
        ),
        Setting(
            name="ipfs_api_url",
            kind="url",
            help="A Kubo node's RPC, such as http://127.0.0.1:5001, which pins what is published.",
        ),
        Setting(
            name="ipfs_pinning_url",
            kind="url",
            help="A pinning service (IPFS Pinning Service API), which pins it, too.",
        ),
        Setting(name="ipfs_pinning_token", secret=True, help="The pinning service's access token."),
        Setting(
            name="ipfs_gateway_url",
            kind="url",
            help="A gateway, such as https://ipfs.io, through which others' content is fetched.",
        ),
    ),
)
