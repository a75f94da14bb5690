"""Places in a list, as they are named in five varieties."""

from __future__ import annotations

import pytest

from bot.ordinals import find_only_ordinal, list_ordinals


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("le premier", {1}),
        ("la deuxième", {2}),
        ("1er", {1}),
        ("numéro 3", {3}),
        ("compare les deux premiers", {1, 2}),
        ("le premier vs le troisième", {1, 3}),
        ("qu'est-ce qui change entre le 2eme et le dernier", {2, 3}),
        ("the first two", {1, 2}),
        ("compare the second and the third", {2, 3}),
        ("both", {1, 2}),
        ("lowel", {1}),
        ("lewel w tani", {1, 2}),
        ("jouj lowlin", {1, 2}),
        ("اللول", {1}),
        ("التاني", {2}),
        ("آش الفرق ما بين اللول والتالت", {1, 3}),
        ("قارن الأولين", {1, 2}),
        ("والثاني", {2}),
        ("الأخير", {3}),
        # Not on a list of three.
        ("the fourth", set()),
        ("le 7", set()),
        # Words that only look like a place.
        ("wala", set()),
        ("wla", set()),
        ("hello", set()),
        ("la ville", set()),
        ("walo", set()),
        ("", set()),
    ],
)
def test_places_are_named_in_five_varieties(text: str, places: set[int]) -> None:
    """Those that the list has, and no others."""
    assert list_ordinals(text, 3) == places


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("le deuxième svp", 2),
        ("et le premier ?", 1),
        ("tell me more about the second", 2),
        ("والثاني", 2),
        ("بغيت اللول عافاك", 1),
        ("tell me more about the second one", 2),
        ("dis m'en plus sur le premier", 1),
        ("goul liya kter 3la tani", 2),
        ("عطيني كثر على التاني", 2),
        ("حدثني عن الثاني", 2),
        # It says something else too, or names two.
        ("first of all what is it", None),
        ("le premier jour de la formation", None),
        ("les deux premiers", None),
        ("lewel w tani", None),
    ],
)
def test_only_a_message_that_is_nothing_else_chooses(text: str, place: int | None) -> None:
    """ "le premier" chooses from a list, "le premier jour" does not."""
    assert find_only_ordinal(text, 3) == place
