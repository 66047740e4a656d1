"""Predictions and rendered scenes on disk: whole or absent, in the formats each trade loads."""

from ._arrays import save_npy as save_npy
from ._arrays import save_npz as save_npz
from ._atomic import atomic as atomic
from ._atomic import atomic_folder as atomic_folder
from ._atomic import disk_errors as disk_errors
from ._atomic import read_json as read_json
from ._atomic import write_json as write_json
from ._lock import Lock as Lock
from ._ply import save_ply as save_ply
from ._predictions import PredictionFormat as PredictionFormat
from ._predictions import find_prediction as find_prediction
from ._predictions import load_prediction as load_prediction
from ._publish import CHECKSUMS as CHECKSUMS
from ._publish import damaged_files as damaged_files
from ._publish import is_whole as is_whole
from ._publish import publish as publish
from ._publish import sweep as sweep
from ._recording import Recording as Recording
from ._scenes import SceneFrame as SceneFrame
from ._scenes import decode_depth as decode_depth
from ._scenes import decode_normals as decode_normals
from ._scenes import load_scene_frame as load_scene_frame
from ._scenes import save_scene_frame as save_scene_frame
from ._sequences import save_exr_sequence as save_exr_sequence
from ._sequences import save_png16_sequence as save_png16_sequence
