"""What can go wrong, drawn as one tree::

AssistantError
├── SettingsError          a setting is missing, half set or wrong; stops the start with its text
├── MalformedInbound       a webhook's body is not what its channel sends; answered with 422
├── NotAuthentic           a webhook's secret or signature is missing or wrong; answered with 403
├── RasaError              Rasa did not answer a turn
│   └── RasaUnreachable    … because nothing answered at its address
└── SendError              a provider did not take an outbound message
"""

from __future__ import annotations


class AssistantError(Exception):
    """The root of every error that this product raises on purpose."""


class SettingsError(AssistantError):
    """A setting is missing, half set or wrong. The text names it and says what would be right."""


class MalformedInbound(AssistantError):
    """The body of a webhook cannot be read as an update of its channel."""


class NotAuthentic(AssistantError):
    """A webhook call does not carry the secret or signature that the provider would send."""


class RasaError(AssistantError):
    """Rasa answered a turn with an error, or with nothing."""


class RasaUnreachable(RasaError):
    """Nothing listens at Rasa's address, or it did not answer in time."""


class SendError(AssistantError):
    """A provider did not take a message.

    Attributes:
        code: the provider's error code as text ("403", "21610"), for the log.
        retryable: whether the same message may succeed later (429, 5xx, timeouts).
        retry_after_s: how many seconds the provider asks us to wait; None when it does not say.
        blocked: the person no longer takes our messages (they blocked the bot, or opted out at the provider).
        busy: we send too much for the provider as a whole, not only to this person.
    """

    def __init__(
        self,
        text: str,
        *,
        code: str,
        retryable: bool,
        retry_after_s: float | None = None,
        blocked: bool = False,
        busy: bool = False,
    ) -> None:
        super().__init__(text)
        self.code = code
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.blocked = blocked
        self.busy = busy
