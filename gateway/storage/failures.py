"""Failures: what each error of the storage SDK means to the gateway."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

from gateway.errors import InvalidRequest, StorageUnavailable
from gateway.storage.rows import RowChanged, RowExists

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError

logger = logging.getLogger(__name__)

T = TypeVar("T")

WHOLE_SECONDS = 10.0
RETRY_SECONDS = 2.0
LATE = "Storage did not answer in time."
UNREADABLE = "Storage gave an answer that can't be read."
REFUSED = (
    "Storage refuses the gateway's own credentials ({code}). Check the account key in AzureWebJobsStorage; with "
    "TABLES_ENDPOINT, that the gateway's identity has the role Storage Table Data Contributor."
)

# https://learn.microsoft.com/rest/api/storageservices/table-service-error-codes
EXISTS = {"EntityAlreadyExists", "ResourceAlreadyExists"}
CHANGED = {"UpdateConditionNotSatisfied", "ConditionNotMet", "ResourceNotFound", "EntityNotFound"}
TOO_LARGE = {"EntityTooLarge", "PropertyValueTooLarge", "RequestBodyTooLarge", "TooManyProperties"}


class TableMissing(StorageUnavailable):
    """The table was never made; leaves this room only when it can't be made either."""


async def answered(call: Awaitable[T]) -> T:
    """Await a call of the SDK; raises only what the port promises, and TableMissing.

    The SDK's own limits make silence end sooner; this one is for what has none: names, tokens, a trickling answer.
    """
    from azure.core.exceptions import AzureError, ClientAuthenticationError

    try:
        async with asyncio.timeout(WHOLE_SECONDS):
            return await call
    except TimeoutError:
        raise _unavailable(LATE) from None
    except AzureError as error:
        if isinstance(error, ClientAuthenticationError) and error.response is None:
            # No token could be had; the text tells what was tried. Other texts may hold an address with a signature.
            logger.debug("no token for storage: %s", error.message)
        raise meaning(error) from None
    except (AttributeError, LookupError, TypeError, ValueError):
        # The SDK trusts that a table service answers, but a proxy or a portal may.
        logger.debug("storage's answer can't be read", exc_info=True)
        raise _unavailable(UNREADABLE) from None


def meaning(error: AzureError) -> Exception:
    """What to raise for an error of the SDK. Messages hold storage's error code and nothing else of it."""
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceResponseTimeoutError

    if not isinstance(error, HttpResponseError):
        return _unavailable(LATE if isinstance(error, ServiceResponseTimeoutError) else "Storage can't be reached.")
    code = getattr(error, "error_code", None) or ""
    code, status = getattr(code, "value", code), error.status_code
    if code == "TableNotFound":
        return TableMissing("A table is missing and can't be made.", retry_after=RETRY_SECONDS)
    if code in EXISTS:
        return RowExists()
    if code in CHANGED:
        return RowChanged()
    if code in TOO_LARGE:
        return InvalidRequest(f"This is larger than storage takes ({code}).")
    if isinstance(error, ClientAuthenticationError) or status in (401, 403):
        return _unavailable(REFUSED.format(code=code or status or type(error).__name__))
    if status is None or status < 400:
        return _unavailable(UNREADABLE)
    return _unavailable(f"Storage answered {status} {code}".rstrip() + ".")


def _unavailable(message: str) -> StorageUnavailable:
    return StorageUnavailable(message, retry_after=RETRY_SECONDS)
