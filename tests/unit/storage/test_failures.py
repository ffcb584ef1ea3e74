"""Failures: each of the SDK's errors means one thing, and none of their texts gets out."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.data.tables import TableErrorCode, TableTransactionError

from gateway.errors import InvalidRequest, StorageUnavailable
from gateway.storage import failures
from gateway.storage.failures import TableMissing, answered, meaning
from gateway.storage.rows import RowChanged, RowExists


def response(status: int | None, code: object = None, kind: type[HttpResponseError] = HttpResponseError) -> AzureError:
    """An answer of storage that the SDK made an error of."""
    answer = None if status is None else SimpleNamespace(status_code=status, reason="?", headers={}, text=lambda: "")
    error = kind(message="s3cret", response=answer)
    error.error_code = code  # type: ignore[attr-defined]
    return error


CASES: list[tuple[AzureError, type[Exception], str]] = [
    (response(409, TableErrorCode.ENTITY_ALREADY_EXISTS), RowExists, ""),
    (response(409, "EntityAlreadyExists", TableTransactionError), RowExists, ""),
    (response(412, TableErrorCode.UPDATE_CONDITION_NOT_SATISFIED), RowChanged, ""),
    (response(412, "ConditionNotMet", TableTransactionError), RowChanged, ""),
    (response(404, TableErrorCode.RESOURCE_NOT_FOUND), RowChanged, ""),
    (response(404, "EntityNotFound"), RowChanged, ""),
    (response(404, TableErrorCode.TABLE_NOT_FOUND), TableMissing, "A table is missing and can't be made."),
    (response(404), StorageUnavailable, "Storage answered 404."),
    (response(409, "TableBeingDeleted"), StorageUnavailable, "Storage answered 409 TableBeingDeleted."),
    (response(503, TableErrorCode.SERVER_BUSY), StorageUnavailable, "Storage answered 503 ServerBusy."),
    (response(400, TableErrorCode.PROPERTY_VALUE_TOO_LARGE), InvalidRequest, "larger than storage takes"),
    (response(413, "RequestBodyTooLarge"), InvalidRequest, "larger than storage takes"),
    (response(403, "AuthorizationFailure"), StorageUnavailable, "credentials (AuthorizationFailure)"),
    (response(401), StorageUnavailable, "credentials (401)"),
    (response(None, None, ClientAuthenticationError), StorageUnavailable, "credentials (ClientAuthenticationError)"),
    (response(200), StorageUnavailable, "Storage gave an answer that can't be read."),
    (response(None), StorageUnavailable, "Storage gave an answer that can't be read."),
    (ServiceRequestError("s3cret"), StorageUnavailable, "Storage can't be reached."),
    (ServiceResponseError("s3cret"), StorageUnavailable, "Storage can't be reached."),
    (ServiceResponseTimeoutError("s3cret"), StorageUnavailable, "Storage did not answer in time."),
]


@pytest.mark.parametrize(("error", "kind", "text"), CASES)
def test_each_error_means_one_thing(error: AzureError, kind: type[Exception], text: str) -> None:
    meant = meaning(error)
    assert type(meant) is kind
    assert text in str(meant)
    assert "s3cret" not in str(meant)
    if isinstance(meant, StorageUnavailable):
        assert meant.retry_after == 2


async def test_an_answer_is_passed_on() -> None:
    assert await answered(asyncio.sleep(0, "answer")) == "answer"


@pytest.mark.parametrize("defect", [AttributeError, KeyError, TypeError, ValueError])
async def test_an_answer_that_the_sdk_chokes_on_is_unavailable(defect: type[Exception]) -> None:
    async def choke() -> None:
        raise defect("s3cret")

    with pytest.raises(StorageUnavailable, match="can't be read") as caught:
        await answered(choke())
    assert caught.value.__suppress_context__


async def test_an_answer_that_never_comes_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "WHOLE_SECONDS", 0)
    with pytest.raises(StorageUnavailable, match="did not answer in time"):
        await answered(asyncio.Event().wait())


async def test_only_the_text_of_a_missing_token_is_logged_and_only_when_asked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(error: AzureError) -> None:
        raise error

    caplog.set_level("DEBUG")
    for error in (ServiceRequestError("s3cret"), response(403, "AuthorizationFailure", ClientAuthenticationError)):
        with pytest.raises(StorageUnavailable):
            await answered(fail(error))
    assert caplog.text == ""
    with pytest.raises(StorageUnavailable):
        await answered(fail(ClientAuthenticationError(message="EnvironmentCredential is not configured")))
    (record,) = caplog.records
    assert record.levelname == "DEBUG"
    assert "EnvironmentCredential is not configured" in caplog.text
