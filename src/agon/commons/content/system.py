"""The manifest of `content`."""

from agon.kernel.manifest import Setting, System

SYSTEM = System(
    name="content",
    package="agon.commons.content",
    floor="commons",
    rules=("files.sql",),
    settings=(
        Setting(
            name="content_dir",
            kind="path",
            help="Folder of content-addressed files; default: content/ in the home folder. "
            "Servers and workers on several machines need to share it.",
        ),
    ),
)
