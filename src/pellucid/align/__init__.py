"""Scale, shift and metres: what brings one map of a scene onto another."""

from ._disparity import MIN_DISPARITY as MIN_DISPARITY
from ._disparity import align_disparity as align_disparity
from ._disparity import depth_from_disparity as depth_from_disparity
from ._lines import FLAT as FLAT
from ._lines import TOLERANCE as TOLERANCE
from ._lines import fit_scale_shift as fit_scale_shift
from ._lines import fit_scale_shift_robust as fit_scale_shift_robust
from ._lines import spread as spread
from ._seams import Seam as Seam
