"""The scores of a clip: depth, its boundaries, normals."""

from .boundary import dvd_boundary as dvd_boundary
from .depth_metrics import depth_metrics as depth_metrics
from .depth_metrics import relative_temporal_diff as relative_temporal_diff
from .normal_metrics import normal_metrics as normal_metrics
