"""Predictions on disk: whole or absent, resumable while they grow, in the formats each trade loads."""

from ._arrays import load_prediction as load_prediction
from ._arrays import save_npy as save_npy
from ._arrays import save_npz as save_npz
from ._atomic import atomic as atomic
from ._atomic import atomic_folder as atomic_folder
from ._atomic import read_json as read_json
from ._atomic import write_json as write_json
from ._ply import save_ply as save_ply
from ._recording import Recording as Recording
from ._sequences import save_exr_sequence as save_exr_sequence
from ._sequences import save_png16_sequence as save_png16_sequence
