"""The scene as MuJoCo simulates it, with a free-flying hand: touched by convex parts, seen by the rendered surfaces."""

from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int32

from pellucid.grasp.hand import HAND, Hand
from pellucid.synth.drop import add_parts, load_mujoco
from pellucid.synth.shapes import build_mesh
from pellucid.synth.spec import FixedObject, SceneObject, SceneSpec

# Elliptic cones, impratio and noslip keep what is held from creeping: 0.05 mm in five seconds, where the defaults drop
# things (docs/grasp.md).
HAND_XML = """
<mujoco model="grasp">
  <compiler angle="radian" autolimits="true"/>
  <option timestep="0.002" integrator="implicitfast" cone="elliptic" impratio="10" noslip_iterations="3"
    iterations="60"/>
  <default>
    <default class="pad">
      <geom type="box" friction="0.8 0.01 0.0002" condim="4" solref="0.004 1" solimp="0.95 0.99 0.001" density="1000"
        contype="1" conaffinity="3" group="4"/>
    </default>
  </default>
  <worldbody>
    <geom name="table" type="box" pos="0 0 -0.02" size="0.6 0.6 0.02" friction="0.6 0.005 0.0001" condim="4"
      solref="0.004 1" contype="2" conaffinity="0" group="3"/>
    <body name="target" mocap="true" pos="0 0 2"/>
    <body name="hand" pos="0 0 2" gravcomp="1">
      <freejoint name="hand"/>
      <geom name="palm" type="box" pos="-{palm_x} 0 0" size="{palm_x} {palm_y} {palm_z}" mass="0.6" friction="0.5"
        contype="1" conaffinity="3" group="4"/>
      <body name="left" gravcomp="1">
        <joint name="left" type="slide" axis="0 1 0" range="0 {half_opening}" armature="0.05" damping="8"/>
        <geom name="left pad" class="pad" pos="{half_length} {half_thickness} 0"
          size="{half_length} {half_thickness} {half_width}"/>
      </body>
      <body name="right" gravcomp="1">
        <joint name="right" type="slide" axis="0 -1 0" range="0 {half_opening}" armature="0.05" damping="8"/>
        <geom name="right pad" class="pad" pos="{half_length} -{half_thickness} 0"
          size="{half_length} {half_thickness} {half_width}"/>
      </body>
    </body>
  </worldbody>
  <contact><exclude body1="hand" body2="left"/><exclude body1="hand" body2="right"/></contact>
  <equality>
    <weld name="carrier" body1="target" body2="hand" solref="0.01 1" solimp="0.95 0.99 0.001" torquescale="0.2"/>
    <joint joint1="left" joint2="right" solref="0.005 1"/>
  </equality>
  <actuator>
    <position name="jaws" joint="left" kp="2000" kv="40" ctrlrange="-0.01 {half_opening}"
      forcerange="-{force} {force}"/>
  </actuator>
</mujoco>
"""
OPAQUE, CLEAR, SOLID, HANDS = 0, 1, 3, 4  # groups of geoms: two that are seen, two that touch
CLOSED = -0.01  # where the jaws are sent to close: beyond each other, so that they press


class Arena:
    """A settled scene and a hand. Positions are in the scene's world frame, metres."""

    def __init__(self, spec: SceneSpec, hand: Hand = HAND) -> None:
        self.mujoco = load_mujoco()
        self.spec, self.hand = spec, hand
        self.model = self._model(spec)
        self.data = self.mujoco.MjData(self.model)
        self._begin = np.zeros(self.mujoco.mj_stateSize(self.model, self._everything))
        self.mujoco.mj_getState(self.model, self.data, self._begin, self._everything)
        self.ids = np.array([self._id(geom) for geom in range(self.model.ngeom)])  # of each geom's body; 0 the hand
        self.pads = frozenset(self.model.geom(name).id for name in ("left pad", "right pad"))
        self.hand_geoms = self.pads | {self.model.geom("palm").id}
        self.reset()

    @property
    def _everything(self) -> int:
        return int(self.mujoco.mjtState.mjSTATE_INTEGRATION)

    def reset(self) -> None:
        """Everything as it was at first, bit by bit."""
        self.mujoco.mj_setState(self.model, self.data, self._begin, self._everything)
        self.mujoco.mj_forward(self.model, self.data)

    def put_hand(self, rotation: Float64[np.ndarray, "3 3"], position: Float64[np.ndarray, " 3"], gap: float) -> None:
        """Sets the hand down somewhere at once, its jaws open by `gap` metres."""
        self.aim_hand(rotation, position)
        at = self.model.joint("hand").qposadr[0]
        self.data.qpos[at : at + 3], self.data.qpos[at + 3 : at + 7] = position, self.data.mocap_quat[0]
        at = self.model.joint("hand").dofadr[0]
        self.data.qvel[at : at + 6] = 0
        for side in ("left", "right"):
            self.data.joint(side).qpos = gap / 2
        self.data.actuator("jaws").ctrl = gap / 2
        self.mujoco.mj_forward(self.model, self.data)

    def aim_hand(self, rotation: Float64[np.ndarray, "3 3"], position: Float64[np.ndarray, " 3"]) -> None:
        """Where the hand is drawn to, by a stiff spring."""
        self.mujoco.mju_mat2Quat(self.data.mocap_quat[0], np.ascontiguousarray(rotation).ravel())
        self.data.mocap_pos[0] = position

    def close_jaws(self) -> None:
        self.data.actuator("jaws").ctrl = CLOSED

    def step(self, seconds: float) -> None:
        self.mujoco.mj_step(self.model, self.data, round(seconds / self.model.opt.timestep))

    @property
    def gap(self) -> float:
        """Between the pads, metres."""
        return float(self.data.joint("left").qpos[0] + self.data.joint("right").qpos[0])

    def heights(self) -> dict[int, float]:
        """Of each object's own frame, by its id."""
        return {item.id: float(self.data.body(f"object {item.id}").xpos[2]) for item in self.spec.objects}

    def pressure(self, of: frozenset[int]) -> dict[int, float]:
        """The normal forces on these geoms, newtons, by the id of what presses."""
        forces: dict[int, float] = {}
        wrench = np.zeros(6)
        for k in range(self.data.ncon):
            a, b = (int(g) for g in self.data.contact.geom[k])
            if (a in of) != (b in of):
                self.mujoco.mj_contactForce(self.model, self.data, k, wrench)
                other = int(self.ids[b if a in of else a])
                forces[other] = forces.get(other, 0.0) + abs(float(wrench[0]))
        return forces

    def state(self) -> bytes:
        """All positions, for comparing runs."""
        return self.data.qpos.tobytes()

    def seen(
        self, eye: Float64[np.ndarray, " 3"], rays: Float64[np.ndarray, "N 3"], groups: tuple[int, ...]
    ) -> tuple[Float32[np.ndarray, " N"], Int32[np.ndarray, " N"], Float32[np.ndarray, "N 3"]]:
        """For each ray, in units of its own length, how far to the first surface of these groups (+inf: none), the id
        of that (0: none) and its normal."""
        geoms, distances, normals = np.zeros(len(rays), np.int32), np.zeros(len(rays)), np.zeros(3 * len(rays))
        self.mujoco.mj_multiRay(
            m=self.model, d=self.data, pnt=np.ascontiguousarray(eye), vec=np.ascontiguousarray(rays).ravel(),
            geomgroup=np.isin(np.arange(6), groups).astype(np.uint8), flg_static=1, bodyexclude=-1, geomid=geoms,
            dist=distances, normal=normals, nray=len(rays), cutoff=50.0,
        )  # fmt: skip
        met = geoms >= 0
        depth = np.where(met, distances, np.inf).astype(np.float32)
        return depth, np.where(met, self.ids[geoms], 0).astype(np.int32), normals.reshape(-1, 3).astype(np.float32)

    def _model(self, spec: SceneSpec) -> Any:
        hand = self.hand
        x, y, z = (side / 2 for side in hand.palm)
        world = self.mujoco.MjSpec.from_string(
            HAND_XML.format(
                palm_x=x, palm_y=y, palm_z=z, half_opening=hand.opening / 2, half_length=hand.length / 2,
                half_thickness=hand.thickness / 2, half_width=hand.width / 2, force=hand.force,
            )
        )  # fmt: skip
        world.memory = 1 << 26
        for fixed in spec.fixed:
            body = world.worldbody.add_body(
                name=f"fixed {fixed.id}", pos=fixed.pose.position, quat=fixed.pose.quaternion
            )
            self._add_surface(world, body, fixed)
        for item in spec.objects:
            body = world.worldbody.add_body(name=f"object {item.id}", pos=item.pose.position, quat=item.pose.quaternion)
            body.add_freejoint()
            self._add_surface(world, body, item)
            add_parts(self.mujoco, world, body, item, group=SOLID)
        return world.compile()

    def _add_surface(self, world: Any, body: Any, item: SceneObject | FixedObject) -> None:
        """What is seen of a body: the mesh that the renderer shows, which touches nothing and weighs nothing.

        What stays is of slabs here, whose long triangles would make rays slow; they are seen as boxes.
        """
        mesh, name = build_mesh(item.geometry), f"surface {item.id}"
        seen = {"contype": 0, "conaffinity": 0, "mass": 0, "group": CLEAR if item.material.transparent else OPAQUE}
        if isinstance(item, FixedObject):
            low, high = mesh.vertices.min(0), mesh.vertices.max(0)
            body.add_geom(
                type=self.mujoco.mjtGeom.mjGEOM_BOX, pos=(low + high) / 2, size=(high - low) / 2, **seen
            )  # fmt: skip
            return
        world.add_mesh(
            name=name, uservert=mesh.vertices.ravel(), userface=mesh.triangles.ravel(),
            inertia=self.mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
        )  # fmt: skip
        body.add_geom(type=self.mujoco.mjtGeom.mjGEOM_MESH, meshname=name, **seen)

    def _id(self, geom: int) -> int:
        name = self.model.body(self.model.geom_bodyid[geom]).name
        return int(name.split()[-1]) if name[-1:].isdigit() else 0
