"""How often people may sign up over the API, and why not oftener.

An hour for an address of the network, since many people share one and none should wait long for the
others; a day for an e-mail address, since it is one person's, and every sign-up writes to them. An
hour for the whole house, since a stranger may come from thousands of addresses at once. A
span begins with its first sign-up, so that at the seam of two twice as many may pass in a moment.
The price: a stranger may use up somebody's day, or everybody's hour; the operator can still open a
workspace for them.

Codes cannot be guessed within these limits. A code has six digits and takes 5 tries within its
30 minutes, so that a sign-up is guessed once in 200,000. With 5 sign-ups a day an e-mail address
takes 25 guesses a day: one in 40,000, and even odds after 76 years of trying each day. With 10 an
hour a client address has 1,200 guesses a day, whoever's codes they are for: one trial of 50 image
credits in two years and three months, which a mailbox of one's own gets at once. From however many
addresses they come, 100 an hour have 12,000 guesses a day: one trial in 83 days.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

ADDRESS_SPAN: Final = timedelta(hours=1)
EMAIL_SPAN: Final = timedelta(days=1)
HOUSE_SPAN: Final = timedelta(hours=1)

OF_ADDRESS: Final = 10
"""A small class or office signs up together; a script gets no further than they do."""

OF_EMAIL: Final = 5
"""Enough for who loses a mail or lets codes get old; few enough to flood nobody with mails."""


OF_HOUSE: Final = 100
"""Several times a busy hour of a studio; few enough that no mail server takes it for a spammer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpLimits:
    """Sign-ups that pass in a span: from one client address, with one e-mail address, and in all.

    With none of any nobody signs up over the API at all.
    """

    of_address: int = OF_ADDRESS
    of_email: int = OF_EMAIL
    of_house: int = OF_HOUSE

    @property
    def is_closed(self) -> bool:
        """Tell whether nobody may sign up over the API."""
        return not (self.of_address and self.of_email and self.of_house)
