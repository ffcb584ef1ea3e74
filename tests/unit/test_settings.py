"""The settings."""

from __future__ import annotations

from dataclasses import fields

import pytest

from gateway.settings import SettingError, Settings


def test_every_setting_is_explained():
    for each in fields(Settings):
        assert each.metadata["env"]
        assert len(each.metadata["help"]) > 10


def test_the_environment_is_read_with_defaults_for_what_is_missing_or_blank():
    settings = Settings.from_environment(
        {
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            "PORT": "80",
            "GATEWAY_REFRESH_SECONDS": "0.5",
            "TABLES_ENDPOINT": " ",
        }
    )
    assert settings.storage_connection == "UseDevelopmentStorage=true"
    assert (settings.port, settings.refresh_seconds, settings.tables_endpoint) == (80, 0.5, None)
    assert settings.deadline_seconds == Settings().deadline_seconds


@pytest.mark.parametrize("value", ["many", "1.5.2", "0", "-3"])
def test_a_value_of_the_wrong_kind_names_the_variable(value):
    with pytest.raises(SettingError, match="GATEWAY_MAX_ATTEMPTS"):
        Settings.from_environment({"GATEWAY_MAX_ATTEMPTS": value})


def test_secrets_are_never_printed():
    settings = Settings(storage_connection="AccountKey=hidden", encryption_key="hidden")
    assert "hidden" not in repr(settings)


def test_the_process_environment_is_the_default(monkeypatch):
    monkeypatch.setenv("GATEWAY_LOG_LEVEL", "DEBUG")
    assert Settings.from_environment().log_level == "DEBUG"
