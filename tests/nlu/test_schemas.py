"""Cached JSON-schema validation gives what jsonschema itself gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from jsonschema import Draft3Validator, Draft4Validator, FormatChecker
from rasa.core.actions.action import RemoteAction
from rasa.shared.core.events import BotUttered, SlotSet, UserUttered

from nlu import schemas

ORIGINAL = schemas._original
PERSON = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {"name": {"type": "string", "minLength": 2}, "age": {"type": "integer", "minimum": 14}},
}
CHOICE = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "integer"}, "minItems": 2}]}
REFERENCE = {
    "definitions": {"node": {"type": "object", "properties": {"next": {"$ref": "#/definitions/node"}}}},
    "$ref": "#/definitions/node",
}
CASES = [
    (PERSON, {"name": "Aya"}),
    (PERSON, {"name": "Aya", "age": 20}),
    (PERSON, {}),
    (PERSON, []),
    (PERSON, {"name": "A"}),
    (PERSON, {"name": 7, "age": "x", "town": 1}),
    (PERSON, {"name": "Aya", "age": 13}),
    (CHOICE, "text"),
    (CHOICE, [1, 2]),
    (CHOICE, [1]),
    (CHOICE, [1, "2"]),
    (CHOICE, None),
    (REFERENCE, {"next": {"next": {}}}),
    (REFERENCE, {"next": {"next": 3}}),
    ({}, object),
    ({"type": "nothing"}, 1),
    ({"minimum": "x"}, 1),
    ({"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 2, "exclusiveMinimum": True}, 2),
    ({"$schema": "http://json-schema.org/draft-07/schema#", "exclusiveMinimum": 2}, 2),
]


@pytest.fixture(autouse=True)
def keep_jsonschema() -> Iterator[None]:
    """Each test starts and ends with jsonschema's own function."""
    before = jsonschema.validate
    jsonschema.validate = ORIGINAL
    yield
    jsonschema.validate = before


def outcome(validate: Any, *args: Any, **kwargs: Any) -> Any:
    """What a validation says: nothing, or the kind, the text and the place of its error."""
    try:
        return validate(*args, **kwargs)
    except (jsonschema.ValidationError, jsonschema.SchemaError) as error:
        return type(error), error.message, list(error.absolute_path), list(error.absolute_schema_path), error.validator


class TestValidate:
    @pytest.mark.parametrize(("schema", "instance"), CASES)
    def test_says_what_jsonschema_says(self, schema: dict[str, Any], instance: Any) -> None:
        """The first call and the cached one raise the same error as jsonschema, or none."""
        expected = outcome(ORIGINAL, instance, schema)
        assert outcome(schemas.validate, instance, schema) == expected
        assert outcome(schemas.validate, instance, schema) == expected

    def test_the_table_has_both_answers(self) -> None:
        """The cases above are no all-or-nothing table."""
        kinds = [said and said[0] for said in (outcome(ORIGINAL, instance, schema) for schema, instance in CASES)]
        assert {kind: kinds.count(kind) for kind in set(kinds)} == {
            None: 6,
            jsonschema.ValidationError: 11,
            jsonschema.SchemaError: 2,
        }

    def test_compiles_a_schema_once(self) -> None:
        """Equal schemas share one validator, whatever the order of their keys."""
        schemas._validator.cache_clear()
        for _ in range(5):
            schemas.validate({"name": "Aya"}, dict(reversed(list(PERSON.items()))))
            schemas.validate({"name": "Aya"}, dict(PERSON))
        assert schemas._validator.cache_info()[:2] == (9, 1)

    def test_a_changed_schema_is_another_one(self) -> None:
        """A schema that is changed in place does not meet its old validator."""
        schema: dict[str, Any] = {"type": "string"}
        schemas.validate("a", schema)
        schema["type"] = "integer"
        with pytest.raises(jsonschema.ValidationError):
            schemas.validate("a", schema)

    def test_a_validator_class_is_respected(self) -> None:
        """The same schema under two drafts has two answers."""
        schema = {"type": "any"}
        assert outcome(schemas.validate, 1, schema, Draft3Validator) is None
        assert outcome(schemas.validate, 1, schema, cls=Draft4Validator)[0] is jsonschema.SchemaError

    def test_other_arguments_go_to_jsonschema(self) -> None:
        """A format checker is used, though it is not part of what is cached."""
        schema = {"format": "date"}
        schemas.validate("no date", schema)
        with pytest.raises(jsonschema.ValidationError):
            schemas.validate("no date", schema, format_checker=FormatChecker())


RESULTS = [
    {},
    {"events": [], "responses": []},
    {"events": [SlotSet("city", "fes").as_dict()], "responses": [{"text": "سلام"}]},
    {"events": [UserUttered("a").as_dict(), BotUttered("b").as_dict()]},
    [],
    None,
    {"events": {}},
    {"events": [{"event": "slot"}]},
    {"events": [{"event": 7}]},
    {"events": ["slot"]},
    {"responses": {}},
    {"responses": ["text"]},
]


class TestRasa:
    @pytest.mark.parametrize("result", RESULTS)
    def test_rasa_takes_and_refuses_the_same_answers(self, result: Any) -> None:
        """Rasa's check of a custom action's answer says the same before and after the installation."""
        action = RemoteAction("action_x", None)
        before = outcome(action._validate_action_result, result)
        schemas.install()
        assert jsonschema.validate is schemas.validate
        assert outcome(action._validate_action_result, result) == before
        assert outcome(action._validate_action_result, result) == before

    def test_the_table_has_both_answers(self) -> None:
        """Four of the answers above are good ones."""
        action = RemoteAction("action_x", None)
        assert [outcome(action._validate_action_result, result) for result in RESULTS].count(True) == 4

    def test_rasa_compiles_its_schema_once(self) -> None:
        """Installed, ten checks of Rasa make one validator."""
        schemas.install()
        schemas._validator.cache_clear()
        for _ in range(10):
            RemoteAction("action_x", None)._validate_action_result({"events": []})
        assert schemas._validator.cache_info()[:2] == (9, 1)
