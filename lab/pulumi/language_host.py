"""The language host for Python: starts the program, policy packs and component packages that the engine asks for.

Owns which interpreter runs them and their environment. The program runs under `pulumi-language-python-exec`, Pulumi's
own script, so nothing here knows how a program registers resources. What it does not offer (code generation,
installation, templates) is answered UNIMPLEMENTED.
Source: pulumi:sdk/python/cmd/pulumi-language-python/main.go, proto/pulumi/language.proto.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import grpc
from google.protobuf import empty_pb2

from lab.pulumi.protocol import language_pb2, language_pb2_grpc, plugin_pb2

VERSION = "0.0.0"
EXECUTOR = "pulumi-language-python-exec"
# The program's own way to say that it has told the user what is wrong (in the executor above).
HAS_TOLD = 32
_DISTRIBUTIONS = (
    "import importlib.metadata, json; "
    "print(json.dumps([[d.metadata['Name'], d.version] for d in importlib.metadata.distributions()]))"
)


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Serves one `pulumi` command. `executor` is the path of Pulumi's script that runs a program."""

    def __init__(self, executor: Path, engine: str) -> None:
        self._executor = executor
        self._engine = engine
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()

    def Handshake(
        self, request: language_pb2.LanguageHandshakeRequest, _context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        """Take the engine's address."""
        self._engine = request.engine_address or self._engine
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, _request: empty_pb2.Empty, _context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """Tell the version."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetRequiredPackages(
        self, _request: language_pb2.GetRequiredPackagesRequest, _context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        """None in advance: each resource names its package's version, and the lab's plugins are in place."""
        return language_pb2.GetRequiredPackagesResponse()

    def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, _context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        """All packages of the program's interpreter, direct or not: `pulumi about` shows them."""
        command = [str(interpreter(request.info)), "-c", _DISTRIBUTIONS]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=name, version=version) for name, version in sorted(found)]
        )

    def About(self, request: language_pb2.AboutRequest, _context: grpc.ServicerContext) -> language_pb2.AboutResponse:
        """The interpreter and its version."""
        python = interpreter(request.info)
        done = subprocess.run([python, "--version"], capture_output=True, text=True, check=True)
        return language_pb2.AboutResponse(executable=str(python), version=done.stdout.split()[-1])

    def Run(self, request: language_pb2.RunRequest, _context: grpc.ServicerContext) -> language_pb2.RunResponse:
        """Run the program to its end. What it prints, the engine reads from this process's own streams."""
        settings = {
            "monitor": request.monitor_address,
            "engine": self._engine,
            "project": request.project,
            "stack": request.stack,
            "pwd": request.info.program_directory or request.pwd,
            "dry_run": "true" if request.dryRun else "false",
            "parallel": str(request.parallel),
            "organization": request.organization,
            "root_directory": request.info.root_directory,
        }
        options = [word for name, value in settings.items() if value for word in (f"--{name}", value)]
        command = [str(interpreter(request.info)), "-u", str(self._executor), *options, request.info.entry_point]
        environ = {
            **os.environ,
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        code = self._start([*command, *request.args], environ, request.pwd).wait()
        if code == HAS_TOLD:
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {code}" if code else "")

    def RunPlugin(
        self, request: language_pb2.RunPluginRequest, _context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Run a policy pack or a component package; its streams, then its exit code."""
        environ = {**os.environ, **dict(entry.split("=", 1) for entry in request.env)}
        command = [str(interpreter(request.info)), "-u", *_plugin(request)]
        process = self._start(command, environ, request.pwd, captured=True)
        said: queue.SimpleQueue[language_pb2.RunPluginResponse | None] = queue.SimpleQueue()
        readers = [
            threading.Thread(target=_read, args=(stream, name, said), daemon=True)
            for stream, name in ((process.stdout, "stdout"), (process.stderr, "stderr"))
            if stream
        ]
        for reader in readers:
            reader.start()
        try:
            for _ in readers:
                while (part := said.get()) is not None:
                    yield part
            yield language_pb2.RunPluginResponse(exitcode=process.wait())
        finally:
            # The engine ends the stream when it needs the plugin no longer.
            process.terminate()

    def Cancel(self, _request: empty_pb2.Empty, _context: grpc.ServicerContext) -> empty_pb2.Empty:
        """End what runs."""
        self.stop()
        return empty_pb2.Empty()

    def stop(self) -> None:
        """End what runs, as Ctrl-C would."""
        with self._lock:
            for process in self._running:
                process.send_signal(signal.SIGTERM)

    def _start(
        self, command: list[str], environ: Mapping[str, str], folder: str, *, captured: bool = False
    ) -> subprocess.Popen[bytes]:
        stream = subprocess.PIPE if captured else None
        child = subprocess.Popen(
            command, env=environ, cwd=folder or None, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
        )
        with self._lock:
            self._running = {process for process in self._running if process.poll() is None} | {child}
        return child


def interpreter(info: language_pb2.ProgramInfo) -> Path:
    """The virtual environment's Python that the project names, else the lab's own, which has the same packages."""
    options = info.options.fields
    if "virtualenv" in options and (folder := options["virtualenv"].string_value):
        python = Path(info.root_directory, folder, "bin", "python")
        if python.exists():
            return python
    return Path(sys.executable)


def _plugin(request: language_pb2.RunPluginRequest) -> list[str]:
    """What of a plugin's folder Python runs: policy packs have a host in the SDK, packages bring their own."""
    folder = request.info.program_directory
    if request.kind == "analyzer":
        return ["-m", "pulumi.policy", *request.args, folder]
    return [folder, *request.args]


def _read(stream: IO[bytes], name: str, said: "queue.SimpleQueue[language_pb2.RunPluginResponse | None]") -> None:
    while part := stream.read1(65536):  # type: ignore[attr-defined] # Popen's pipes are buffered readers
        said.put(language_pb2.RunPluginResponse(**{name: part}))
    said.put(None)
