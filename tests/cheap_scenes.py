"""Scenes that cost nothing, for tests of how work is spread: functions that workers of any kind can import."""

import os
import signal
import time
from pathlib import Path

from pellucid.clip import InputError
from pellucid.synth.settle import Rejected

FILES, CHUNK = 6, 2000


def content(seed: int, index: int) -> bytes:
    """What file `index` of a scene holds."""
    return f"{seed} {index} ".encode() * CHUNK


def cheap(seed: int, folder: Path, pause: float = 0.05) -> str:
    """A scene, written file by file with pauses; seeds that end in 3 are rejected. Notes that it began."""
    with (folder.parent / "begun.txt").open("a") as file:
        file.write(f"{seed} {os.getpid()}\n")
    if seed % 10 == 3:
        raise Rejected("not seen", "object 1 fills no pixel")
    for index in range(FILES):
        (folder / f"{index}.bin").write_bytes(content(seed, index))
        time.sleep(pause)
    return "by hand"


def slow(seed: int, folder: Path) -> str:
    """The same, slow enough to be caught at it."""
    return cheap(seed, folder, pause=0.4)


def stuck(seed: int, folder: Path) -> str:
    """Seed 0 is made at once; the others would take minutes."""
    return cheap(seed, folder, pause=60 if seed else 0)


def crashing(seed: int, folder: Path) -> str:
    """Seed 2 kills its worker every time, seed 4 the first time only; seed 6 raises."""
    (folder / "half").write_text("x")
    again = folder.parent / "seen_4"
    if seed == 2 or (seed == 4 and not again.exists()):
        again.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if seed == 6:
        raise RuntimeError("wrong\nin two lines")
    return cheap(seed, folder, pause=0)


def hopeless(seed: int, folder: Path) -> str:
    """Every scene fails."""
    raise RuntimeError(f"nothing works {seed} {folder.name[:0]}")


def full_disk(seed: int, folder: Path) -> str:
    """Seeds 0 and 14 find the disk full."""
    if seed in (0, 14):
        raise InputError(f"{folder.parent}: cannot be written (No space left on device)")
    return cheap(seed, folder, pause=0)
