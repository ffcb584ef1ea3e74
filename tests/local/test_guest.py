"""Two gateways of one checkout on one storage."""

from __future__ import annotations

import stat
import time
from pathlib import Path

from tests.azurite.conftest import Azurite
from tests.local.conftest import Start, call
from tests.local.test_demo import CHAT, LIST


def test_a_second_gateway_on_the_same_storage_serves_what_the_first_is_told_within_five_seconds(
    start: Start, tmp_path: Path
) -> None:
    azurite = Azurite(tmp_path)
    azurite.start()
    try:
        first = start("--demo", AzureWebJobsStorage=azurite.connection).ready()
        second = start(AzureWebJobsStorage=azurite.connection).ready()
        url = second.said("It serves on").split()[3]
        assert first.local["url"] != url, "the first one's file is its own"
        own = next(first.directory.glob("local-*.json"))
        assert stat.S_IMODE(own.stat().st_mode) == 0o600
        token, key = first.local["management_token"], first.local["api_key"]
        body = {
            "deployment_class": "openai-embeddings",
            "friendly_name": "new",
            "deployment_name": "ada",
            "endpoint_key": "k",
            "resource_name": "somewhere",
        }
        upsert = "/api/v1/management/modeldeployment/upsert"
        assert call(first.local["url"] + upsert, "PATCH", token=token, body=body)[0] == 200
        give_up = time.monotonic() + 5
        while "ada" not in str(call(url + "/v1/models", token=key)[1]):
            assert time.monotonic() < give_up
            time.sleep(0.1)
        assert call(url + LIST, token=token)[0] == 200
        assert call(url + "/v1/chat/completions", "POST", token=key, body=CHAT)[0] == 200
        second.end()
        assert call(first.local["url"] + LIST, token=token)[0] == 200
        first.end()
    finally:
        azurite.stop()
