"""What runs Blender: found, tried, or made; and every way in which that fails is one line that helps."""

import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from pellucid.clip import InputError
from pellucid.synth import environment
from pellucid.synth.environment import BPY, LIBRARIES, find_blender, private_python
from pellucid.synth.launch import blender_arguments

VERSION = BPY.partition("==")[2]

# Takes Blender's arguments and runs the expression, with a bpy of its own, as Blender does.
BLENDER = """#!{python}
import sys, types
assert sys.argv[1:5] == ["--background", "--factory-startup", "--python-exit-code", "1"], sys.argv
bpy = types.ModuleType("bpy")
bpy.app = types.SimpleNamespace(version_string="{version}")
sys.modules["bpy"] = bpy
print("Blender {version} (hash)")
exec(sys.argv[sys.argv.index("--python-expr") + 1])
"""


@pytest.fixture(autouse=True)
def nothing_installed(tmp_path, monkeypatch):
    """No Blender but what a test puts there."""
    monkeypatch.delenv(environment.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "bin").mkdir()


def program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def python_with_bpy(folder: Path, module: str) -> Path:
    """A Python whose bpy is that text."""
    folder.mkdir()
    (folder / "bpy.py").write_text(module)
    return program(folder / "python", f'#!/bin/sh\nPYTHONPATH="{folder}" exec "{sys.executable}" "$@"\n')


def bpy_wheel(folder: Path) -> None:
    """A tiny wheel with the pinned name and version."""
    folder.mkdir()
    info = f"bpy-{VERSION}.dist-info"
    files = {
        "bpy.py": f"import types\napp = types.SimpleNamespace(version_string={VERSION!r})\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: bpy\nVersion: {VERSION}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"bpy-{VERSION}-py3-none-any.whl", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)


def test_a_blender_on_the_path_runs_scripts_as_python_does(tmp_path):
    program(tmp_path / "bin/blender", BLENDER.format(python=sys.executable, version="4.5.3 LTS"))
    blender = find_blender()
    assert blender.description == f"Blender 4.5.3, {tmp_path / 'bin/blender'}"
    (tmp_path / "beside.py").write_text("value = 7")
    script = program(
        tmp_path / "it's a script.py", "import sys, bpy, beside\nprint(sys.argv[1:], beside.value, __name__)"
    )
    output = subprocess.run([*blender.command, script, "a b", '"c'], capture_output=True, text=True, check=True).stdout
    assert output.splitlines()[-1] == """['a b', '"c'] 7 __main__"""
    failing = program(tmp_path / "failing.py", "import sys; sys.exit(3)")
    assert subprocess.run([*blender.command, failing], capture_output=True).returncode == 3


def test_a_python_that_has_bpy_by_option_or_variable(tmp_path, monkeypatch):
    module = "import types; app = types.SimpleNamespace(version_string='4.5.9')"
    python = python_with_bpy(tmp_path / "env", module)
    assert find_blender(str(python)).description == f"bpy 4.5.9, {python}"
    monkeypatch.setenv(environment.VARIABLE, str(python))
    assert find_blender().command[-1] == str(python)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (
            "raise ImportError('libXi.so.6: cannot open shared object file: No such file or directory')",
            f"bpy needs libXi.so.6; install Blender's system libraries: apt-get install {LIBRARIES}",
        ),
        ("import types; app = types.SimpleNamespace(version_string='3.6.1')", "3.6.1 is too old; 4.5 is the oldest"),
        ("raise RuntimeError('numpy is wrong')", "bpy does not work there (RuntimeError: numpy is wrong)"),
        (
            "raise ModuleNotFoundError(\"No module named 'bpy'\")",
            f"has no bpy; install {BPY} into it, and on Debian or Ubuntu `apt-get install {LIBRARIES}`, or leave",
        ),
    ],
)
def test_a_bpy_that_does_not_work_is_one_line(tmp_path, module, words):
    python = python_with_bpy(tmp_path / "env", module)
    with pytest.raises(InputError) as caught:
        find_blender(str(python))
    assert words in str(caught.value)
    assert str(python) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_program_and_no_python_for_bpy(monkeypatch):
    with pytest.raises(InputError, match="nowhere: no such program"):
        find_blender("nowhere")
    monkeypatch.setattr(environment, "PYTHON", "2.7")
    with pytest.raises(InputError, match=r"neither a blender on the PATH nor a Python 2\.7"):
        find_blender()


@pytest.mark.slow
def test_the_private_environment_is_made_once_with_the_pinned_bpy(tmp_path, monkeypatch):
    bpy_wheel(tmp_path / "wheels")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    python = private_python(sys.executable)
    made = python.stat().st_mtime_ns
    assert [p.name for p in (tmp_path / "cache/pellucid").iterdir()] == [f"bpy-{VERSION}"]
    monkeypatch.setattr(environment, "PYTHON", f"{sys.version_info[0]}.{sys.version_info[1]}")
    assert find_blender().description == f"bpy {VERSION}, {python}"
    assert private_python(sys.executable).stat().st_mtime_ns == made


@pytest.mark.slow
def test_an_environment_that_cannot_be_made_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with pytest.raises(InputError, match=f"with {BPY} cannot be made .*No matching distribution"):
        private_python(sys.executable)
    assert list((tmp_path / "cache/pellucid").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_blender_ends_when_its_worker_is_killed():
    sleeper = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    worker = (
        "import subprocess, sys; from pellucid.synth.environment import _LAUNCH\n"
        f"subprocess.run([*_LAUNCH, sys.executable, '-c', {sleeper!r}])"
    )
    with subprocess.Popen([sys.executable, "-c", worker], stdout=subprocess.PIPE, text=True) as process:
        blender = int(process.stdout.readline())
        process.kill()
    for _ in range(100):
        stat = Path(f"/proc/{blender}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.1)
    pytest.fail("Blender lives on")


def test_code_is_given_to_blender_with_its_arguments():
    *_, code = blender_arguments("blender", "-c", ["import sys; found = sys.argv", "x"])
    scope = {}
    arguments = sys.argv
    try:
        exec(code, scope)
    finally:
        sys.argv = arguments
    assert scope["found"] == ["-c", "x"]
