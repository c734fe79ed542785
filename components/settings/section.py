"""What all sections of the settings share: how a block is read, and the types of its values."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from components.settings import formats, pem


class Section(BaseModel):
    """A block of settings: camelCase keys, no unknown ones, no silent conversion."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel)


def checked(check: Callable[[str], str | None], *, shown: bool = True) -> AfterValidator:
    """Refuse a text for which `check` (see formats.py) has something to say; the empty text means "not set".

    Unless it is `shown`, no message holds the text, for somebody may have pasted a secret where none belongs.
    """

    def validate(value: Any) -> Any:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if text and (problem := check(text)):
            raise PydanticCustomError("format", "{problem}", {"problem": problem, "shown": shown})
        return value

    return AfterValidator(validate)


# JSON carries whole numbers exactly up to 2^53, and outputs of a stack are JSON.
LARGEST_COUNTER = 10**15
# 32 bits: what Kubernetes takes for replicas and users.
LARGEST_NUMBER = 2**31 - 1

Name = Annotated[str, Field(min_length=1), checked(formats.kubernetes_name)]
ServiceName = Annotated[str, Field(min_length=1), checked(formats.service_name)]
Namespace = Annotated[str, Field(min_length=1), checked(formats.namespace)]
VaultPath = Annotated[str, Field(min_length=1), checked(formats.vault_path)]
VaultFolder = Annotated[str, checked(formats.vault_folder)]
Text = Annotated[str, checked(formats.text)]
GivenText = Annotated[str, Field(min_length=1), checked(formats.text)]
Duration = Annotated[str, Field(min_length=1), checked(formats.duration)]
Quantity = Annotated[str, Field(min_length=1), checked(formats.quantity)]
Image = Annotated[str, checked(formats.image)]
Pem = Annotated[str, checked(pem.problem, shown=False), AfterValidator(pem.certificates)]
Password = Annotated[SecretStr, checked(formats.password)]
ObjectName = Annotated[str, Field(min_length=1), checked(formats.object_name)]
OptionalObjectName = Annotated[str, checked(formats.object_name)]
DataKey = Annotated[str, Field(min_length=1), checked(formats.data_key)]
Port = Annotated[int, Field(ge=1, le=65535)]
Rotation = Annotated[int, Field(ge=1, le=LARGEST_COUNTER)]
Counter = Annotated[int, Field(ge=0, le=LARGEST_COUNTER)]
Count = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]
Positive = Annotated[int, Field(ge=1, le=LARGEST_NUMBER)]


class Resources(Section):
    """What a container asks for and may not exceed, as Kubernetes quantities by resource (`cpu`, `memory`)."""

    requests: dict[str, Quantity] = Field(default_factory=dict)
    """What the scheduler keeps free, by resource."""
    limits: dict[str, Quantity] = Field(default_factory=dict)
    """What the container may not exceed, by resource."""


def section(raw: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An unchecked block, empty where there is none or something else."""
    value = raw.get(key)
    return value if isinstance(value, dict) else {}
