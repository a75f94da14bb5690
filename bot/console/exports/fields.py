"""The columns of exports, in French as those who read them are, with how each is read from a conversation or a message.

Files go further than pages do, so nothing in them depends on who made them but whether personal data are there at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from bot.console.conversations.bubbles import describe_attachment
from bot.console.conversations.privacy import Sight
from bot.console.conversations.wording import describe_textless, name_topic
from bot.console.words import Language, load_words, translate
from bot.db.conditions import NOT_UNDERSTOOD
from bot.db.conversations import ConversationRow
from bot.db.exported import Person, Volume
from bot.exports.table import Cell, Column
from bot.messages import LANGUAGE_NAMES

FRENCH: Final[Language] = "fr"
Item = TypeVar("Item")
_HEARD_STATES = {"received": "en cours", "answered": "répondu", "failed": "échec"}


@dataclass(frozen=True, slots=True)
class Field(Generic[Item]):
    """A column with how its cells are read; one that is personal is there only where personal data were asked for."""

    column: Column
    read: Callable[[Item], Cell]
    is_personal: bool = False


@dataclass(frozen=True, slots=True)
class ConversationItem:
    """One conversation with what its row is made of."""

    row: ConversationRow
    sight: Sight
    person: Person
    volume: Volume
    since: datetime


@dataclass(frozen=True, slots=True)
class MessageItem:
    """One message (a row with the columns of `bot.db.models.Message`) with what its row is made of."""

    message: Any
    sight: Sight
    person: Person
    staff: Mapping[int, str]


def _channel(code: str) -> str:
    return load_words(FRENCH).get(f"conversations.filter_values.channel.{code}", code)


def _variety(code: str | None) -> str:
    return LANGUAGE_NAMES.get(code, code) if code else ""  # type: ignore[call-overload]  # as stored


def _topic(intent: str | None) -> str:
    return name_topic(FRENCH, intent) if intent else ""


def _said(item: ConversationItem, *, is_hit: bool) -> str:
    said = item.row.hit if is_hit else item.row.last
    if said is None:
        return ""
    return item.sight.text(said.text) or describe_textless(FRENCH, said.payload, said.attachments)


def _sender(item: MessageItem) -> str:
    if item.message.direction == "in":
        return "la personne"
    return "l'assistant" if item.message.answer_key else "l'équipe"


def _state(item: MessageItem) -> str:
    state: str = item.message.state
    if item.message.direction == "in":
        return _HEARD_STATES.get(state, state)
    return load_words(FRENCH).get(f"conversations.delivery.{state}", state)


def _attachments(item: MessageItem) -> str:
    shown = []
    for each in item.message.attachments:
        details = describe_attachment(each, item.sight)
        kind = describe_textless(FRENCH, None, [str(each.get("kind", "other"))])
        shown.append(f"{kind} ({details})" if details else kind)
    return ", ".join(shown)


def _seconds(item: MessageItem) -> float | None:
    message = item.message
    if message.direction != "in" or message.finished_at is None:
        return None
    took: timedelta = message.finished_at - message.created_at
    return round(took.total_seconds(), 2)


def _is_missed(item: MessageItem) -> bool | None:
    return item.message.intent in NOT_UNDERSTOOD if item.message.direction == "in" else None


_CONVERSATION = Column("Conversation", "number", "Numéro de la conversation, le même qu'à l'écran de la console.", 13)


def _persons(item: type[Item], read: Callable[[Item], Person]) -> tuple[Field[Item], ...]:
    """The columns that lead to a person."""
    return (
        Field(
            Column("Nom", "text", "D'après la dernière candidature, sinon le canal.", 24), lambda i: read(i).name, True
        ),
        Field(
            Column("Téléphone", "text", "D'après la dernière candidature, sinon WhatsApp.", 18),
            lambda i: read(i).phone,
            True,
        ),
        Field(Column("E-mail", "text", "D'après la dernière candidature.", 28), lambda i: read(i).email, True),
        Field(Column("Nom d'utilisateur", "text", "Celui de Telegram.", 20), lambda i: read(i).username, True),
    )


CONVERSATIONS: Final[tuple[Field[ConversationItem], ...]] = (
    Field(_CONVERSATION, lambda i: i.row.contact_id),
    *_persons(ConversationItem, lambda i: i.person),
    Field(
        Column("Canaux", "text", "Où la personne nous écrit.", 18),
        lambda i: ", ".join(_channel(each) for each in i.row.channels),
    ),
    Field(
        Column("Langue", "text", "Celle de son dernier message clair, ou celle qu'elle a choisie.", 12),
        lambda i: _variety(i.row.variety),
    ),
    Field(Column("Première fois", "moment", "Quand elle nous a écrit pour la première fois.", 19), lambda i: i.since),
    Field(
        Column("Dernier message le", "moment", "Le dernier message, de la personne ou de nous.", 19),
        lambda i: i.row.last.at if i.row.last else None,
    ),
    Field(Column("Dernier message", "text", "Son texte.", 60), lambda i: _said(i, is_hit=False)),
    Field(
        Column("Message trouvé le", "moment", "Le plus récent qui répond aux filtres sur les messages.", 19),
        lambda i: i.row.hit.at if i.row.hit else None,
    ),
    Field(
        Column("Message trouvé", "text", "Son texte ; vide sans filtre sur les messages.", 60),
        lambda i: _said(i, is_hit=True),
    ),
    Field(
        Column("Dernier sujet", "text", "Ce que l'assistant a compris du dernier message de la personne.", 28),
        lambda i: _topic(i.row.topic),
    ),
    Field(Column("Messages reçus", "number", "De la personne, en tout.", 10), lambda i: i.volume.heard),
    Field(Column("Messages envoyés", "number", "À la personne, en tout.", 10), lambda i: i.volume.said),
    Field(
        Column("Pas compris", "number", "Messages reçus dont l'assistant n'a pas compris le sujet.", 10),
        lambda i: i.volume.not_understood,
    ),
    Field(
        Column("État", "text", "Qui a la conversation au moment de l'export.", 20),
        lambda i: translate(FRENCH, f"conversations.filter_values.state.{i.row.state}"),
    ),
    Field(Column("Tenue par", "text", "Le membre de l'équipe qui l'a.", 18), lambda i: i.row.held_by),
    Field(
        Column("Attend depuis", "moment", "Depuis quand la personne attend une réponse de l'équipe.", 19),
        lambda i: i.row.waiting_since,
    ),
    Field(Column("Non lus", "number", "Messages que l'équipe n'a pas encore lus.", 9), lambda i: i.row.unread),
    Field(
        Column("Étiquettes", "text", "Celles de l'équipe.", 24),
        lambda i: ", ".join(i.sight.text(tag) for tag in i.row.tags),
    ),
    Field(
        Column("Dernier avis", "text", "Le dernier que la personne a donné.", 12),
        lambda i: translate(FRENCH, f"conversations.filter_values.rating.{i.row.rating}") if i.row.rating else "",
    ),
)

MESSAGES: Final[tuple[Field[MessageItem], ...]] = (
    Field(_CONVERSATION, lambda i: i.message.contact_id),
    *_persons(MessageItem, lambda i: i.person),
    Field(Column("Message", "number", "Numéro du message ; les numéros suivent le temps.", 11), lambda i: i.message.id),
    Field(
        Column("Date", "moment", "Quand il a été reçu ou écrit, à l'heure du Maroc.", 19),
        lambda i: i.message.created_at,
    ),
    Field(Column("De", "text", "Qui l'a écrit : la personne, l'assistant ou l'équipe.", 12), _sender),
    Field(
        Column("Auteur", "text", "Le membre de l'équipe qui l'a écrit.", 18),
        lambda i: i.staff.get(i.message.staff_id, "") if i.message.staff_id is not None else "",
    ),
    Field(Column("Canal", "text", "Telegram, WhatsApp ou la page web.", 11), lambda i: _channel(i.message.channel)),
    Field(Column("Langue", "text", "Dans laquelle il est écrit.", 12), lambda i: _variety(i.message.variety)),
    Field(
        Column("Texte", "text", "Le texte du message.", 80),
        lambda i: i.sight.text(i.message.text, i.message.entities),
    ),
    Field(
        Column("Bouton", "text", "Le bouton que la personne a pressé.", 24),
        lambda i: describe_textless(FRENCH, i.message.payload, ()) if i.message.payload else "",
    ),
    Field(Column("Pièces jointes", "text", "Ce qui est venu avec le message.", 24), _attachments),
    Field(
        Column("Sujet", "text", "Ce que l'assistant a compris ; vide pour nos messages.", 28),
        lambda i: _topic(i.message.intent),
    ),
    Field(Column("Code du sujet", "text", "Le même, comme l'assistant le nomme.", 24), lambda i: i.message.intent),
    Field(
        Column("Confiance", "decimal", "À quel point l'assistant en était sûr, de 0 à 1.", 10),
        lambda i: i.message.confidence,
    ),
    Field(
        Column("Pas compris", "flag", "L'assistant n'a pas reconnu de sujet ; vide pour nos messages.", 10), _is_missed
    ),
    Field(Column("État", "text", "Où en est la réponse, ou la remise de notre message.", 20), _state),
    Field(
        Column("Répondu en (s)", "decimal", "Secondes entre un message reçu et l'enregistrement de la réponse.", 12),
        _seconds,
    ),
    Field(
        Column("Réponse", "text", "La réponse de l'assistant, par son nom dans le contenu.", 24),
        lambda i: i.message.answer_key,
    ),
    Field(Column("Remis le", "moment", "Quand notre message est arrivé.", 19), lambda i: i.message.delivered_at),
    Field(Column("Lu le", "moment", "Quand la personne l'a lu, si son canal le dit.", 19), lambda i: i.message.read_at),
    Field(
        Column("Erreur", "text", "Ce qui n'a pas marché.", 30),
        lambda i: i.sight.text(i.message.error) if i.message.error else "",
    ),
)
