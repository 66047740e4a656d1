"""A user's own models: found in a folder, checked, counted, read.

.glb, .gltf and .obj are read here; .blend by the Blender process, which turns them into .glb beside a cache.
"""

import hashlib
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from pellucid.clip import InputError
from pellucid.store import atomic
from pellucid.synth.geometry import StaticMesh
from pellucid.synth.mesh import Mesh

READABLE = (".glb", ".gltf", ".obj")
ENDINGS = (*READABLE, ".blend")
LARGEST, SMALLEST = 5.0, 0.005  # metres; other files are not in metres, and are scaled anyway
TABLE_SIZES = (0.05, 0.25)  # what is on a table is no larger


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One usable model: where it lies and its longest side in metres, as it is on a table."""

    path: Path
    sha256: str
    size: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """What a folder holds. `report` is one line: how many of each kind, which were left out and which were scaled."""

    usable: tuple[Asset, ...]
    report: str


def find_assets(folder: Path, blender: Sequence[str] = (), cache: Path | None = None) -> Assets:
    """The models under a folder that are closed surfaces, in a fixed order.

    `blender` is the command of a Python with bpy, `cache` a folder outside this one for what it makes of .blend files.
    Raises InputError when the folder is missing, holds no model or none that is closed, or a file cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; assets are a folder of {', '.join(ENDINGS)} files")
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in ENDINGS)
    if not files:
        raise InputError(f"{folder}: holds no model; allowed are {', '.join(ENDINGS)}")
    usable: list[Asset] = []
    open_ones: list[str] = []
    scaled: list[str] = []
    kinds = dict.fromkeys(ENDINGS, 0)
    for path in files:
        readable = _converted(path, blender, cache) if path.suffix.lower() == ".blend" else path
        mesh = _read(readable)
        kinds[path.suffix.lower()] += 1
        if not mesh.closed:
            open_ones.append(path.name)
            continue
        longest = float(np.ptp(mesh.vertices, axis=0).max())
        in_metres = SMALLEST <= longest <= LARGEST
        size = float(np.clip(longest if in_metres else TABLE_SIZES[1] / 2, *TABLE_SIZES))
        if size != longest:
            scaled.append(path.name)
        usable.append(Asset(path=readable.resolve(), sha256=_sha256(readable), size=size))
    counted = ", ".join(f"{n} {kind}" for kind, n in kinds.items() if n)
    report = f"{folder}: {counted}; {len(usable)} usable"
    if open_ones:
        report += f"; left out, surface not closed: {', '.join(open_ones)}"
    if scaled:
        low, high = (round(100 * side) for side in TABLE_SIZES)
        report += f"; scaled to {low} to {high} cm: {', '.join(scaled)}"
    if not usable:
        raise InputError(f"{report}; close the surfaces, or leave these models out")
    return Assets(usable=tuple(usable), report=report)


@lru_cache(maxsize=64)
def read_asset(shape: StaticMesh) -> Mesh:
    """The model, scaled, centred, standing on z = 0. Raises InputError when it is gone, changed or unreadable."""
    path = Path(shape.path)
    if not path.is_file() or _sha256(path) != shape.sha256:
        raise InputError(f"{path}: missing, or not the file that the scene was sampled with; put it back")
    mesh = _read(path)
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    centre = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    return Mesh(vertices=(mesh.vertices - centre) * (shape.size / (high - low).max()), triangles=mesh.triangles)


def _read(path: Path, named: Path | None = None) -> Mesh:
    """The surface in a file; errors name `named` where the user knows it by another name."""
    named = named or path
    try:
        import trimesh
    except ImportError as error:
        raise InputError("trimesh is missing; `pip install 'pellucid[synth]'` brings it") from error
    try:
        loaded = trimesh.load_mesh(str(path), process=False)
    except Exception as error:  # trimesh lets through whatever its readers raise
        raise InputError(
            f"{named}: cannot be read as a model ({type(error).__name__}: {error})".splitlines()[0]
        ) from error
    if len(getattr(loaded, "faces", ())) == 0:
        raise InputError(f"{named}: holds no surface; allowed are models with triangles")
    merged = trimesh.Trimesh(loaded.vertices, loaded.faces, process=False)
    merged.merge_vertices(merge_tex=True, merge_norm=True)
    merged.update_faces(merged.nondegenerate_faces())
    trimesh.repair.fix_normals(merged)
    vertices = np.asarray(merged.vertices, np.float64)
    if path.suffix.lower() != ".obj":  # glTF's y is up
        vertices = np.stack([vertices[:, 0], -vertices[:, 2], vertices[:, 1]], 1)
    return Mesh(vertices=vertices, triangles=np.asarray(merged.faces, np.int32))


def _converted(path: Path, blender: Sequence[str], cache: Path | None) -> Path:
    """The .glb that Blender makes of a .blend, made once. Nothing is written when it cannot."""
    if not blender or cache is None:
        raise InputError(f"{path}: .blend files need Blender; give the Python that has bpy, or export a .glb")
    target = cache / f"{path.stem}.{_sha256(path)[:12]}.glb"
    if target.exists():
        return target
    script = Path(__file__).with_name("blender_render.py")
    with tempfile.TemporaryDirectory(prefix="pellucid-") as folder:
        made = Path(folder) / "model.glb"
        command = [*blender, str(script), "--convert", str(path), str(made)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not made.exists():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1].removeprefix("error: ")
            raise InputError(f"{path}: Blender cannot read it ({last})")
        _read(made, named=path)
        with atomic(target) as temporary:
            temporary.write_bytes(made.read_bytes())
    return target


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
