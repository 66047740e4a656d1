"""The scores of a clip: depth, its edges, its steadiness over time, points, normals."""

from .boundary import dvd_boundary as dvd_boundary
from .boundary_depth_pro import depth_pro_boundary_f1 as depth_pro_boundary_f1
from .boundary_depth_pro import depth_pro_boundary_recall as depth_pro_boundary_recall
from .depth_metrics import depth_metrics as depth_metrics
from .depth_metrics import relative_temporal_diff as relative_temporal_diff
from .flow import Flow as Flow
from .flow import optical_flow as optical_flow
from .normal_metrics import normal_metrics as normal_metrics
from .normal_metrics import normal_temporal_diff as normal_temporal_diff
from .points import point_metrics as point_metrics
from .temporal import flow_warping_error as flow_warping_error
from .temporal import temporal_alignment_error as temporal_alignment_error
