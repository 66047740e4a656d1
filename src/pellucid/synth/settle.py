"""Physics: lets the objects of a scene fall, and says whether the result is a scene."""

from dataclasses import replace

import numpy as np

from pellucid.synth.drop import Dropped
from pellucid.synth.mesh import Mesh, overlap_thickness, pierces
from pellucid.synth.orbit import camera_poses, intrinsics
from pellucid.synth.shapes import whole_mesh
from pellucid.synth.spec import CameraPath, FixedObject, SceneObject, SceneSpec

STILL = 1e-3  # metres in the last tenth of a second
DEEPEST = 4e-3  # metres that bodies may stand in each other
REACH = 0.55  # metres from the centre beyond which a thing has left the scene
FEWEST = 2
SEEN_SHARE = 0.004  # of the picture, for one object
SCENE_SHARE = 0.035  # of the picture, for all objects
USUAL_FILL = 1.9  # of the camera's path, up to which these hold; less is asked from further off
NEAREST = 0.12  # metres from the camera to anything
RAYS = (27, 48)  # of a coarse picture, rows and columns
VIEWS = 7
SPILL = 0.06  # radians of tilt beyond which a vessel is empty


class Rejected(Exception):
    """A scene that cannot be used: `check` names which test it failed, `detail` says what was found."""

    def __init__(self, check: str, detail: str) -> None:
        super().__init__(f"{check}: {detail}")
        self.check, self.detail = check, detail


def settle(spec: SceneSpec) -> SceneSpec:
    """The spec with its objects at rest and the camera aimed at them; objects that fell off are gone.

    Raises Rejected with check "still moving", "flew off", "interpenetrates", "sinks", "not seen" or "too few left",
    and InputError when MuJoCo is missing (it comes with `pip install 'pellucid[synth]'`).
    """
    world = Dropped(spec)
    objects = _at_rest(spec, world)
    meshes = {item.id: whole_mesh(item.geometry, item.parts).moved(item.pose.matrix) for item in objects}
    _check_standing(objects, meshes, world)
    camera = _aimed(spec.camera, meshes)
    settled = replace(spec, objects=objects, camera=camera, settled=True)
    settled = replace(settled, fixed=_out_of_the_way(settled))
    _check_seen(settled, world)
    return settled


def _at_rest(spec: SceneSpec, world: Dropped) -> tuple[SceneObject, ...]:
    """The objects that are still in the scene, where they lie; vessels that tipped are empty."""
    poses = world.poses()
    kept, moving, fast = [], [], 0.0
    for item, pose, movement in zip(spec.objects, poses, world.movement, strict=True):
        x, y, z = pose.position
        if not np.isfinite(pose.matrix).all() or np.hypot(x, y) > 3 or z > 1.5:
            raise Rejected("flew off", f"object {item.id} ({item.family}) at {x:.2f} {y:.2f} {z:.2f} m")
        if np.hypot(x, y) > REACH or z < -0.02:
            continue  # rolled away or over the edge, as things do
        if movement > STILL:
            moving.append(item.id)
            fast = max(fast, float(movement))
        tilt = float(np.arccos(np.clip(pose.matrix[2, 2], -1, 1)))
        kept.append(replace(item, pose=pose, liquid=item.liquid if tilt < SPILL else None))
    if moving:
        raise Rejected("still moving", f"objects {moving}, up to {fast * 1e3:.1f} mm in a tenth of a second")
    if len(kept) < FEWEST:
        raise Rejected("too few left", f"{len(kept)} of {len(spec.objects)}; the others rolled off")
    return tuple(kept)


def _check_standing(objects: tuple[SceneObject, ...], meshes: dict[int, Mesh], world: Dropped) -> None:
    """Raises Rejected when the surfaces that are rendered stand in each other or in the table."""
    for item in objects:
        lowest = float(meshes[item.id].vertices[:, 2].min())
        if lowest < -DEEPEST:
            raise Rejected("sinks", f"object {item.id} ({item.family}) is {-lowest * 1e3:.1f} mm in the table")
    solids = meshes | {
        f.id: whole_mesh(f.geometry, f.parts).moved(f.pose.matrix)
        for f in world.fixed
        if f.role not in ("table", "wall")
    }
    ids = list(solids)
    for i, a in enumerate(ids):
        for b in ids[i + 1 :]:
            if (a in meshes or b in meshes) and _boxes_meet(solids[a], solids[b]):
                depth = overlap_thickness(solids[a], solids[b])
                if depth > DEEPEST:
                    raise Rejected("interpenetrates", f"{a} and {b} share a piece {depth * 1e3:.1f} mm thick")
                if depth > 0 and pierces(solids[a], solids[b]):
                    raise Rejected("interpenetrates", f"{a} and {b} go through each other")


def _boxes_meet(a: Mesh, b: Mesh) -> bool:
    return bool((a.vertices.min(0) <= b.vertices.max(0)).all() and (b.vertices.min(0) <= a.vertices.max(0)).all())


def _aimed(camera: CameraPath, meshes: dict[int, Mesh]) -> CameraPath:
    """The path round the middle of most objects, as far off as they are wide and never inside them."""
    boxes = np.stack([[m.vertices.min(0), m.vertices.max(0)] for m in meshes.values()])
    middles = boxes.mean(1)
    median = np.median(middles, axis=0)
    away = np.linalg.norm(middles - median, axis=1)
    near = away <= max(0.12, 1.6 * float(np.median(away)))
    centre = middles[near].mean(0)
    far = np.array([np.linalg.norm(m.vertices - centre, axis=1).max() for m in meshes.values()])
    radius = float(np.clip(np.quantile(far[near], 0.75), 0.075, 0.35))
    x, y, z = (float(v) for v in centre)
    keep_out = float(far[near].max()) + NEAREST
    return replace(camera, centre=(x, y, z), radius=radius, keep_out=min(keep_out, 0.6))


def _out_of_the_way(spec: SceneSpec) -> tuple[FixedObject, ...]:
    """What stays, without the things in the background that would stand where the camera passes."""
    eyes = camera_poses(spec.camera, spec.camera.total, spec.resolution[1] / spec.resolution[0])[:, :3, 3]
    kept = []
    for item in spec.fixed:
        if item.role in ("prop", "mirror", "frame"):
            points = whole_mesh(item.geometry, item.parts).moved(item.pose.matrix).vertices
            low, high = points.min(0) - NEAREST, points.max(0) + NEAREST
            if ((eyes > low) & (eyes < high)).all(1).any():
                continue
        kept.append(item)
    if not any(item.role == "mirror" for item in kept):
        kept = [item for item in kept if item.role != "frame"]
    return tuple(kept)


def _check_seen(spec: SceneSpec, world: Dropped) -> None:
    """Raises Rejected unless enough objects, large enough, are in the coarse pictures of some views."""
    H, W = spec.resolution
    rows, columns = RAYS
    K = intrinsics(spec.camera, (rows, columns))
    K[1, 1] = K[0, 0] * (rows / columns) / (H / W)
    v, u = (axis.ravel() for axis in np.mgrid[:rows, :columns])
    rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(u.shape)], 1)
    poses = camera_poses(spec.camera, spec.frames, W / H)
    views = poses[np.unique(np.linspace(0, len(poses) - 1, VIEWS).astype(int))]
    present, taken_away = {item.id for item in spec.objects}, {f.id for f in world.fixed} - {f.id for f in spec.fixed}
    away = spec.camera.fill**2 if spec.camera.fill > USUAL_FILL else 1.0  # as what is seen gets smaller
    shares, seen = [], dict.fromkeys(sorted(present), 0)
    for pose in views:
        ids, distances = world.seen(pose[:3, 3], rays @ pose[:3, :3].T)
        met = (distances > 0) & ~np.isin(ids, list(taken_away))
        if met.any() and float(distances[met].min()) < NEAREST / 2:
            raise Rejected("not seen", f"{ids[met][distances[met].argmin()]} is right before the camera")
        shares.append(float(np.isin(ids, list(present)).mean()))
        for number in seen:
            seen[number] += int((ids == number).mean() > SEEN_SHARE / away)
    visible = sum(times * 2 > len(views) for times in seen.values())
    if visible < FEWEST or float(np.mean(shares)) < SCENE_SHARE / away:
        found = (
            f"{visible} of {len(seen)} objects in view; they take {100 * float(np.mean(shares)):.1f} % of the picture"
        )
        raise Rejected("not seen", found)
