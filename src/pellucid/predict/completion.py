"""A model's own network for completing a depth sensor's frame, as a `Completer`."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import torch
from diffusers import UNet2DModel
from jaxtyping import Float32, UInt8
from torch import nn

from pellucid.align import Completed, Completer, complete_depth, join_depth, within_reach
from pellucid.clip import InputError
from pellucid.model import catalog, completion
from pellucid.predict.metric_request import RULES
from pellucid.predict.model import COMPLETION, with_bases
from pellucid.predict.placement import place
from pellucid.predict.report import say

_AREA = 2 * 160 * 256  # pixels that the network works on: training zooms in, so whole frames do best larger
_PLAIN = 0.01  # expected error up to which the sensor is kept whatever the network would put there
_FLYING = 5.0  # expected errors by which a single pixel may be off before it is taken for noise


class LearnedCompletion:
    """Keeps what a sensor is expected to have right, and puts what the network expects in the place of the rest."""

    def __init__(self, network: nn.Module, device: str = "cpu", sha256: str = "") -> None:
        self._network, self._device, self._sha256 = network.to(device).eval(), device, sha256

    def receipt(self) -> dict[str, str | int]:
        """What its answers depend on. Plain JSON."""
        return {"completion_sha256": self._sha256, "completion_pixels": _AREA}

    @torch.no_grad()
    def __call__(
        self,
        rgb: UInt8[np.ndarray, "h w 3"],
        model: Float32[np.ndarray, "H W"],
        sensor: Float32[np.ndarray, "..."],
        focal: float | None,
        /,
    ) -> Completed:
        """The completed frame with the relative error to expect.

        Raises InputError when the sizes differ or the focal length is not known.
        """
        if focal is None:
            raise InputError("completion by a network needs the camera's focal length; give it, or complete by rules")
        if not model.shape == sensor.shape == rgb.shape[:2]:
            raise InputError(
                f"colours {rgb.shape[:2]}, the model's depth {model.shape} and the sensor's {sensor.shape} must have "
                "the same size"
            )
        model = within_reach(model, sensor)
        H, W = model.shape
        h, w = working_size(H, W)
        maps = (
            cv2.resize(rgb, (w, h), interpolation=cv2.INTER_AREA),
            cv2.resize(model, (w, h), interpolation=cv2.INTER_AREA),
            cv2.resize(sensor, (w, h), interpolation=cv2.INTER_NEAREST),
            np.array(focal * (h * w / (H * W)) ** 0.5, np.float32),
        )
        judged = completion.judge(self._network, *(torch.from_numpy(x[None]).to(self._device) for x in maps))
        candidate, error, sensor_error = (
            np.exp(cv2.resize(x[0].cpu().numpy(), (W, H), interpolation=cv2.INTER_LINEAR))
            for x in (judged.log_depth, judged.log_error, judged.log_sensor_error)
        )
        known = sensor > 0
        off = np.abs(np.log(np.where(known, sensor, candidate) / candidate))
        better = sensor_error < np.maximum(error, _PLAIN)
        trusted = known & better & (off < _FLYING * np.maximum(np.maximum(error, sensor_error), _PLAIN))
        return Completed(
            depth=join_depth(candidate, sensor, trusted),
            trusted=trusted,
            expected_error=np.where(trusted, sensor_error, error),
        )


def working_size(height: int, width: int) -> tuple[int, int]:
    """Height and width near the working area and the frame's aspect, in steps of the network's grid."""
    scale = (_AREA / (height * width)) ** 0.5 / completion.GRID
    return tuple(max(1, round(side * scale)) * completion.GRID for side in (height, width))  # type: ignore[return-value]


def by_rules(
    _rgb: UInt8[np.ndarray, "H W 3"],
    model: Float32[np.ndarray, "H W"],
    sensor: Float32[np.ndarray, "H W"],
    _focal: float | None,
    /,
) -> Completed:
    """`complete_depth`: a `Completer` that needs no training and looks at neither colours nor camera."""
    return complete_depth(model, sensor)


def load_completer(name: str, *, device: str = "auto", local_files_only: bool = False) -> Completer:
    """How a sensor is completed beside that model: by its own network or its base's if it has one, else by rules.

    `name` is a model's name, its folder or hub id, or `rules`. Raises InputError when there is no such model, or its
    network is damaged.
    """
    folder = find_network(name, local_files_only)
    return by_rules if folder is None else load_network(folder, device)


def find_network(name: str, local_files_only: bool = False) -> Path | None:
    """The folder of the model's completion network, or of its base's; None when there is none, and for `rules`.

    Raises InputError when there is no such model.
    """
    if name == RULES:
        return None
    parts = with_bases(catalog.resolve(name, local_files_only=local_files_only, announce=say))
    return next((part / COMPLETION for part in parts if (part / COMPLETION).is_dir()), None)


def network_sha256(folder: Path) -> str:
    """The digest of the network's files."""
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def load_network(folder: Path, device: str = "auto") -> LearnedCompletion:
    """The network in that folder, on its device. Raises InputError when it is damaged."""
    try:
        network = UNet2DModel.from_pretrained(folder, torch_dtype=torch.float32)
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{folder}: cannot be loaded ({error}); install or train the model again") from error
    return LearnedCompletion(network, place(device).device, network_sha256(folder))
