"""Take a greeting off the front of a question: "salam, bghit ntsejjel" asks how to enrol, it does not say hello."""

from __future__ import annotations

import re

from nlu.components.normaliser import normalise

#: In normal form (see `nlu.components.normaliser`), the longest first within a line.
_GREETINGS = (
    r"a?s+ala+m[ou]? ?(?:u|w|o)? ?(?:3|a)l[ae]?[iy]?k(?:o|ou|u)m(?: wa ra7mat.{0,12})?",
    r"sa?la+m(?: (?:khoya|khouya|khti|sahbi|labas|3likom|a lkhout))?|sl[mt]",
    r"salut|coucou|cc|bjr|bjour|bonjour|bonsoir|bsr",
    r"(?:hello|hi|hey|helo|good (?:morning|afternoon|evening))(?: (?:there|everyone|all))?",
    r"(?:ال)?سلام ?(?:و ?)?(?:عليكم|عليكوم|علايكم)?(?: ورحمه الله)?(?: (?:تعالي ?)?وبركاته)?",
    r"مرحبا|اهلا(?: وسهلا)?|صباح (?:ال)?خير|مساء? (?:ال)?خير|تحيه طيبه",
    r"(?:sba7|sbah|msa|masa) ?l?-?(?:kh|5)(?:ir|eir|er)",
)
_FRONT = re.compile(rf"^(?:(?:{'|'.join(_GREETINGS)})(?:\s+|$))+")
#: With fewer words left, the greeting is what the message is about ("salam labas", "bonjour monsieur").
_WORDS_LEFT = 2


def without_greeting(text: str) -> str:
    """The normal form of a message without the greeting that it starts with, if enough of a question is left.

    A message that does not start with one, or is little else, comes back as it was typed.
    """
    normal = normalise(text)
    rest = _FRONT.sub("", normal)
    return rest if rest != normal and len(rest.split()) > _WORDS_LEFT else text
