"""The Bicep of infra/: it parses, its modules fit together, and no secret or default weakens what it deploys."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pycep import BicepParser

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
FILES = sorted(path.relative_to(INFRA).as_posix() for path in INFRA.rglob("*.bicep"))
MODULES = [file for file in FILES if file != "main.bicep"]

BLOB_DATA_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
TABLE_DATA_CONTRIBUTOR = "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"
KEY_VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
MONITORING_METRICS_PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"


@cache
def _parsed(file: str) -> dict[str, Any]:
    parsed: dict[str, Any] = BicepParser().parse(file_path=INFRA / file)
    return parsed


def _properties(file: str, resource: str) -> dict[str, Any]:
    properties: dict[str, Any] = _parsed(file)["resources"][resource]["config"]["properties"]
    return properties


def _variable(file: str, name: str) -> Any:
    return _parsed(file)["variables"][name]["value"]


def _app_settings() -> dict[str, Any]:
    settings: dict[str, Any] = _variable("modules/function-app.bicep", "appSettings")
    return settings


@pytest.mark.parametrize("file", FILES)
def test_every_file_parses(file: str) -> None:
    assert _parsed(file).keys() >= {"parameters", "resources", "outputs"}


@pytest.mark.parametrize("file", MODULES)
def test_main_gives_a_module_exactly_its_parameters(file: str) -> None:
    (use,) = (m for m in _parsed("main.bicep")["modules"].values() if m["detail"]["path"] == file)

    assert use["config"]["params"].keys() == _parsed(file)["parameters"].keys()


@pytest.mark.parametrize("file", MODULES)
def test_every_output_of_a_module_is_used(file: str) -> None:
    (name,) = (n for n, m in _parsed("main.bicep")["modules"].items() if m["detail"]["path"] == file)
    main = (INFRA / "main.bicep").read_text()

    for output in _parsed(file)["outputs"]:
        assert f"{name}.outputs.{output}" in main


def test_azd_gives_every_parameter_that_has_no_default() -> None:
    declared = _parsed("main.bicep")["parameters"]
    given = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]

    assert given.keys() <= declared.keys()
    assert {name for name, parameter in declared.items() if parameter["default"] is None} <= given.keys()


def test_azd_finds_the_function_app_by_its_tag() -> None:
    tags = _parsed("modules/function-app.bicep")["resources"]["app"]["config"]["tags"]["function"]

    assert tags["parameters"]["arg_2"] == {"'azd-service-name'": "gateway"}
    assert "services:\n  gateway:\n" in (ROOT / "azure.yaml").read_text()


def test_storage_knows_no_shared_key_and_no_public_blob() -> None:
    account = _properties("modules/storage.bicep", "account")

    assert account["allowSharedKeyAccess"] is False
    assert account["allowBlobPublicAccess"] is False
    assert account["minimumTlsVersion"] == "TLS1_2"
    assert account["supportsHttpsTrafficOnly"] is True


def test_the_table_service_and_the_package_container_are_there() -> None:
    types = {each["type"] for each in _parsed("modules/storage.bicep")["resources"].values()}

    assert "Microsoft.Storage/storageAccounts/tableServices" in types
    assert "Microsoft.Storage/storageAccounts/blobServices/containers" in types


def test_no_setting_holds_a_secret() -> None:
    settings = _app_settings()

    assert "AzureWebJobsStorage" not in settings
    assert not [value for value in settings.values() if "AccountKey" in str(value)]
    assert settings["GATEWAY_ENCRYPTION_KEY"] == "@Microsoft.KeyVault(SecretUri=${encryptionKeySecretUri})"


def test_storage_and_telemetry_are_reached_by_the_identity() -> None:
    settings = _app_settings()

    assert settings["AzureWebJobsStorage__credential"] == "managedidentity"
    assert settings["AzureWebJobsStorage__clientId"] == "identityClientId"
    assert settings["AZURE_CLIENT_ID"] == "identityClientId"
    assert settings["TABLES_ENDPOINT"] == "tablesEndpoint"
    assert settings["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"] == "ClientId=${identityClientId};Authorization=AAD"


def test_what_flex_consumption_refuses_is_not_set() -> None:
    refused = {"FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION", "WEBSITE_RUN_FROM_PACKAGE"}

    assert not refused & _app_settings().keys()


def test_the_app_runs_python_3_13_on_flex_consumption_with_explicit_concurrency() -> None:
    plan = _parsed("modules/function-app.bicep")["resources"]["plan"]["config"]
    config = _properties("modules/function-app.bicep", "app")["functionAppConfig"]

    assert plan["sku"] == {"name": "FC1", "tier": "FlexConsumption"}
    assert config["runtime"] == {"name": "python", "version": "3.13"}
    assert config["scaleAndConcurrency"]["triggers"] == {"http": {"perInstanceConcurrency": "httpConcurrency"}}
    assert _parsed("main.bicep")["parameters"]["httpConcurrency"]["default"] > 16


def test_the_zip_is_made_for_the_python_that_is_deployed() -> None:
    assert 'PYTHON_VERSION = "3.13"' in (ROOT / "scripts" / "package.py").read_text()


def test_the_package_is_read_by_the_identity_and_published_with_no_password() -> None:
    app = _properties("modules/function-app.bicep", "app")

    assert app["functionAppConfig"]["deployment"]["storage"]["authentication"] == {
        "type": "UserAssignedIdentity",
        "userAssignedIdentityResourceId": "identityId",
    }
    assert app["keyVaultReferenceIdentity"] == "identityId"
    assert app["httpsOnly"] is True
    for policy in ("noBasicFtp", "noBasicScm"):
        assert _properties("modules/function-app.bicep", policy) == {"allow": False}


def test_the_identity_holds_the_roles_it_needs_and_no_other() -> None:
    assert _variable("modules/storage.bicep", "blobDataOwner") == BLOB_DATA_OWNER
    assert _variable("modules/storage.bicep", "tableDataContributor") == TABLE_DATA_CONTRIBUTOR
    assert _variable("modules/storage.bicep", "appRoles") == ["blobDataOwner", "tableDataContributor"]
    assert _variable("modules/vault.bicep", "secretsUser") == KEY_VAULT_SECRETS_USER
    assert _variable("modules/monitoring.bicep", "monitoringMetricsPublisher") == MONITORING_METRICS_PUBLISHER
    grants = [
        f"{file}:{name}"
        for file in FILES
        for name, each in _parsed(file)["resources"].items()
        if each["type"] == "Microsoft.Authorization/roleAssignments"
    ]
    assert grants == [
        "modules/monitoring.bicep:appAccess",
        "modules/storage.bicep:appAccess",
        "modules/storage.bicep:operatorAccess",
        "modules/vault.bicep:appAccess",
    ]


def test_the_vault_obeys_roles_and_never_overwrites_the_encryption_key() -> None:
    vault = _properties("modules/vault.bicep", "vault")
    secret = _parsed("modules/vault.bicep")["resources"]["encryptionKeySecret"]

    assert vault["enableRbacAuthorization"] is True
    assert {"type": "onlyIfNotExists"} in secret["decorators"]


@pytest.mark.parametrize("file", ["main.bicep", "modules/vault.bicep"])
def test_the_encryption_key_is_a_secure_parameter_without_a_default(file: str) -> None:
    parameter = _parsed(file)["parameters"]["encryptionKey"]

    assert {"type": "secure"} in parameter["decorators"]
    assert parameter["default"] is None


def test_telemetry_is_taken_from_identities_alone() -> None:
    assert _properties("modules/monitoring.bicep", "insights")["DisableLocalAuth"] is True
    assert _properties("modules/monitoring.bicep", "workspace")["features"] == {"disableLocalAuth": True}
