"""What every request body obeys: strict types, no unknown fields, no values in its errors."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from gateway.management.rules import suggestion


class Body(BaseModel):
    """A JSON object of known fields. `"true"` is no boolean and 1 is none either."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _only_known_fields(cls, data: Any) -> Any:
        """A misspelt field would otherwise vanish: name it, and the one that was meant."""
        if not isinstance(data, dict):
            return data
        try:
            json.dumps(data, ensure_ascii=False).encode()
        except (UnicodeEncodeError, RecursionError):
            # JSON can spell one half of a surrogate pair; UTF-8, and so storage and our answers, can not.
            raise ValueError("must hold text that UTF-8 can carry, and not be nested too deep") from None
        known = cls.model_fields
        for name in data:
            if name not in known:
                meant = suggestion(name, known) or f"; known are: {', '.join(known)}"
                raise PydanticCustomError("unknown_field", "is no field here{meant}", {"field": name, "meant": meant})
        return data
