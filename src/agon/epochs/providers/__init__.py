"""Where avatars come from. Each is a module of one shape.

    NEEDS: the settings without which it cannot be asked
    step(work, wish, at) -> Step

`step` goes one step towards the model: it begins at most one task at the party, or brings the
model. It may be called again at any time. The values stand in `making`.
"""

from agon.epochs.providers import imported, manual, meshy

PROVIDERS = {"import": imported, "manual": manual, "meshy": meshy}
