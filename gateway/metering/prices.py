"""What a call costs, by the catalog's prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from operator import attrgetter

from gateway.openai.tokens import Tokens

# Prices are counted in whole units of so many decimals of a dollar, all that a float of a price has: sums are exact.
_DECIMALS = 30
_NANODOLLAR = 10 ** (_DECIMALS - 9)

# Sizes of input, in thousands of tokens, above which all of a call has another price; the largest that fits counts.
_TIERS = (512, 272, 256, 200, 128, 100, 32)
_LOWEST_TIER = _TIERS[-1]

_INPUT = "input_cost_per_token"
_OUTPUT = "output_cost_per_token"
# By part, the names of its price; what has none of its own has that of the whole.
_INPUT_PARTS = (
    ("cached_input", ("cache_read_input_token_cost", "input_cost_per_token_cache_hit", _INPUT)),
    ("cache_write", ("cache_creation_input_token_cost", _INPUT)),
    ("audio_input", ("input_cost_per_audio_token", _INPUT)),
    ("image_input", ("input_cost_per_image_token", _INPUT)),
)
_OUTPUT_PARTS = (
    ("reasoning", ("output_cost_per_reasoning_token", _OUTPUT)),
    ("audio_output", ("output_cost_per_audio_token", _OUTPUT)),
    ("image_output", ("output_cost_per_image_token", _OUTPUT)),
)
_input_counts = attrgetter(*(part for part, _ in _INPUT_PARTS))
_output_counts = attrgetter(*(part for part, _ in _OUTPUT_PARTS))
_all_else = attrgetter(*(name for name in Tokens.__struct_fields__ if name not in ("input", "output")))
_IMAGE = ("output_cost_per_image", "input_cost_per_image")
_QUERY = ("input_cost_per_query",)
_CHARACTER = ("input_cost_per_character",)
# A second of sound that is heard has one price, under either name.
_SECOND = ("input_cost_per_second", "output_cost_per_second")

Prices = Mapping[str, float | None]
# So many of a unit, and what it costs: None where it has no price.
_Line = tuple[int | Fraction, int | None]


def cost(tokens: Tokens, prices: Prices) -> int | None:
    """What was used in nanodollars, rounded up; None when something was used that has no price.

    prices: in dollars, by the catalog's names (`input_cost_per_token`, …); None is no price, 0 is free. What is
    counted both in tokens and in pieces is paid once: pictures by the piece where they have such a price and none by
    the token; characters and seconds by tokens where those have a price.
    """
    if tokens.input <= _LOWEST_TIER * 1000 and not any(_all_else(tokens)):
        # Plain text, as nearly every call: what follows would come to the same.
        heard, said = prices.get(_INPUT), prices.get(_OUTPUT)
        if heard is not None and said is not None and tokens.total:
            return int(-(-(tokens.input * _exact(heard) + tokens.output * _exact(said)) // _NANODOLLAR))
    image = _price(prices, _IMAGE, ()) if tokens.images else None
    by_piece = image is not None and prices.get("output_cost_per_image_token") is None
    by_tokens = _sum(_token_lines(tokens, prices, pictures=not by_piece))
    measured = tokens.total > 0 and by_tokens is not None
    pieces: list[_Line] = []
    if tokens.images and (by_piece or not measured):
        pieces.append((tokens.images, image))
    if tokens.queries:
        query = _price(prices, _QUERY, ())
        pieces.append((tokens.queries, 0 if query is None and measured else query))
    if not measured:
        if tokens.characters:
            pieces.append((tokens.characters, _price(prices, _CHARACTER, ())))
        if tokens.seconds:
            pieces.append((Fraction(repr(tokens.seconds)), _price(prices, _SECOND, ())))
    by_pieces = _sum(pieces)
    if by_pieces is None or (by_tokens is None and not pieces):
        return None
    return int(-(-((by_tokens or 0) + by_pieces) // _NANODOLLAR))


def _token_lines(tokens: Tokens, prices: Prices, *, pictures: bool) -> list[_Line]:
    """Every part of the tokens once, the rest of either side as text. pictures: whether those made are among them."""
    tiers = [tier for tier in _TIERS if tokens.input > tier * 1000] if tokens.input > _LOWEST_TIER * 1000 else ()
    lines: list[_Line] = []
    for rest, parts, counts, name in (
        (tokens.input, _INPUT_PARTS, _input_counts(tokens), _INPUT),
        (tokens.output, _OUTPUT_PARTS, _output_counts(tokens), _OUTPUT),
    ):
        if any(counts):
            for (part, names), count in zip(parts, counts, strict=True):
                # Parts may overlap, as sound that was cached: none is paid twice.
                used = min(count, rest)
                rest -= used
                if used and (pictures or part != "image_output"):
                    lines.append((used, _price(prices, names, tiers)))
        if rest:
            lines.append((rest, _price(prices, (name,), tiers)))
    return lines


def _sum(lines: Iterable[_Line]) -> int | Fraction | None:
    """What the lines cost in all; None if one of them has no price."""
    total: int | Fraction = 0
    for used, price in lines:
        if price is None:
            return None
        total += used * price
    return total


def _price(prices: Prices, names: Iterable[str], tiers: Iterable[int]) -> int | None:
    """The first price that there is, that of the largest tier before a name's own."""
    for name in names:
        for tier in tiers:
            tiered = prices.get(f"{name}_above_{tier}k_tokens")
            if tiered is not None:
                return _exact(tiered)
        price = prices.get(name)
        if price is not None:
            return _exact(price)
    return None


@lru_cache(maxsize=4096)
def _exact(price: float) -> int:
    return int(Decimal(repr(price)).scaleb(_DECIMALS))
