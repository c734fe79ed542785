"""Pulumi's protocol: the generated gRPC modules that the wheel `pulumi` ships, without the SDK around them.

Importing them by their own name runs the SDK's `__init__` first, which takes most of a second of every start. Here the
generated modules get a bare package as their parent; they import one another relatively.
"""

import importlib
import importlib.util
import sys
import types
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulumi.runtime.proto import (
        engine_pb2,
        engine_pb2_grpc,
        language_pb2,
        language_pb2_grpc,
        plugin_pb2,
        provider_pb2,
        provider_pb2_grpc,
        status_pb2,
    )
else:
    _NAME = f"{__name__}_generated"
    _sdk = importlib.util.find_spec("pulumi")
    _package = types.ModuleType(_NAME)
    _package.__path__ = [f"{_sdk.submodule_search_locations[0]}/runtime/proto"]
    sys.modules[_NAME] = _package

    def _generated(module: str) -> types.ModuleType:
        return importlib.import_module(f"{_NAME}.{module}")

    plugin_pb2 = _generated("plugin_pb2")
    status_pb2 = _generated("status_pb2")
    engine_pb2, engine_pb2_grpc = _generated("engine_pb2"), _generated("engine_pb2_grpc")
    language_pb2, language_pb2_grpc = _generated("language_pb2"), _generated("language_pb2_grpc")
    provider_pb2, provider_pb2_grpc = _generated("provider_pb2"), _generated("provider_pb2_grpc")

__all__ = [
    "engine_pb2",
    "engine_pb2_grpc",
    "language_pb2",
    "language_pb2_grpc",
    "plugin_pb2",
    "provider_pb2",
    "provider_pb2_grpc",
    "status_pb2",
]
