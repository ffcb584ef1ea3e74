"""Ids that remember where a thing lives."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.openai.thing_ids import Home, ThingIds, UnknownThing, tag

IDS = ThingIds(b"secret", "tenant")
EAST = tag("openai-responses/east")
UPSTREAM_IDS = st.builds(
    "".join,
    st.tuples(st.sampled_from(["resp_", "file-", "batch_"]), st.text("abcXYZ0189_-.", min_size=1)),
)


@given(UPSTREAM_IDS)
def test_an_issued_id_leads_home(upstream_id):
    issued = IDS.issue(upstream_id, EAST)
    assert issued != upstream_id
    assert issued.startswith(upstream_id[:5])
    assert IDS.read(issued) == Home(EAST, upstream_id)


@given(UPSTREAM_IDS, st.data())
def test_an_id_that_was_changed_is_unknown(upstream_id, data):
    issued = IDS.issue(upstream_id, EAST)
    at = data.draw(st.integers(8, len(issued) - 1))
    changed = issued[:at] + ("x" if issued[at] != "x" else "y") + issued[at + 1 :]
    with pytest.raises(UnknownThing):
        IDS.read(changed)


@pytest.mark.parametrize("other", [ThingIds(b"secret", "another"), ThingIds(b"other", "tenant")])
def test_the_id_of_anothers_thing_is_unknown(other):
    with pytest.raises(UnknownThing):
        other.read(IDS.issue("resp_abc", EAST))


@pytest.mark.parametrize("text", ["", "resp_abc", "resp_rh1", "resp_rh1short", "abc", "resp_rh1" + "0" * 28])
def test_an_id_that_was_never_issued_is_unknown(text):
    with pytest.raises(UnknownThing):
        IDS.read(text)


def test_an_id_without_a_prefix_stays_as_it_is():
    assert IDS.issue("12345", EAST) == "12345"


def test_an_answers_own_ids_are_issued_and_no_other_byte_changes():
    body = (
        b'{ "id":"resp_abc",  "previous_response_id" : null, "output":[{"id":"msg_1","text":"\\"id\\":\\"resp_x\\""}],'
        b'"file_id":"file-1", "note":"resp_abc", "model":"gpt"}'
    )
    edited = IDS.to_caller(("resp",), EAST)(body)
    assert edited == body.replace(b'"id":"resp_abc"', b'"id":"%b"' % IDS.issue("resp_abc", EAST).encode()).replace(
        b'"file-1"', b'"%b"' % IDS.issue("file-1", EAST).encode()
    )


def test_a_requests_issued_ids_become_the_upstreams_own():
    issued = IDS.issue("file-1", EAST)
    body = json.dumps(
        {"input": [{"file_id": issued, "text": f'say "{issued}"'}], "previous_response_id": None}
    ).encode()
    assert IDS.homes(body) == [Home(EAST, "file-1")]
    assert json.loads(IDS.to_upstream(body)) == {
        "input": [{"file_id": "file-1", "text": f'say "{issued}"'}],
        "previous_response_id": None,
    }
    with pytest.raises(UnknownThing):
        ThingIds(b"secret", "another").homes(body)
