"""Other people's estimators of depth and normals, each through its own library, by one interface."""

from pellucid.rivals.catalog import RIVALS as RIVALS
from pellucid.rivals.catalog import Rival as Rival
from pellucid.rivals.estimator import How as How
from pellucid.rivals.estimator import RivalEstimator as RivalEstimator
from pellucid.rivals.estimator import load_rival as load_rival
from pellucid.rivals.estimator import require_package as require_package
