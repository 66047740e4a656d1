"""Scale, shift and metres: what brings one map of a scene onto another."""

from ._completion import FARTHER as FARTHER
from ._completion import NEARER as NEARER
from ._completion import Completed as Completed
from ._completion import complete_depth as complete_depth
from ._disparity import MIN_DISPARITY as MIN_DISPARITY
from ._disparity import align_disparity as align_disparity
from ._disparity import depth_from_disparity as depth_from_disparity
from ._drift import Lines as Lines
from ._drift import fit_lines as fit_lines
from ._evidence import Evidence as Evidence
from ._evidence import Pairs as Pairs
from ._lines import FLAT as FLAT
from ._lines import TOLERANCE as TOLERANCE
from ._lines import fit_scale_shift as fit_scale_shift
from ._lines import fit_scale_shift_robust as fit_scale_shift_robust
from ._lines import spread as spread
from ._metric import MetricFit as MetricFit
from ._metric import fit_metric as fit_metric
from ._plane import make_plane as make_plane
from ._plane import plane_below as plane_below
from ._plane import plane_depth as plane_depth
from ._seams import Seam as Seam
from ._tag import FAMILIES as FAMILIES
from ._tag import find_tags as find_tags
from ._tag import tag_plane as tag_plane
