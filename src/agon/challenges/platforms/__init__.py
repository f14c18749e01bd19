"""Gaming platforms whose accounts can be bound to a wallet.

Steam says itself who signed in there (`steam`, OpenID 2.0). Riot and Epic do not say it to us, so
an operator who has checked it countersigns (`countersigned`).
"""

from agon.challenges.platforms import countersigned, steam

PLATFORMS = (steam.NAME, *countersigned.ACCOUNTS)
