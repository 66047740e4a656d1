"""The raw float32 record of a prediction while it grows: kill the process at any moment, and go on."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import Float32
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from pellucid.clip import InputError

from ._atomic import atomic, disk_errors, sync
from ._lock import Lock

_VALUES, _STATE, _LOCK = "recording.f32", "recording.state", "recording.lock"
_FORMAT = "1"


class Recording:
    """Frames appended to `folder`, and a state checkpointed with them; constant memory.

    `key` names everything the frames depend on (input, settings, weights, version): what an earlier run with another
    key, or another `tail` (the shape of one frame), left is wiped. What the same key left is kept up to its last
    checkpoint.
    Raises InputError when another process writes to the folder, the disk is full or the folder cannot be written.
    """

    num_frames: int  # that the last checkpoint made durable
    state: dict[str, np.ndarray]  # as of the last checkpoint; empty when new
    meta: dict[str, Any]

    def __init__(self, folder: Path, key: str, tail: tuple[int, ...]) -> None:
        self._folder, self._key, self._tail = folder, key, tail
        self._frame_bytes = 4 * int(np.prod(tail))
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = Lock(folder / _LOCK)
            try:
                self._restore()
                if not self.num_frames:  # first the state, so that it never vouches for values that follow
                    (folder / _STATE).unlink(missing_ok=True)
                    sync(folder)
                # Unbuffered: what a full disk refused is not tried again on closing.
                self._file = (folder / _VALUES).open("r+b" if self.num_frames else "w+b", buffering=0)
                self._file.truncate(self.num_frames * self._frame_bytes)
            except BaseException:
                self._lock.release()
                raise
        self._appended = self.num_frames

    def append(self, frames: Float32[np.ndarray, "n ..."]) -> None:
        """Adds frames after the last. They count only from the next checkpoint on."""
        if frames.shape[1:] != self._tail:
            raise ValueError(f"frames of shape {frames.shape[1:]} for a recording of {self._tail}")
        with disk_errors(self._folder):
            self._file.seek(self._appended * self._frame_bytes)
            rest = np.ascontiguousarray(frames, "<f4").reshape(-1).view(np.uint8).data
            while rest:  # one call writes at most 2 GB
                rest = rest[self._file.write(rest) :]
        self._appended += len(frames)

    def checkpoint(self, state: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
        """Makes all frames so far durable, together with what is needed to go on (`meta` must fit in JSON)."""
        header = {
            "format": _FORMAT,
            "key": self._key,
            "tail": json.dumps(self._tail),
            "num_frames": str(self._appended),
            "meta": json.dumps(meta),
        }
        # safetensors writes the memory of an array as it lies: only C order is right.
        tensors = {name: np.array(array, order="C") for name, array in state.items()}
        with disk_errors(self._folder):
            os.fsync(self._file.fileno())
        with atomic(self._folder / _STATE) as temporary:
            temporary.write_bytes(save(tensors, metadata=header))
        self.num_frames, self.state, self.meta = self._appended, tensors, json.loads(header["meta"])

    def read(self, start: int, stop: int) -> Float32[np.ndarray, "n ..."]:
        """Frames from `start` up to but not including `stop`, of all that were appended."""
        if not 0 <= start <= stop <= self._appended:
            raise ValueError(f"frames {start} to {stop} asked of a recording of {self._appended}")
        self._file.seek(start * self._frame_bytes)
        values = np.empty((stop - start, *self._tail), "<f4")
        rest = values.reshape(-1).view(np.uint8).data
        while rest:
            count = self._file.readinto(rest)
            if not count:
                raise InputError(f"{self._folder / _VALUES}: was cut off by another program; start again")
            rest = rest[count:]
        return values.astype(np.float32, copy=False)

    def chunks(self, n: int = 16) -> Iterator[Float32[np.ndarray, "n ..."]]:
        """All appended frames, at most `n` at a time."""
        for start in range(0, self._appended, n):
            yield self.read(start, min(start + n, self._appended))

    def close(self) -> None:
        """Ends the use of the folder; frames after the last checkpoint are forgotten."""
        self._file.close()
        self._lock.release()

    def discard(self) -> None:
        """Closes and removes the record, and the folder if nothing else is in it."""
        self._file.close()
        (self._folder / _STATE).unlink(missing_ok=True)  # first: values without a state are nothing
        (self._folder / _VALUES).unlink(missing_ok=True)
        self._lock.release()
        if not any(self._folder.iterdir()):
            self._folder.rmdir()

    def __enter__(self) -> "Recording":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _restore(self) -> None:
        """Takes up the last checkpoint, if it is one of this key and its frames are there."""
        self.num_frames, self.state, self.meta = 0, {}, {}
        values, path = self._folder / _VALUES, self._folder / _STATE
        if not (values.exists() and path.exists()):
            return
        try:
            with safe_open(path, framework="np") as file:
                header = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except SafetensorError:
            return
        expected = (_FORMAT, self._key, json.dumps(self._tail))
        if (header.get("format"), header.get("key"), header.get("tail")) != expected:
            return
        num_frames = int(header["num_frames"])
        if values.stat().st_size >= num_frames * self._frame_bytes:
            self.num_frames, self.state, self.meta = num_frames, tensors, json.loads(header["meta"])
