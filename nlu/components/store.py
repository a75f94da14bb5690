"""Keep a trained component inside Rasa's model file.

Pickle is used for our own classes only; a model file is made by `make train` on the same machine and read from the
product's own folder, never from anywhere else.
"""

from __future__ import annotations

import pickle
from typing import Any, Type, TypeVar

from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage

Model = TypeVar("Model")
_FILE = "model.pickle"


def write_pickle(storage: ModelStorage, resource: Resource, model: Any) -> None:
    """Write the model into the component's folder of the model file."""
    with storage.write_to(resource) as folder:
        (folder / _FILE).write_bytes(pickle.dumps(model, protocol=pickle.HIGHEST_PROTOCOL))


def read_pickle(storage: ModelStorage, resource: Resource, expected: Type[Model]) -> Model:
    """Read it back.

    Raises:
        TypeError: the file holds something else than `expected`.
        ValueError: the model file has no such component.
    """
    with storage.read_from(resource) as folder:
        model = pickle.loads((folder / _FILE).read_bytes())
    if not isinstance(model, expected):
        raise TypeError(f"{resource.name} holds a {type(model).__name__}, not a {expected.__name__}")
    return model
