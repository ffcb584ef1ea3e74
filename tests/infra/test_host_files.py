"""host.json and the settings for `func start`: what the Functions host reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / name).read_text())
    return content


def test_routes_have_no_prefix_but_their_own() -> None:
    assert _read("host.json")["extensions"]["http"]["routePrefix"] == ""


def test_the_host_never_refuses_a_request_by_its_own_limits() -> None:
    http = _read("host.json")["extensions"]["http"]

    assert http["maxConcurrentRequests"] == http["maxOutstandingRequests"] == -1
    assert http["dynamicThrottlesEnabled"] is False


def test_the_host_logs_results_but_no_chatter() -> None:
    logging = _read("host.json")["logging"]

    assert logging["logLevel"]["default"] == "Warning"
    assert logging["logLevel"]["Host.Results"] == "Information"
    assert logging["applicationInsights"]["samplingSettings"]["isEnabled"] is True


def test_a_stream_may_outlast_every_time_out_of_the_gateway() -> None:
    assert _read("host.json")["functionTimeout"] == "00:30:00"


def test_the_example_settings_hold_no_secret() -> None:
    values = _read("local.settings.example.json")["Values"]

    assert values == {
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "GATEWAY_ENCRYPTION_KEY": "",
        "PYTHON_ENABLE_INIT_INDEXING": "1",
    }
