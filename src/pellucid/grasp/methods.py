"""Where the depth comes from that a grasp is planned on: the columns' rivals."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32

from pellucid.clip import Prediction
from pellucid.grasp.disturbance import Disturbance
from pellucid.grasp.metric import completed_depth, metric_depth
from pellucid.grasp.observe import Observation

Source = Literal["oracle", "raw", "estimator", "completed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """The truth (perhaps disturbed), the sensor, an estimator made metric, or the sensor completed by one.

    `estimator` is its name, `identity` tells its versions apart.
    """

    source: Source
    estimator: str = ""
    identity: str = ""
    disturbance: Disturbance | None = None

    @property
    def name(self) -> str:
        """As tables show it."""
        if self.disturbance:
            return self.disturbance.name
        return {
            "oracle": "oracle", "raw": "RAW", "estimator": self.estimator, "completed": f"RAW + {self.estimator}",
        }[self.source]  # fmt: skip

    def depth(self, observation: Observation, prediction: Prediction | None) -> Float32[np.ndarray, "H W"]:
        """Planar depth in metres, NaN where unknown. `prediction` is the estimator's, of the scene's one picture.

        Raises InputError when it is of normals.
        """
        if self.source == "raw":
            return observation.raw
        if self.source == "oracle":
            truth = observation.truth
            return self.disturbance.of(truth, observation.seed) if self.disturbance else truth
        assert prediction is not None, f"{self.name} without a prediction"
        if self.source == "completed":
            return completed_depth(prediction, observation.raw, observation.camera)
        return metric_depth(prediction, observation.camera)


ORACLE, RAW = Method(source="oracle"), Method(source="raw")
