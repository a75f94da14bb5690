"""The contract of a channel.

A channel translates: a provider's webhook body into `Inbound` values, and one `Outbound` into as many provider calls as
its limits ask for. It holds no state about people, opens no database and never decides what to say. Adding a channel is
one module with this shape, its entry in `bot.app`, and its row in tests/channels/contract.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.messages import Inbound, Outbound


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """What a channel may look at to authenticate and read a webhook call.

    `url` is the public one (scheme and host from PUBLIC_URL, path and query of the request), because signatures are
    made over it, also behind a proxy. `headers` has lower-case names.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What a provider says later of a message that it took: ``sent``, ``delivered``, ``read`` or ``failed``.

    `blocked` says that it failed because the person no longer takes our messages.
    """

    external_id: str
    state: str
    error: str | None
    at: datetime
    blocked: bool = False


class Channel(Protocol):
    """One messaging provider.

    Attributes:
        name: short name, part of the webhook's path ``/webhooks/<name>``.
        text_limit_chars: the longest text that one provider message holds.
        shows_buttons: False when choices are written as a numbered list, so that "2" means the second.
    """

    name: str
    text_limit_chars: int
    shows_buttons: bool

    def authenticate(self, request: WebhookRequest) -> None:
        """Check the provider's secret or signature, in constant time.

        Raises:
            NotAuthentic: it is missing or wrong.
        """

    def parse(self, request: WebhookRequest) -> list[Inbound | DeliveryReport]:
        """Read an authenticated body; updates that carry nothing for us give an empty list.

        Raises:
            MalformedInbound: the body is not what this provider sends.
        """

    async def send(self, address: str, message: Outbound) -> str:
        """Hand one message to the provider and return the id that it gave (several joined by commas).

        Raises:
            SendError: the provider did not take it; a long text that was cut off in the middle counts as not taken.
        """

    async def acknowledge(self, inbound: Inbound) -> None:
        """Show the person that we are at work (typing), and end a button's spinner; failures are logged, not raised."""

    async def aclose(self) -> None:
        """Release the connections."""
