"""A Blender process at work: what it says, and what it dies of."""

import json
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pellucid.clip import InputError

Device = Literal["auto", "cpu", "optix", "cuda"]
SCRIPT = Path(__file__).with_name("blender_render.py")


class BlenderFailed(RuntimeError):
    """The Blender process crashed, ran out of time or wrote nothing; the message is one line with its last words."""


def device_here(blender: Sequence[str], wanted: Device) -> str:
    """What renders on this machine, such as "cpu, denoised by OIDN".

    Raises InputError when what is wanted is not there, or when Blender dies of the question, as with some drivers.
    """
    try:
        (message,) = messages(blender, ["--device", wanted])
    except BlenderFailed as error:
        raise InputError(f"--device {wanted}: {error}; try again, --device cpu, or a newer driver") from error
    return str(message["device"])


def messages(blender: Sequence[str], arguments: Sequence[str], seconds: float = 0.0) -> Iterator[dict[str, Any]]:
    """What the process says, line by line. Raises as `render_scene` does; ends the process when it is left early."""
    command = [*blender, str(SCRIPT), *arguments]
    with tempfile.TemporaryFile("w+") as words:
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=words, text=True)
        except OSError as error:
            raise InputError(f"{command[0]}: cannot be started ({error.strerror}); name a Python with bpy") from error
        timer = threading.Timer(seconds, process.kill) if seconds else None
        try:
            if timer:
                timer.start()
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("{"):  # a Blender says its name first
                    yield json.loads(line)
            status = process.wait()
        finally:
            late = timer is not None and not timer.is_alive()
            if timer:
                timer.cancel()
            if process.poll() is None:
                process.kill()
                process.wait()
        if status:
            words.seek(0)
            lines = [line.strip() for line in words if line.strip()] or ["no message"]
            errors = [line.partition("error: ")[2] for line in lines if line.startswith("error: ")]
            if status == 2 and errors:
                raise InputError(errors[-1])
            reason = f"took more than {seconds:g} s" if late else f"ended with status {status}"
            raise BlenderFailed(f"Blender {reason}: {(errors or lines)[-1]}")
