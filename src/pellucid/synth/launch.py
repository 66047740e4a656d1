"""Starts Blender's Python so that it ends with its parent: a killed worker leaves no Blender behind.

Run as a file, with the standard library alone:
    python launch.py PYTHON SCRIPT ARGUMENT...             a Python that has bpy
    python launch.py --blender BLENDER SCRIPT ARGUMENT...  Blender itself, which then takes a script as Python does
"""

import ctypes
import os
import signal
import sys

_SET_PARENT_DEATH_SIGNAL = 1  # of Linux's prctl; the setting survives exec


def end_with_parent() -> None:
    """This process is killed when the one that started it ends, however that ends. On Linux; elsewhere it lives on."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the setting
        os.kill(os.getpid(), signal.SIGKILL)


def blender_arguments(blender: str, script: str, arguments: list[str]) -> list[str]:
    """The command by which Blender runs a script (or -c CODE) as Python would, with `arguments` in sys.argv."""
    if script == "-c":
        code, arguments = arguments[0], ["-c", *arguments[1:]]
    else:
        code = f"import os, runpy; sys.path.insert(0, os.path.dirname({script!r})); "
        code += f"runpy.run_path({script!r}, run_name='__main__')"
        arguments = [script, *arguments]
    code = f"import sys; sys.argv = {arguments!r}\n{code}"
    return [blender, "--background", "--factory-startup", "--python-exit-code", "1", "--python-expr", code]


def main(arguments: list[str]) -> None:
    """Becomes the program."""
    if arguments[0] == "--blender":
        arguments = blender_arguments(arguments[1], arguments[2], arguments[3:])
    end_with_parent()
    os.execvp(arguments[0], arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
