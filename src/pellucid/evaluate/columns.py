"""How metrics are shown: their names in the field, units, digits, and which way is better."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Column:
    """A metric in a table: shown is factor times the value of `pellucid.evaluate.metrics`."""

    key: str
    title: str
    unit: str
    factor: float
    digits: int
    better: Literal["lower", "higher"]
    meaning: str

    def shown(self, value: float | None) -> str:
        """The value as a table has it; a dash where there is none."""
        return "–" if value is None else f"{self.factor * value:.{self.digits}f}"

    @property
    def heading(self) -> str:
        """Title, unit, and an arrow to the better side."""
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.title}{unit} {'↓' if self.better == 'lower' else '↑'}"


def _delta(name: str) -> Column:
    shown = name.replace("^2", "²").replace("^3", "³")
    return Column(f"delta_{name}", f"δ{shown}", "%", 100, 2, "higher", f"pixels with max(d/g, g/d) < {shown}")


def _under(degrees: str) -> Column:
    return Column(f"under_{degrees}", f"<{degrees}°", "%", 100, 2, "higher", f"pixels off by less than {degrees}°")


COLUMNS = {
    c.key: c
    for c in (
        Column("abs_rel", "REL", "%", 100, 2, "lower", "|d-g|/g"),
        Column("sq_rel", "SqRel", "m", 1, 4, "lower", "(d-g)²/g"),
        Column("rmse", "RMSE", "cm", 100, 2, "lower", "√ mean (d-g)²"),
        Column("rmse_log", "RMSElog", "", 1, 4, "lower", "√ mean (ln d - ln g)²"),
        Column("log10", "log10", "", 1, 4, "lower", "|log₁₀ d - log₁₀ g|"),
        Column("silog", "SILog", "", 1, 2, "lower", "100 × standard deviation of ln d - ln g; blind to scale"),
        Column("i_rmse", "iRMSE", "1/m", 1, 4, "lower", "RMSE of 1/d"),
        Column("mae", "MAE", "cm", 100, 2, "lower", "|d-g|"),
        *(_delta(name) for name in ("1.05", "1.10", "1.25", "1.25^2", "1.25^3")),
        Column("tae", "TAE", "%", 100, 2, "lower", "depth moved by the true poses against depth there"),
        Column("opw", "OPW", "cm", 100, 2, "lower", "depth against depth warped along optical flow (DIS)"),
        Column("relative_temporal_diff", "RTD", "%", 100, 2, "lower", "relative change in time against the true one"),
        Column("depth_pro_boundary_f1", "F1 (Depth Pro)", "", 1, 3, "higher", "edges of depth against true edges"),
        Column(
            "depth_pro_boundary_recall", "Recall (Depth Pro)", "", 1, 3, "higher", "outlines of glass that are edges"
        ),
        Column("dvd_boundary_f1", "B-F1 (DVD)", "", 1, 3, "higher", "edges of depth against edges of the picture"),
        Column("dvd_boundary_precision", "B-Precision (DVD)", "", 1, 3, "higher", "of them, depth edges that match"),
        Column("dvd_boundary_recall", "B-Recall (DVD)", "", 1, 3, "higher", "of them, picture edges that match"),
        Column("points_rel", "Points REL", "%", 100, 2, "lower", "|p-q|/|q| after a scale and shift for each frame"),
        Column("points_delta", "Points δ", "%", 100, 2, "higher", "points with |p-q| < 0.25 min(|p|, |q|)"),
        Column("mean", "mean", "°", 1, 2, "lower", "angle between normals"),
        Column("median", "median", "°", 1, 2, "lower", "angle between normals"),
        Column("angle_rmse", "RMSE", "°", 1, 2, "lower", "angle between normals"),
        *(_under(degrees) for degrees in ("5", "7.5", "11.25", "22.5", "30")),
        Column("normal_temporal_diff", "turn", "°", 1, 2, "lower", "turning from frame to frame against the true"),
    )
}
DEPTH_COLUMNS = ("abs_rel", "rmse", "delta_1.05", "delta_1.10", "delta_1.25")  # of DKT's tables
NORMAL_COLUMNS = ("mean", "median", "under_11.25", "under_22.5", "under_30")
