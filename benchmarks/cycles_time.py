"""Runs a script in Blender's Python and notes the seconds inside the renderer: `python cycles_time.py FILE SCRIPT ...`.

Needs bpy alone. FILE gets one JSON object: renders, seconds inside them (synchronisation, path tracing, denoising and
writing the picture).
"""

import json
import runpy
import sys
import time
from pathlib import Path

import bpy

found = {"renders": 0, "inside": 0.0}
started = 0.0


@bpy.app.handlers.persistent
def on_init(*_: object) -> None:
    global started
    started = time.perf_counter()


@bpy.app.handlers.persistent
def on_complete(*_: object) -> None:
    found["renders"] += 1
    found["inside"] += time.perf_counter() - started
    report.write_text(json.dumps(found))  # after each, for the script may leave without returning


bpy.app.handlers.render_init.append(on_init)
bpy.app.handlers.render_complete.append(on_complete)
report, script = Path(sys.argv[1]), sys.argv[2]
sys.argv = sys.argv[2:]
sys.path.insert(0, str(Path(script).parent))
runpy.run_path(script, run_name="__main__")
