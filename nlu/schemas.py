"""Validate with a cached JSON-schema validator.

Rasa builds and checks the same schema again for every custom action's answer (`RemoteAction._validate_action_result`
calls ``jsonschema.validate``), which was two thirds of the cost of an action turn. The schema never changes, so its
validator is kept.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Mapping, Optional, Type

import jsonschema
from jsonschema.validators import validator_for


@lru_cache(maxsize=64)
def _validator(schema_json: str, validator_class: Optional[Type[Any]]) -> Any:
    schema = json.loads(schema_json)
    chosen = validator_class or validator_for(schema)
    chosen.check_schema(schema)
    return chosen(schema)


def validate(
    instance: Any, schema: Mapping[str, Any], cls: Optional[Type[Any]] = None, *args: Any, **kwargs: Any
) -> None:
    """Stand in for ``jsonschema.validate``: the same answer and the same errors, each schema compiled once.

    Raises:
        jsonschema.ValidationError: the instance does not fit the schema (the most relevant of its errors).
        jsonschema.SchemaError: the schema itself is wrong.
    """
    if args or kwargs:  # a custom resolver or format checker is not part of the cache key
        _original(instance, schema, cls, *args, **kwargs)
        return
    error = jsonschema.exceptions.best_match(_validator(json.dumps(schema, sort_keys=True), cls).iter_errors(instance))
    if error is not None:
        raise error


_original = jsonschema.validate


def install() -> None:
    """Make Rasa use the cached validators; it looks ``jsonschema.validate`` up at every call."""
    jsonschema.validate = validate
