"""Read Telegram's updates: the JSON of one `Update` becomes at most one `Inbound`.

Only what a single person writes to the bot in a private chat is served; groups, channels, other bots and the service
messages of a chat give nothing.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from telegram import CallbackQuery, Message, Update, User
from telegram.constants import ChatType
from telegram.ext import filters

from bot.clock import utc_now
from bot.errors import MalformedInbound
from bot.messages import PAYLOAD_LIMIT_BYTES, TEXT_LIMIT_CHARS, Attachment, Inbound

# The library warns about every duration, also about those that only it reads (a 429's retry_after), unless one opts in
# to its coming types. It looks at each use, so this holds from the import on.
os.environ.setdefault("PTB_TIMEDELTA", "true")

#: The kinds of updates that are asked for (setWebhook.allowed_updates, getUpdates.allowed_updates). What is not listed
#: is never sent, so blocking and unblocking, groups' membership and reactions cost nothing.
ALLOWED_UPDATES = ("message", "edited_message", "callback_query")

#: What a command means, as the payload that a button with the same meaning would carry.
COMMAND_PAYLOADS: Mapping[str, str] = {
    "start": "/start",
    "help": "/ask_capabilities",
    "langue": "/change_language",
    "language": "/change_language",
    "lang": "/change_language",
    "stop": "/unsubscribe",
    "mesdonnees": "/delete_my_data",
    "mesdonnées": "/delete_my_data",  # Telegram has no accents in commands, but people type them
    "mydata": "/delete_my_data",
}

_COMMAND = re.compile(r"/(?P<name>\w{1,32})(?:@\w+)?(?:\s+(?P<rest>.*))?", re.DOTALL)
#: https://core.telegram.org/bots/features#deep-linking. People can type it too, so anything else is dropped.
_START_PARAMETER = re.compile(r"[A-Za-z0-9_-]{1,64}")


def read_update(data: object, bot_id: str) -> list[Inbound]:
    """Read one decoded update (https://core.telegram.org/bots/api#update).

    Args:
        data: the decoded JSON.
        bot_id: the number before the colon of the bot's token. It is part of the external ids, because update ids are
            unique per bot only: without it, another bot on the same database would lose messages as duplicates.

    Returns:
        One `Inbound`, or none when the update carries nothing for us.

    Raises:
        MalformedInbound: it is not an update, or lacks a field that Telegram always sends.
    """
    if not isinstance(data, dict) or type(data.get("update_id")) is not int:
        raise MalformedInbound("not a Telegram update: no integer update_id")
    try:
        update = Update.de_json(data, None)
        inbound = _read(update, f"{bot_id}:{update.update_id}")
    except Exception as error:  # whatever the library raises on a missing or mistyped field; the cause is kept
        raise MalformedInbound(f"update {data['update_id']} cannot be read: {error!r}") from error
    return [] if inbound is None else [inbound]


def _read(update: Update, external_id: str) -> Inbound | None:
    if update.callback_query is not None:
        return _read_press(update.callback_query, external_id)
    if update.edited_message is not None:
        message = update.edited_message
        if message.location is not None:
            # A shared live location moves every few seconds; each move is an "edit" that nobody wants answered.
            return None
        edited_at = message.edit_date or message.date
        return _read_message(update, message, f"{external_id}:{int(edited_at.timestamp())}")
    if update.message is not None:
        return _read_message(update, update.message, external_id)
    return None


def _read_press(query: CallbackQuery, external_id: str) -> Inbound | None:
    chat = None if query.message is None else query.message.chat
    if query.from_user.is_bot or (chat is not None and chat.type != ChatType.PRIVATE):
        return None
    # A changed client can send any data; ours is short and printable (CallbackQuery.data).
    payload = _clean(query.data or "")
    if not payload or len(payload.encode()) > PAYLOAD_LIMIT_BYTES:
        return None
    # In a private chat the chat's id is the person's, so an inaccessible message costs nothing.
    sender = query.from_user.id if chat is None else chat.id
    profile = {**_profile(query.from_user), "callback_query_id": query.id}
    return _inbound(sender, external_id, text="", payload=payload, profile=profile)


def _read_message(update: Update, message: Message, external_id: str) -> Inbound | None:
    person = message.from_user
    if message.chat.type != ChatType.PRIVATE or person is None or person.is_bot:
        return None
    if filters.StatusUpdate.ALL.check_update(update):
        return None
    profile = _profile(person)
    payload = None
    if message.text is not None:
        text, payload, start_parameter = _read_text(_clean(message.text))
        if start_parameter:
            profile["start_parameter"] = start_parameter
        if not text and payload is None:
            return None
        attachments: tuple[Attachment, ...] = ()
    else:
        text = _without_slash(_clean(message.caption or ""))
        attachments = (_read_attachment(message, person),)
    return _inbound(message.chat.id, external_id, text=text, payload=payload, attachments=attachments, profile=profile)


def _read_text(text: str) -> tuple[str, str | None, str | None]:
    """Split a text into what was said, the payload of a command, and the parameter of a deep link."""
    command = _COMMAND.fullmatch(text)
    payload = None if command is None else COMMAND_PAYLOADS.get(command["name"].casefold())
    if command is None or payload is None:
        return _without_slash(text), None, None
    rest = (command["rest"] or "").strip()
    if payload == "/start":
        return "", payload, rest if _START_PARAMETER.fullmatch(rest) else None
    return rest, payload, None


def _without_slash(text: str) -> str:
    # A leading slash would be Rasa's syntax for an intent; only a button or a known command may name one.
    return text.lstrip("/").lstrip() or text


def _read_attachment(message: Message, person: User) -> Attachment:
    """What came with a message that is not text; `other` when it is of a kind that we do not know."""
    # An animation also fills `document`, and a venue also fills `location` (Bot API, Message), so the order matters.
    if message.contact is not None:
        contact = message.contact
        own = contact.user_id == person.id
        phone = contact.phone_number
        if own and phone.isdigit():
            phone = f"+{phone}"  # one's own number comes in international form, with or without its plus
        name = _clean(" ".join(filter(None, (contact.first_name, contact.last_name))))
        return Attachment("contact", {"phone": _clean(phone), "name": name, "own": own})
    if message.location is not None:
        position = message.location
        return Attachment("location", {"latitude": position.latitude, "longitude": position.longitude})
    data: dict[str, Any] = {"album": message.media_group_id} if message.media_group_id else {}
    if message.photo:
        return Attachment("photo", {"file_id": message.photo[-1].file_id, **data})
    if message.voice is not None:
        return Attachment("voice", {"file_id": message.voice.file_id})
    if message.sticker is not None:
        return Attachment("sticker", {"file_id": message.sticker.file_id, "emoji": message.sticker.emoji or ""})
    for kind, file in (
        ("video", message.animation or message.video or message.video_note),
        ("audio", message.audio),
        ("document", message.document),
    ):
        if file is not None:
            name = _clean(getattr(file, "file_name", None) or "")
            return Attachment(kind, {"file_id": file.file_id, **({"file_name": name} if name else {}), **data})
    return Attachment("other")


def _profile(person: User) -> dict[str, str]:
    said = {"name": person.full_name, "username": person.username, "language_code": person.language_code}
    return {key: cleaned for key, value in said.items() if value and (cleaned := _clean(value))}


def _inbound(
    sender: int,
    external_id: str,
    *,
    text: str,
    payload: str | None,
    attachments: tuple[Attachment, ...] = (),
    profile: dict[str, str],
) -> Inbound:
    return Inbound(
        channel="telegram",
        sender=str(sender),
        external_id=external_id,
        text=text[:TEXT_LIMIT_CHARS],
        received_at=utc_now(),
        payload=payload,
        attachments=attachments,
        profile=profile,
    )


def _clean(text: str) -> str:
    """A text without what a database or a terminal stumbles over: control characters and halves of surrogate pairs."""
    whole = text.replace("\r\n", "\n").encode(errors="ignore").decode()
    return "".join(letter for letter in whole if letter in "\n\t" or unicodedata.category(letter) != "Cc").strip()
