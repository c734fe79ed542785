"""Properties on the wire: protobuf Structs, with signatures for secrets, unknowns and output values.

Source: pulumi:sdk/go/common/resource/plugin/rpc.go; the signatures are those of pulumi:sdk/go/common/resource/sig.
"""

from typing import Any

from google.protobuf import struct_pb2

from lab.pulumi.values import UNKNOWN, Properties, Secret

# What stands for a value that is not known yet.
UNKNOWN_VALUE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SIGNATURE_KEY = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a marker, not a credential
OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"


def decode(struct: struct_pb2.Struct) -> Properties:
    """A message's properties as values."""
    return {key: decode_value(value) for key, value in struct.fields.items()}


def decode_value(value: struct_pb2.Value) -> Any:
    """One value of a message."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value == UNKNOWN_VALUE else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [decode_value(item) for item in value.list_value.values]
    return _decode_object(value.struct_value) if kind == "struct_value" else None


def _decode_object(struct: struct_pb2.Struct) -> Any:
    signature = struct.fields[SIGNATURE_KEY].string_value if SIGNATURE_KEY in struct.fields else ""
    if signature == SECRET_SIGNATURE:
        return Secret(decode_value(struct.fields["value"]))
    if signature == OUTPUT_SIGNATURE:
        known = decode_value(struct.fields["value"]) if "value" in struct.fields else UNKNOWN
        return Secret(known) if "secret" in struct.fields and struct.fields["secret"].bool_value else known
    return decode(struct)


def encode(properties: Properties) -> struct_pb2.Struct:
    """Properties as a message."""
    struct = struct_pb2.Struct()
    for key, value in properties.items():
        _encode_into(struct.fields[key], value)
    return struct


def _encode_into(target: struct_pb2.Value, value: Any) -> None:
    if value is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif value is UNKNOWN:
        target.string_value = UNKNOWN_VALUE
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif isinstance(value, Secret):
        target.struct_value.fields[SIGNATURE_KEY].string_value = SECRET_SIGNATURE
        _encode_into(target.struct_value.fields["value"], value.value)
    elif isinstance(value, list):
        target.list_value.SetInParent()
        for item in value:
            _encode_into(target.list_value.values.add(), item)
    else:
        target.struct_value.SetInParent()
        for key, item in value.items():
            _encode_into(target.struct_value.fields[key], item)
