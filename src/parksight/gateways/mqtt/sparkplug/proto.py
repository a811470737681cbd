"""The Sparkplug B payload messages, built from their public field numbers (Eclipse Tahu ``sparkplug_b.proto``).

Only what the platform reads is declared; protobuf skips the other fields. Built at import instead of generated,
so that no generated file has to be kept in step with a compiler.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_F = descriptor_pb2.FieldDescriptorProto
_TYPES = {
    "uint32": _F.TYPE_UINT32, "uint64": _F.TYPE_UINT64, "float": _F.TYPE_FLOAT, "double": _F.TYPE_DOUBLE,
    "bool": _F.TYPE_BOOL, "string": _F.TYPE_STRING, "bytes": _F.TYPE_BYTES,
}  # fmt: skip
_PACKAGE = "parksight.sparkplug"

#: Message -> (number, name, type, repeated, in the ``value`` oneof).
_MESSAGES: dict[str, tuple[tuple[int, str, str, bool, bool], ...]] = {
    "PropertyValue": (
        (1, "type", "uint32", False, False),
        (2, "is_null", "bool", False, False),
        (3, "int_value", "uint32", False, True),
        (4, "long_value", "uint64", False, True),
        (5, "float_value", "float", False, True),
        (6, "double_value", "double", False, True),
        (7, "boolean_value", "bool", False, True),
        (8, "string_value", "string", False, True),
    ),
    "PropertySet": (
        (1, "keys", "string", True, False),
        (2, "values", "PropertyValue", True, False),
    ),
    "Template": (
        (1, "version", "string", False, False),
        (2, "metrics", "Metric", True, False),
        (4, "template_ref", "string", False, False),
        (5, "is_definition", "bool", False, False),
    ),
    "Metric": (
        (1, "name", "string", False, False),
        (2, "alias", "uint64", False, False),
        (3, "timestamp", "uint64", False, False),
        (4, "datatype", "uint32", False, False),
        (5, "is_historical", "bool", False, False),
        (6, "is_transient", "bool", False, False),
        (7, "is_null", "bool", False, False),
        (9, "properties", "PropertySet", False, False),
        (10, "int_value", "uint32", False, True),
        (11, "long_value", "uint64", False, True),
        (12, "float_value", "float", False, True),
        (13, "double_value", "double", False, True),
        (14, "boolean_value", "bool", False, True),
        (15, "string_value", "string", False, True),
        (16, "bytes_value", "bytes", False, True),
        (18, "template_value", "Template", False, True),
    ),
    "Payload": (
        (1, "timestamp", "uint64", False, False),
        (2, "metrics", "Metric", True, False),
        (3, "seq", "uint64", False, False),
        (4, "uuid", "string", False, False),
        (5, "body", "bytes", False, False),
    ),
}


def _build() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="parksight/sparkplug_b.proto", package=_PACKAGE, syntax="proto2"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        if any(oneof for *_, oneof in fields):
            message.oneof_decl.add(name="value")
        for number, field, kind, repeated, oneof in fields:
            row = message.field.add(
                name=field, number=number, label=_F.LABEL_REPEATED if repeated else _F.LABEL_OPTIONAL
            )
            if kind in _TYPES:
                row.type = _TYPES[kind]
            else:
                row.type, row.type_name = _F.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            if oneof:
                row.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


_CLASSES = _build()
#: Message classes of the payload.
Payload: Any = _CLASSES["Payload"]
Metric: Any = _CLASSES["Metric"]
