"""How much a customer, an address and a site may send, and how many sockets they may open."""

from collections import Counter
from collections.abc import Callable

from django.conf import settings

from conversations.models import Conversation
from core.limits import Rate, check_rate, check_rates, network_of

# Of a conversation: a few tabs that come back again and again.
RESUMES_A_MINUTE = 60
MESSAGES_A_MINUTE = 30
# Of a conversation: whatever is no message and no reading of one.
ACTIONS_A_MINUTE = 20
# Of a conversation, by clients without a socket: five looks a second for what is new.
READINGS_A_MINUTE = 300
SOCKETS_A_CONVERSATION = 20

LetGo = Callable[[], None]


def check_session_rate(address: str) -> None:
    """Count one conversation that an address begins, or one guess at a token; past it raise."""
    limit = settings.SESSIONS_A_MINUTE_PER_ADDRESS
    check_rate("sessions", network_of(address), limit=limit, window_seconds=60)


def check_resume_rate(conversation: Conversation) -> None:
    """Count one return to a conversation: an office's many do not use up what it may begin."""
    check_rate("resumes", str(conversation.pk), limit=RESUMES_A_MINUTE, window_seconds=60)


def check_message_rates(conversation: Conversation, *, address: str) -> None:
    """Count one message of a conversation, an address and a site; raise ``RateLimited``.

    The narrowest first: one that talks too much does not use up what others share with it.
    """
    rates = [
        Rate("messages", str(conversation.pk), MESSAGES_A_MINUTE),
        Rate("address_messages", network_of(address), settings.MESSAGES_A_MINUTE_PER_ADDRESS),
        Rate("site_messages", str(conversation.site_id), settings.MESSAGES_A_MINUTE_PER_SITE),
    ]
    check_rates(rates, window_seconds=60)


def check_reading_rates(conversation: Conversation, *, address: str) -> None:
    """Count one reading over HTTP of a conversation and of an address; past either raise."""
    rates = [
        Rate("readings", str(conversation.pk), READINGS_A_MINUTE),
        Rate("address_readings", network_of(address), settings.READINGS_A_MINUTE_PER_ADDRESS),
    ]
    check_rates(rates, window_seconds=60)


class WaitingRoom:
    """The sockets of this process that have not said hello yet, by network, the oldest first.

    Each is known by what lets it go, which takes it out of here. Used on the event loop only.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, list[LetGo]] = {}

    def enter(self, address: str, let_go: LetGo) -> bool:
        """Take one socket in; false where its address, or all together, have too many.

        Where all together have, the oldest of the fullest network makes room, so that a few
        networks can't keep the others' visitors out.
        """
        network = network_of(address)
        held = len(self._waiting.get(network, ()))
        if held >= settings.SILENT_SOCKETS_PER_ADDRESS:
            return False
        if sum(map(len, self._waiting.values())) >= settings.SILENT_SOCKETS:
            fullest = max(self._waiting.values(), key=len, default=[])
            if held >= len(fullest):
                return False
            fullest[0]()
        self._waiting.setdefault(network, []).append(let_go)
        return True

    def leave(self, address: str, let_go: LetGo) -> None:
        """Take one socket out."""
        network = network_of(address)
        self._waiting[network].remove(let_go)
        if not self._waiting[network]:
            del self._waiting[network]


waiting_room = WaitingRoom()


class OpenSockets:
    """The sockets of this process that said hello, counted by conversation and by network.

    Used on the event loop only.
    """

    def __init__(self) -> None:
        # In one: no conversation's identifier is a network.
        self._open: Counter[str] = Counter()

    def enter(self, conversation_id: str, *, address: str) -> bool:
        """Count one socket in; false where its conversation or its network has too many."""
        network = network_of(address)
        if (
            # A customer has a few tabs, not hundreds.
            self._open[conversation_id] >= SOCKETS_A_CONVERSATION
            or self._open[network] >= settings.SOCKETS_PER_ADDRESS
        ):
            return False
        self._open.update((conversation_id, network))
        return True

    def leave(self, conversation_id: str, *, address: str) -> None:
        """Count one socket out."""
        for key in (conversation_id, network_of(address)):
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]


open_sockets = OpenSockets()
