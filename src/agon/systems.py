"""Composition: which systems this release is made of. Manifests are literals, so this is cheap."""

from __future__ import annotations

from agon.auth.system import SYSTEM as AUTH
from agon.challenges.system import SYSTEM as CHALLENGES
from agon.commons.chain.system import SYSTEM as CHAIN
from agon.commons.content.system import SYSTEM as CONTENT
from agon.commons.notifications.system import SYSTEM as NOTIFICATIONS
from agon.commons.organisations.system import SYSTEM as ORGANISATIONS
from agon.commons.people.system import SYSTEM as PEOPLE
from agon.epochs.system import SYSTEM as EPOCHS
from agon.kernel.system import SYSTEM as KERNEL
from agon.leagues.system import SYSTEM as LEAGUES
from agon.rest.system import SYSTEM as REST

SYSTEMS = (
    KERNEL,
    PEOPLE,
    CONTENT,
    NOTIFICATIONS,
    ORGANISATIONS,
    CHAIN,
    AUTH,
    CHALLENGES,
    EPOCHS,
    LEAGUES,
    REST,
)
