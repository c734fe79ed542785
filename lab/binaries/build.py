"""Builds a recipe's programs into the cache: visibly, once, and again from where it stopped when it was interrupted.

Owns the lock, the folder that appears whole or not at all, the progress and the sentences. What is downloaded and
compiled is kept in Go's own caches, so an interrupted build goes on where it was.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.binaries.recipes import Recipe
from lab.binaries.toolchain import Go, find_go
from lab.home import LabError, cache_folder
from lab.progress import Progress

GIB = 1024**3
NO_SPACE = "no space left on device"
NO_NETWORK = (
    "dial tcp",
    "no such host",
    "i/o timeout",
    "connection refused",
    "network is unreachable",
    "TLS handshake",
    "proxyconnect",
    "module lookup disabled",
    "context deadline exceeded",
    "unexpected EOF",
)
# Nobody debugs these programs with DWARF, and leaving it out saves a tenth of the compile time.
FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false")


def bin_folder() -> Path:
    """The folder in the cache with one folder a recipe."""
    folder = cache_folder() / "bin"
    folder.mkdir(exist_ok=True)
    return folder


def log_file(key: str) -> Path:
    """An empty file that takes what Go says while `key` is made."""
    folder = cache_folder() / "logs"
    folder.mkdir(exist_ok=True)
    file = folder / f"{key}.log"
    file.write_text("")
    return file


def built(recipe: Recipe) -> Path | None:
    """The folder with the recipe's programs, or None where they have not been built."""
    folder = bin_folder() / recipe.key
    return folder if folder.is_dir() else None


def build(recipe: Recipe, progress: Progress) -> Path:
    """Build the recipe's programs unless they are there, and return their folder.

    Two labs that build at once: one builds, the other waits and takes what it made.

    Raises:
        LabError: no Go, no network, no space, or the build failed; the sentence names the log.
    """
    with locked(recipe.key, _listed(recipe), progress):
        if folder := built(recipe):
            return folder
        return Build(recipe, find_go(recipe.oldest_go, _listed(recipe), progress), progress).run()


class Build:
    """One run of a recipe, with the lock held."""

    def __init__(self, recipe: Recipe, go: Go, progress: Progress) -> None:
        self._recipe = recipe
        self._go = go
        self._progress = progress
        self._log = log_file(recipe.key)

    def run(self) -> Path:
        """Check the space, download, compile, and move the result into place."""
        began = time.monotonic()
        self._check_space()
        self._progress.step(
            f"building {_listed(self._recipe)} {self._recipe.version} (once, {about(self._recipe)}; log: {self._log})"
        )
        try:
            prefix = f".build-{self._recipe.name}-"
            for left_behind in bin_folder().glob(f"{prefix}*"):
                # Of a build that was killed: the lock is ours, so nobody works in it.
                shutil.rmtree(left_behind)
            with tempfile.TemporaryDirectory(prefix=prefix, dir=bin_folder()) as scratch:
                output = Path(scratch, "programs")
                output.mkdir()
                source = self._source(Path(scratch))
                self._compile(source, output)
                self._copy(source, output)
                folder = bin_folder() / self._recipe.key
                output.rename(folder)
        except OSError as error:
            raise LabError(
                f"Building {_listed(self._recipe)} failed on {error.filename or bin_folder()} ({error.strerror}): "
                "free space or fix the folder's rights, then run the command again; it goes on where it stopped."
            ) from error
        self._progress.step(f"built {_listed(self._recipe)} in {time.monotonic() - began:.0f} s")
        return folder

    def _source(self, scratch: Path) -> Path:
        """The folder to build in: the committed module, or a copy of the upstream module with our files in place."""
        if not self._recipe.replaced:
            return self._recipe.sources
        self._progress.update(f"downloading {self._recipe.module}")
        upstream = download(self._recipe, self._go, self._log)
        copy = scratch / "source"
        # Copied file by file as new files: the module cache is read-only, and its modes would come along.
        shutil.copytree(upstream, copy, copy_function=shutil.copyfile, ignore=shutil.ignore_patterns("docs", "assets"))
        for folder, _, _ in os.walk(copy):
            Path(folder).chmod(0o755)
        for place, ours in self._recipe.replaced.items():
            shutil.copyfile(self._recipe.sources / ours, copy / place)
        return copy

    def _compile(self, source: Path, output: Path) -> None:
        packages = list(self._recipe.programs.values())
        listed = self._follow(["list", "-mod=readonly", "-deps", *packages], source, "{modules} modules downloaded")
        flags = [*FLAGS, f"-ldflags={self._recipe.ldflags}", "-v", "-o", f"{output}{os.sep}"]
        self._follow(["build", *flags, *packages], source, f"{{packages}} packages compiled of at most {listed}")

    def _copy(self, source: Path, output: Path) -> None:
        """Put the recipe's scripts beside its programs."""
        for name, (module, file) in self._recipe.copied.items():
            folder = self._go.run(["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module], source)
            shutil.copyfile(Path(folder, file), output / name)
            (output / name).chmod(0o755)

    def _follow(self, arguments: list[str], folder: Path, shown: str) -> int:
        """Run go, show how far it is and keep what it says in the log; returns the number of packages it named."""
        modules, packages = 0, 0
        with self._log.open("a") as log:
            log.write(f"$ go {' '.join(arguments)}\n")
            with _running(self._go, arguments, folder) as process:
                for line in process.stdout or ():
                    log.write(line)
                    modules += line.startswith("go: downloading ")
                    packages += not line.startswith("go: ")
                    self._progress.update(f"{self._recipe.name}: {shown.format(modules=modules, packages=packages)}")
        if process.returncode != 0:
            raise _failure(self._recipe, self._log)
        return packages

    def _check_space(self) -> None:
        """Fail before the download where the disk is known to be too small."""
        places = {bin_folder(), Path(self._go.variable("GOCACHE")), Path(self._go.variable("GOMODCACHE"))}
        for place in places:
            existing = next(folder for folder in (place, *place.parents) if folder.exists())
            free = shutil.disk_usage(existing).free / GIB
            if free < self._recipe.gigabytes:
                raise LabError(
                    f"Building {_listed(self._recipe)} needs {self._recipe.gigabytes:.1f} GiB free in {place}, where "
                    f"{free:.1f} GiB are left: free some, or set RHSI_CACHE, GOCACHE and GOMODCACHE to folders on a "
                    "larger disk."
                )


def download(recipe: Recipe, go: Go, log: Path) -> Path:
    """The folder of the recipe's module in Go's module cache, downloaded where it is not there.

    Raises:
        LabError: the module cannot be downloaded.
    """
    command = [str(go.path), "mod", "download", "-json", f"{recipe.module}@{recipe.version}"]
    # Outside any module, so that no go.mod has a say.
    done = subprocess.run(command, env=go.environ, cwd=bin_folder(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        with log.open("a") as file:
            file.write(f"$ go mod download {recipe.module}@{recipe.version}\n{done.stdout}{done.stderr}")
        raise _failure(recipe, log)
    return Path(json.loads(done.stdout)["Dir"])


def _failure(recipe: Recipe, log: Path) -> LabError:
    """The sentence for what the log's end says."""
    lines = [line for line in log.read_text().splitlines() if line.strip()]
    text = "\n".join(lines[-40:])
    last = lines[-1].strip()
    if NO_SPACE in text.lower():
        return LabError(
            f"Building {_listed(recipe)} filled the disk ({last}): free {recipe.gigabytes:.1f} GiB, or set RHSI_CACHE, "
            "GOCACHE and GOMODCACHE to folders on a larger disk, then run the command again."
        )
    if any(sign in text for sign in NO_NETWORK):
        return LabError(
            f"The Go modules of {_listed(recipe)} cannot be downloaded ({last}): check the network and Go's proxy "
            "settings (`go env`), then run the command again; what was downloaded is kept."
        )
    return LabError(f"Building {_listed(recipe)} {recipe.version} failed ({last}); the whole output is in {log}.")


def about(*recipes: Recipe) -> str:
    """How long builds from nothing take, in words."""
    return f"about {sum(recipe.minutes for recipe in recipes):.0f} min on two cores"


def _listed(recipe: Recipe) -> str:
    return " and ".join(recipe.programs) or recipe.module


@contextmanager
def locked(key: str, what: str, progress: Progress) -> Iterator[None]:
    """Held while something is put into the cache; the system lets go of it when the process ends, however it ends."""
    with (bin_folder() / f".{key}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.step(f"another lab is building {what}: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _running(go: Go, arguments: list[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Go in a process group of its own, so that an interrupted build takes its compilers along."""
    process = subprocess.Popen(
        [go.path, *arguments],
        cwd=folder,
        env=go.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    with process:
        try:
            yield process
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise
