"""Places that keep published files besides us. Each is a module of one shape.

    URL: the setting that names the place; without it the place is not asked
    pin(client, settings, content: Content) -> None | jobs.Later

`pin` answers None once the place keeps the content under the same id. It may be called again at any
time. Raises Refused: `pin_differs`, which is final, and others, which are not.
"""

from agon.commons.content.pinners import kubo, service

PINNERS = {"kubo": kubo, "service": service}
