"""A plan as written: keys and types. What they mean together is checked in plan.py."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from hil.proxy.durations import seconds

Byte = Annotated[int, Field(ge=0, le=255)]
Word = Annotated[int, Field(ge=0, le=65535)]
Time = Annotated[float, BeforeValidator(seconds), Field(ge=0, le=1e6, allow_inf_nan=False)]
Counter = Annotated[int, Field(ge=1, le=2**63 - 1)]


class FaultTable(BaseModel):
    """One `[[fault]]`. Unknown keys are kept and told by plan.py, which knows what each kind reads."""

    model_config = ConfigDict(extra="allow", strict=True)

    kind: str
    on: str | None = None
    unit: Byte | None = None
    function: Annotated[int, Field(ge=0, le=127)] | None = None
    register_: Word | Annotated[list[Word], Field(min_length=2, max_length=2)] | None = Field(None, alias="register")
    nth: Counter | None = None
    every: Counter | None = None
    probability: Annotated[float, Field(ge=0, le=1)] | None = None
    from_: Time | None = Field(None, alias="from")
    to: Time | None = None
    time: Time | None = None
    at: Annotated[int, Field(ge=0, le=8447)] | None = None
    value: Annotated[int, Field(ge=-65535, le=65535)] | None = None
    address: Word | None = None
    bytes: Annotated[int, Field(ge=1, le=1024)] | None = None
    copies: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    code: Byte | None = None
    data: str | None = None
    repair: bool | None = None

    def given(self) -> dict[str, Any]:
        """What stands in the file, by its keys there."""
        return {key: value for key, value in self.model_dump(by_alias=True).items() if key in self._keys()}

    def _keys(self) -> set[str]:
        fields = type(self).model_fields
        return {fields[name].alias or name if name in fields else name for name in self.model_fields_set}


class PlanFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    fault: list[FaultTable] = []
