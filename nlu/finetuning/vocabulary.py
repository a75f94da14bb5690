"""The part of the vocabulary that our users need, and its tokeniser."""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from nlu.finetuning.base import Base

#: Of the special pieces <s> <pad> </s> <unk>, at the front of the vocabulary.
SPECIAL_PIECES = 4
UNKNOWN = 3
LONGEST = 128
_LATIN = frozenset("abcdefghijklmnopqrstuvwxyzàâäéèêëîïôöùûüçœæ")


def keep_piece(piece: str) -> bool:
    """Whether a piece is of letters that French, English, Arabic and Darija are typed in, or of signs and emojis.

    Fewer rows (45,000 of the 250,037) were tried: cutting pieces of these letters too cost French and Arabic 4 points.
    """
    return all(_is_ours(letter) for letter in piece.replace("▁", ""))


def _is_ours(letter: str) -> bool:
    if letter.isalpha():
        return letter.lower() in _LATIN or "\u0600" <= letter <= "\u06ff" or "\u0750" <= letter <= "\u077f"
    code = ord(letter)
    is_sign = code < 0x3000 and not 0x0900 <= code <= 0x1FFF
    return is_sign or 0xFE00 <= code <= 0xFE0F or 0x1F000 <= code < 0x20000


def list_rows(base: Base) -> list[int]:
    """The rows of the pre-trained vocabulary that are kept, special pieces first."""
    return [row for row, piece in enumerate(base.pieces) if row < SPECIAL_PIECES or keep_piece(piece)]


def make_tokenizer(base: Base, rows: Sequence[int]) -> Tokenizer:
    """SentencePiece's unigram model over the kept pieces; it adds <s> and </s> and cuts at `LONGEST` pieces."""
    tokenizer = Tokenizer(models.Unigram([(base.pieces[row], float(base.scores[row])) for row in rows], unk_id=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=False)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.enable_truncation(LONGEST)
    return tokenizer
