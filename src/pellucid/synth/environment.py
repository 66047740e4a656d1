"""What runs Blender: one that is installed, a Python that has `bpy`, or a private environment made on first use.

Blender's module wants another numpy than this package, so it never shares our process or our environment.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from pellucid.clip import InputError
from pellucid.store import Lock

BPY = "bpy==4.5.15"  # a wheel for Python 3.11, of a release with long support
PYTHON = "3.11"
OLDEST = (4, 5)
LIBRARIES = "libxi6 libxxf86vm1 libxfixes3 libxkbcommon0 libgl1 libsm6 libegl1"  # Debian's and Ubuntu's names
VARIABLE = "PELLUCID_BLENDER"

_PROBE = "import bpy; print('bpy', bpy.app.version_string, flush=True)"
_LAUNCH = (sys.executable, str(Path(__file__).with_name("launch.py")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Blender:
    """A command that takes what Python takes (a script and its arguments) and has `bpy`; and how to say so."""

    command: list[str]
    description: str  # such as "bpy 4.5.15 in .../python"


def find_blender(choice: str | None = None) -> Blender:
    """What runs Blender here: `choice`, else $PELLUCID_BLENDER, else `blender` on the PATH, else this Python if it has
    bpy, else the private environment, made if it is not there.

    `choice` is a Blender (a program whose name begins so) or a Python.
    Raises InputError when it does not work, naming the system libraries when it is those that lack.
    """
    choice = choice or os.environ.get(VARIABLE)
    if choice:
        path = shutil.which(choice)
        if path is None:
            raise InputError(f"{choice}: no such program; name a blender, or a Python {PYTHON} that has bpy")
        return _probed(path)
    if path := shutil.which("blender"):
        return _probed(path)
    if importlib.util.find_spec("bpy"):
        return _probed(sys.executable)
    return _probed(str(private_python()))


def private_python(base: str | None = None) -> Path:
    """The Python of the private environment in the user's cache, made on first use with the pinned bpy.

    `base` is the Python to make it with, by default a Python 3.11 that is found. One process makes it, others wait.
    Raises InputError when there is none, or when pip fails.
    """
    folder = _cache() / BPY.replace("==", "-")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    folder.parent.mkdir(parents=True, exist_ok=True)
    while not python.exists():
        try:
            lock = Lock(folder.with_suffix(".lock"))
        except InputError:  # another process is at it
            time.sleep(1)
            continue
        try:
            if not python.exists():
                _make(folder, base or _base_python())
        finally:
            lock.release()
    return python


def _make(folder: Path, base: str) -> None:
    print(f"making a private environment for Blender in {folder}: {BPY}, about 350 MB to download", file=sys.stderr)
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        _run([base, "-m", "venv", str(part)])
        python = part / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        _run([str(python), "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check", BPY])
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _run(command: list[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        lines = (result.stderr or result.stdout).strip().splitlines() or [f"exit status {result.returncode}"]
        last = next((line for line in reversed(lines) if "error" in line.lower()), lines[-1])
        raise InputError(
            f"the private environment with {BPY} cannot be made ({' '.join(last.split())[:300]}); check the network, "
            f"or name a blender, or a Python {PYTHON} that has bpy, with --blender or {VARIABLE}"
        )


def _base_python() -> str:
    """A Python 3.11: this one, or one on the PATH."""
    if sys.version_info[:2] == tuple(map(int, PYTHON.split("."))):
        return sys.executable
    if path := shutil.which(f"python{PYTHON}"):
        return path
    raise InputError(
        f"no bpy: neither a blender on the PATH nor a Python {PYTHON} to make an environment with {BPY}; install one "
        f"of them, or name it with --blender or {VARIABLE}"
    )


def _probed(program: str) -> Blender:
    """The command of a program, tried. Raises InputError when it has no bpy that works."""
    is_blender = Path(program).name.lower().startswith("blender")
    command = [*_LAUNCH, *(["--blender"] if is_blender else []), program]
    try:
        result = subprocess.run([*command, "-c", _PROBE], capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired as error:
        raise InputError(f"{program}: does not answer; name another with --blender or {VARIABLE}") from error
    found = re.search(r"^bpy (\d+)\.(\d+)\S*", result.stdout, re.MULTILINE)
    if found is None:
        raise InputError(f"{program}: {_why(result.stderr + result.stdout)}")
    if (int(found[1]), int(found[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise InputError(f"{program}: {found[0]} is too old; {oldest} is the oldest that works, set {VARIABLE} to one")
    kind = found[0].replace("bpy", "Blender") if is_blender else found[0]
    return Blender(command=command, description=f"{kind}, {program}")


def _why(output: str) -> str:
    """What an attempt to import bpy died of, as advice."""
    if missing := re.search(r"([\w.+-]+\.so[.\d]*): cannot open shared object file", output):
        return f"bpy needs {missing[1]}; install Blender's system libraries: apt-get install {LIBRARIES}"
    if "No module named 'bpy'" in output:
        return (
            f"has no bpy; install {BPY} into it, and on Debian or Ubuntu `apt-get install {LIBRARIES}`, or leave the "
            "choice to pellucid[synth], which makes an environment"
        )
    lines = output.strip().splitlines() or ["it said nothing"]
    return f"bpy does not work there ({' '.join(lines[-1].split())[:300]}); name another with --blender or {VARIABLE}"


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "pellucid"
