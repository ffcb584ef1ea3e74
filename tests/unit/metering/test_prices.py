"""What calls cost, to the nanodollar."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.builtin import builtin
from gateway.metering.prices import cost
from gateway.openai.tokens import Tokens

TEXT = {"input_cost_per_token": 2e-06, "output_cost_per_token": 8e-06}


@pytest.mark.parametrize(
    ("tokens", "prices", "nanodollars"),
    [
        (Tokens(), {}, 0),
        (Tokens(input=10, output=5), TEXT, 60_000),
        (Tokens(input=10), TEXT | {"output_cost_per_token": None}, 20_000),
        (Tokens(input=10, output=5), {"input_cost_per_token": 2e-06}, None),
        (Tokens(input=10, output=5), {}, None),
        (Tokens(input=10, output=5), {"input_cost_per_token": 0.0, "output_cost_per_token": None}, None),
        (Tokens(input=10, output=5), {"input_cost_per_token": 0, "output_cost_per_token": 0.0}, 0),
        # Parts at their own prices, and at the whole's where they have none.
        (Tokens(input=100, cached_input=80), TEXT | {"cache_read_input_token_cost": 5e-07}, 80_000),
        (Tokens(input=100, cached_input=80), TEXT | {"input_cost_per_token_cache_hit": 5e-07}, 80_000),
        (Tokens(input=100, cached_input=80), TEXT | {"cache_read_input_token_cost": None}, 200_000),
        (Tokens(input=100, cached_input=80), TEXT | {"cache_read_input_token_cost": 0.0}, 40_000),
        (Tokens(input=100, cache_write=80), TEXT | {"cache_creation_input_token_cost": 2.5e-06}, 240_000),
        (Tokens(input=100, audio_input=50), TEXT | {"input_cost_per_audio_token": 1e-05}, 600_000),
        (Tokens(input=100, image_input=50), TEXT | {"input_cost_per_image_token": 1e-05}, 600_000),
        (Tokens(output=100, reasoning=50), TEXT | {"output_cost_per_reasoning_token": 1e-06}, 450_000),
        (Tokens(output=100, audio_output=50), TEXT | {"output_cost_per_audio_token": 1e-05}, 900_000),
        (Tokens(output=100, image_output=50), TEXT | {"output_cost_per_image_token": 1e-05}, 900_000),
        # Sound that was cached is paid once.
        (Tokens(input=100, cached_input=80, audio_input=50), TEXT | {"input_cost_per_audio_token": 1e-05}, 360_000),
        # A call with a large input has other prices as a whole.
        (Tokens(input=200_000), TEXT | {"input_cost_per_token_above_200k_tokens": 4e-06}, 400_000_000),
        (Tokens(input=200_001), TEXT | {"input_cost_per_token_above_200k_tokens": 4e-06}, 800_004_000),
        (Tokens(input=300_000, output=1), TEXT | {"output_cost_per_token_above_272k_tokens": 1e-05}, 600_010_000),
        (
            Tokens(input=300_000),
            TEXT | {"input_cost_per_token_above_200k_tokens": 4e-06, "input_cost_per_token_above_272k_tokens": 5e-06},
            1_500_000_000,
        ),
        (
            Tokens(input=300_000, cached_input=300_000),
            TEXT | {"cache_read_input_token_cost_above_272k_tokens": 1e-06, "cache_read_input_token_cost": 5e-07},
            300_000_000,
        ),
        # Pictures by the piece, or by the token, and never by both.
        (Tokens(images=3), {"output_cost_per_image": 0.04}, 120_000_000),
        (Tokens(images=3), {"input_cost_per_image": 0.04}, 120_000_000),
        (Tokens(images=3), {}, None),
        (Tokens(images=3), TEXT, None),
        (Tokens(images=1, input=9, output=1056, image_output=1056), {"output_cost_per_image": 0.04}, 40_000_000),
        (
            Tokens(images=1, input=9, output=1056, image_output=1056),
            {"input_cost_per_token": 5e-06, "output_cost_per_image_token": 4e-05},
            42_285_000,
        ),
        (
            Tokens(images=1, input=9, output=1290, image_output=1290),
            TEXT | {"output_cost_per_image": 0.039, "output_cost_per_image_token": 3e-05},
            38_718_000,
        ),
        (Tokens(images=1, input=9, output=300, image_output=290), TEXT | {"output_cost_per_image": 0.039}, 39_098_000),
        # Searches beside tokens.
        (Tokens(queries=2), {"input_cost_per_query": 0.002}, 4_000_000),
        (Tokens(queries=2, input=10), TEXT | {"input_cost_per_query": 0.002}, 4_020_000),
        (Tokens(queries=2, input=10), TEXT, 20_000),
        (Tokens(queries=2), TEXT, None),
        (Tokens(queries=2, input=10), {"input_cost_per_query": 0.002}, 4_000_000),
        # Characters and seconds where tokens have no price.
        (Tokens(characters=100), {"input_cost_per_character": 1.5e-05}, 1_500_000),
        (Tokens(characters=100), TEXT, None),
        (Tokens(characters=100, input=10), TEXT | {"input_cost_per_character": 1.5e-05}, 20_000),
        (Tokens(seconds=8.47), {"input_cost_per_second": 0.0001, "output_cost_per_second": 0.0001}, 847_000),
        (Tokens(seconds=8.47), {"output_cost_per_second": 0.0001}, 847_000),
        (Tokens(seconds=8.47), {}, None),
        (Tokens(seconds=8.0, input=10), TEXT | {"input_cost_per_second": 0.0001}, 20_000),
        (Tokens(seconds=8.0, input=10), {"input_cost_per_second": 0.0001}, 800_000),
        # Rounded up, and exact where floats are not.
        (Tokens(input=1), {"input_cost_per_token": 1e-10}, 1),
        (Tokens(input=10), {"input_cost_per_token": 1e-10}, 1),
        (Tokens(input=3), {"input_cost_per_token": 1e-07}, 300),
        (Tokens(input=10**12), {"input_cost_per_token": 1.1e-07}, 110_000 * 10**9),
    ],
)
def test_a_call_costs_what_its_units_cost(tokens, prices, nanodollars):
    assert cost(tokens, prices) == nanodollars


@given(
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.floats(0, 1e-3, allow_subnormal=False).filter(lambda price: price == 0 or price > 1e-12),
)
def test_a_cost_is_exact_and_rounded_up(heard, said, price):
    prices = {"input_cost_per_token": price, "output_cost_per_token": price}
    exact = Fraction(repr(price)) * (heard + said) * 10**9
    assert 0 <= cost(Tokens(input=heard, output=said), prices) - exact < 1


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000))
def test_parts_at_the_wholes_price_change_nothing(whole, cached, written, heard):
    tokens = Tokens(input=whole, cached_input=cached, cache_write=written, audio_input=heard)
    assert cost(tokens, TEXT) == whole * 2000


def test_what_the_built_in_catalog_says_is_understood():
    model = builtin().find("gpt-4o", "openai") or builtin().by_name["gpt-4o"][0]
    assert cost(Tokens(input=1_000_000), model.prices) == round(model.cost_per_million_tokens * 10**9)
    priced = [each for each in builtin().by_id.values() if each.output_cost_per_million_tokens is not None]
    assert all(cost(Tokens(output=1), each.prices) is not None for each in priced)
