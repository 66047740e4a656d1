"""Other people's grasp planners in place of ours, and what each needs.

Their packages are not on the package index and bring their own PyTorch or licence, so they are looked for by name when
they are asked for; nothing here is needed otherwise.
"""

import importlib
import sys
from argparse import Namespace
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from pellucid.camera import backproject
from pellucid.clip import InputError
from pellucid.grasp.candidates import HandSearch
from pellucid.grasp.hand import Grasp, Hand
from pellucid.grasp.planners import GraspPlanner, View

PlannerName = Literal["geometry", "anygrasp", "graspnet", "contact-graspnet"]
WIDEST_ANYGRASP = 0.1  # metres, the most that its network knows
PANDA_TIP = 0.1124  # metres from the Panda hand's base to its finger tips; its contacts lie 9 mm before them
_NEEDS = {
    "gsnet": "anygrasp needs gsnet and its licence, from https://github.com/graspnet/anygrasp_sdk, on the Python path",
    "graspnetAPI": "graspnet needs graspnetAPI; pip install graspnetAPI",
    "graspnet": "graspnet needs https://github.com/graspnet/graspnet-baseline: its folders models, utils, dataset, "
    "pointnet2 and knn on the Python path, with its two CUDA extensions built",
    "contact_graspnet_pytorch": "contact-graspnet needs https://github.com/elchun/contact_graspnet_pytorch; clone it "
    "and pip install -e it",
}


@lru_cache(maxsize=1)
def load_planner(name: str, checkpoint: Path | None = None) -> GraspPlanner:
    """The planner of that name, ready. Raises InputError that says what must be installed, or which file is missing."""
    if name == "geometry":
        return HandSearch()
    makers: dict[str, Callable[[Path | None], GraspPlanner]] = {
        "anygrasp": AnyGrasp,
        "graspnet": GraspNet,
        "contact-graspnet": ContactGraspNet,
    }
    if name not in makers:
        raise InputError(f"there is no planner {name!r}; available: geometry, {', '.join(makers)}")
    return makers[name](checkpoint)


class AnyGrasp:
    """AnyGrasp (Fang et al., arXiv:2212.08333) by its licensed library."""

    def __init__(self, checkpoint: Path | None) -> None:
        library = _needed("gsnet")
        settings = Namespace(
            checkpoint_path=str(_given(checkpoint, "anygrasp", "checkpoint_detection.tar")), gripper_height=0.03,
            max_gripper_width=WIDEST_ANYGRASP, top_down_grasp=False, debug=False,
        )  # fmt: skip
        self._net = library.AnyGrasp(settings)
        self._net.load_net()

    def __call__(self, view: View, hand: Hand, /) -> list[Grasp]:
        points, colors = _in_camera(view)
        box = [float(f(points[:, k])) for k in range(3) for f in (np.min, np.max)]
        found, _ = self._net.get_grasp(points, colors, box)
        return (
            []
            if found is None
            else from_group(found.nms().sort_by_score().grasp_group_array, view.camera.T_world_camera, hand)
        )


class GraspNet:
    """GraspNet-1Billion's baseline (Fang et al., CVPR 2020)."""

    def __init__(self, checkpoint: Path | None) -> None:
        self._group = _needed("graspnetAPI").GraspGroup
        self._code = _needed("graspnet")
        self._collisions = importlib.import_module("collision_detector").ModelFreeCollisionDetector
        self._torch: Any = sys.modules["torch"]  # which its code has loaded; this package's grasping runs without
        self._device = "cuda" if self._torch.cuda.is_available() else "cpu"
        self._net = self._code.GraspNet(
            input_feature_dim=0, num_view=300, num_angle=12, num_depth=4, cylinder_radius=0.05, hmin=-0.02,
            hmax_list=[0.01, 0.02, 0.03, 0.04], is_training=False,
        ).to(self._device)  # fmt: skip
        weights = self._torch.load(_given(checkpoint, "graspnet", "checkpoint-rs.tar"), map_location=self._device)
        self._net.load_state_dict(weights["model_state_dict"])
        self._net.eval()

    def __call__(self, view: View, hand: Hand, /) -> list[Grasp]:
        points, _ = _in_camera(view)
        rng = np.random.default_rng(0)
        few = points[rng.choice(len(points), 20_000, replace=len(points) < 20_000)]
        with self._torch.no_grad():
            answer = self._net({"point_clouds": self._torch.from_numpy(few[None]).to(self._device)})
            group = self._group(self._code.pred_decode(answer)[0].cpu().numpy())
        hits = self._collisions(points, voxel_size=0.01).detect(group, approach_dist=0.05, collision_thresh=0.01)
        ranked = group[~hits].nms().sort_by_score()
        return from_group(ranked.grasp_group_array, view.camera.T_world_camera, hand)


class ContactGraspNet:
    """Contact-GraspNet (Sundermeyer et al., arXiv:2103.14127) in its PyTorch port."""

    def __init__(self, checkpoint: Path | None) -> None:
        package = "contact_graspnet_pytorch"
        _needed(package)
        folder = _given(checkpoint, "contact-graspnet", "folder of config.yaml and checkpoints/model.pt")
        settings = importlib.import_module(f"{package}.config_utils").load_config(str(folder), batch_size=1)
        estimator = importlib.import_module(f"{package}.contact_grasp_estimator_pytorch").GraspEstimator(settings)
        loader = importlib.import_module(f"{package}.checkpoints").CheckpointIO
        loader(checkpoint_dir=str(folder / "checkpoints"), model=estimator.model).load("model.pt")
        self._net = estimator

    def __call__(self, view: View, hand: Hand, /) -> list[Grasp]:
        points, _ = _in_camera(view)
        poses, scores, _, openings = self._net.predict_scene_grasps(
            points, pc_segments={}, local_regions=False, filter_grasps=False, forward_passes=1
        )
        pose, score, opening = (
            np.concatenate([np.asarray(part[key]) for key in poses]) for part in (poses, scores, openings)
        )
        return from_panda(pose, score, opening, view.camera.T_world_camera, hand)


def from_group(rows: Float[np.ndarray, "N 17"], T_world_camera: Float[np.ndarray, "4 4"], hand: Hand) -> list[Grasp]:
    """Grasps from the rows of a graspnetAPI group: score, width, height, depth, rotation, centre, object.

    Their finger tips are `depth` beyond the centre, along the first column of the rotation; the second is the closing.
    """
    grasps = []
    for score, width, _, depth, *rest in rows.astype(np.float64):
        rotation, centre = np.reshape(rest[:9], (3, 3)), np.array(rest[9:12])
        grasp = Grasp(
            position=centre + depth * rotation[:, 0], rotation=rotation, width=min(float(width), hand.opening),
            score=float(score),
        )  # fmt: skip
        grasps.append(grasp.moved(T_world_camera))
    return grasps


def from_panda(
    poses: Float[np.ndarray, "N 4 4"],
    scores: Float[np.ndarray, " N"],
    openings: Float[np.ndarray, " N"],
    T_world_camera: Float[np.ndarray, "4 4"],
    hand: Hand,
) -> list[Grasp]:
    """Grasps from poses of the Panda hand's base in the camera frame: z is its approach, x its closing."""
    grasps = []
    for k in np.argsort(-scores, kind="stable"):
        pose = poses[k].astype(np.float64)
        closing, approach = pose[:3, 0], pose[:3, 2]
        rotation = np.stack([approach, closing, np.cross(approach, closing)], 1)
        grasp = Grasp(
            position=pose[:3, 3] + PANDA_TIP * approach, rotation=rotation,
            width=min(float(openings[k]), hand.opening), score=float(scores[k]),
        )  # fmt: skip
        grasps.append(grasp.moved(T_world_camera))
    return grasps


def _in_camera(view: View) -> tuple[Float[np.ndarray, "N 3"], Float[np.ndarray, "N 3"]]:
    """All points of a view, the table too, in the camera frame, with their colours from 0 to 1."""
    points = backproject(view.depth, view.camera.K.astype(np.float32))
    world = points @ view.camera.T_world_camera[:3, :3].T + view.camera.T_world_camera[:3, 3]
    inside = np.isfinite(view.depth) & (abs(np.nan_to_num(world[..., :2])).max(-1) < view.half_size)
    return points[inside].astype(np.float32), view.rgb[inside].astype(np.float32) / 255


def _needed(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(f"--planner: {_NEEDS[module]} ({error})") from error


def _given(checkpoint: Path | None, planner: str, what: str) -> Path:
    if checkpoint is None or not checkpoint.exists():
        found = "is not given" if checkpoint is None else f"{checkpoint} does not exist"
        raise InputError(f"--checkpoint {found}; the planner {planner} needs its {what}")
    return checkpoint
