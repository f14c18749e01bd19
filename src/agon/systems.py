"""Composition: which systems this release is made of. Manifests are literals, so this is cheap."""

from __future__ import annotations

from agon.challenges.system import SYSTEM as CHALLENGES
from agon.commons.content.system import SYSTEM as CONTENT
from agon.commons.people.system import SYSTEM as PEOPLE
from agon.kernel.system import SYSTEM as KERNEL

SYSTEMS = (KERNEL, PEOPLE, CONTENT, CHALLENGES)
