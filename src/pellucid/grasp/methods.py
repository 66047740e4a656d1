"""Where the depth comes from that a grasp is planned on: the columns' rivals."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from pellucid.align import Completer
from pellucid.clip import Prediction
from pellucid.grasp.disturbance import Disturbance
from pellucid.grasp.metric import completed, metric_depth
from pellucid.grasp.observe import Observation

Source = Literal["oracle", "raw", "estimator", "completed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """Planar depth in metres, NaN where unknown, and the relative error to expect of it if that is told."""

    depth: Float32[np.ndarray, "H W"]
    expected_error: Float32[np.ndarray, "H W"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """The truth (perhaps disturbed), the sensor, an estimator made metric, or the sensor completed by one.

    `estimator` is its name, `identity` tells its versions apart, `completion` those of what completes beside it.
    """

    source: Source
    estimator: str = ""
    identity: str = ""
    completion: str = ""
    disturbance: Disturbance | None = None

    @property
    def name(self) -> str:
        """As tables show it."""
        if self.disturbance:
            return self.disturbance.name
        return {
            "oracle": "oracle", "raw": "RAW", "estimator": self.estimator, "completed": f"RAW + {self.estimator}",
        }[self.source]  # fmt: skip

    @property
    def version(self) -> str:
        """Differs when anything that decides the depth does."""
        return f"{self.identity}+{self.completion}" if self.completion else self.identity

    def believed(
        self,
        observation: Observation,
        rgb: UInt8[np.ndarray, "H W 3"],
        prediction: Prediction | None = None,
        complete: Completer | None = None,
    ) -> Belief:
        """What a grasp is planned on. `prediction` is the estimator's, of the scene's one picture `rgb`.

        Raises InputError when it is of normals.
        """
        if self.source == "raw":
            return Belief(depth=observation.raw)
        if self.source == "oracle":
            truth = observation.truth
            return Belief(depth=self.disturbance.of(truth, observation.seed) if self.disturbance else truth)
        assert prediction is not None, f"{self.name} without a prediction"
        if self.source == "completed":
            assert complete is not None, f"{self.name} without a completer"
            made = completed(prediction, rgb, observation.raw, observation.camera, complete)
            return Belief(depth=made.depth, expected_error=made.expected_error)
        depth = metric_depth(prediction, observation.camera)
        error = prediction.expected_error
        if error is not None:
            error = cv2.resize(error[0], depth.shape[::-1], interpolation=cv2.INTER_LINEAR)
        return Belief(depth=depth, expected_error=error)


ORACLE, RAW = Method(source="oracle"), Method(source="raw")
