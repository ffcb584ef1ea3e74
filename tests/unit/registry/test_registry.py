"""Deployments, tenants and the snapshot."""

from __future__ import annotations

import pytest

from gateway.registry.deployments import UnknownOperation, class_operations, enabled_operations
from gateway.registry.snapshot import build
from gateway.registry.tenants import compose, fingerprint, public_id
from tests.builders import SECRET, api_key, deployment, tenant


def test_a_deployments_address_is_its_resource_or_its_url():
    assert deployment(resource_name="my-res").address == "https://my-res.openai.azure.com"
    assert deployment(endpoint_url="http://host:1/prefix/").address == "http://host:1/prefix"
    assert deployment("east").id == "openai-chat/east"


def test_a_deployment_never_prints_its_key():
    assert "key-of-east" not in repr(deployment("east"))


@pytest.mark.parametrize(
    ("supported", "enabled"),
    [
        (["chat"], ("chat",)),
        (["/v1/embeddings", "CHAT"], ("chat", "embedding")),
        ({"/v1/chat/completions": True, "embedding": False}, ("chat",)),
        ({"chat": True, "CHAT": False}, ()),
        ({}, ()),
    ],
)
def test_supported_endpoints_are_a_dictionary_or_a_list(supported, enabled):
    assert enabled_operations(supported) == enabled


def test_an_unknown_supported_endpoint_is_named_with_what_would_be_right():
    with pytest.raises(UnknownOperation, match="'telepathy' is no operation; known are: chat,"):
        enabled_operations(["telepathy"])


def test_a_class_serves_its_operation():
    assert class_operations("openai-embeddings") == ("embedding",)


def test_an_api_key_is_known_by_its_public_id_and_its_hash():
    presented = compose("abc", "x-y_z")
    key = api_key(presented)
    assert public_id(presented) == key.id == "abc"
    assert key.matches(presented)
    assert not key.matches(presented + "x")
    assert fingerprint(presented) not in repr(key)


@pytest.mark.parametrize("presented", ["", "rh", "rh-abc", "sk-abc-def", "abc"])
def test_other_texts_are_no_api_keys(presented):
    assert public_id(presented) is None


def test_a_snapshot_holds_each_callers_tenant_and_drops_keys_without_one():
    key, orphan = api_key(SECRET), api_key("rh-lost-x", tenant_id="gone")
    snapshot = build([], [tenant()], [key, orphan])
    assert set(snapshot.callers) == {"local0"}
    assert snapshot.callers["local0"].tenant.id == "local"
