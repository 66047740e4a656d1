"""Colour and metric depth as a ROS 2 bag, as a depth camera's driver would have recorded it."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, UInt8

from pellucid.clip import InputError

from ._atomic import atomic_folder, sync

COLOR, DEPTH = "/camera/color", "/camera/aligned_depth_to_color"  # as RealSense's driver calls them
FRAME = "camera_color_optical_frame"
_EPOCH = 1_000_000_000  # nanoseconds: a stamp of 0 means "unknown" in ROS
Frame = tuple[float, UInt8[np.ndarray, "H W 3"], Float32[np.ndarray, "H W"]]


def require_rosbags() -> None:
    """Raises InputError when the optional package that writes bags is missing."""
    if importlib.util.find_spec("rosbags") is None:
        raise InputError("writing a ROS bag needs the package rosbags; install it with `pip install pellucid[ros]`")


def save_rosbag(folder: Path, frames: Iterable[Frame], K: Float[np.ndarray, "3 3"]) -> None:
    """Writes folder/bag, a ROS 2 bag (SQLite) of colour, depth and camera_info; no ROS is needed.

    A frame is its time in seconds, colour, and depth in metres. Topics are <COLOR>/image_raw (rgb8),
    <DEPTH>/image_raw (32FC1, metres, NaN unknown; REP 118) and camera_info beside each, in an optical frame (x right,
    y down, z forward). Stamps count from one second.
    Raises InputError when rosbags is missing, the disk is full or cannot be written.
    """
    require_rosbags()
    import apsw  # of rosbags
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_HUMBLE)
    with atomic_folder(folder) as temporary:
        try:
            with Writer(temporary / "bag", version=8, storage_plugin=StoragePlugin.SQLITE3) as bag:
                _write(bag, store, frames, K)
        except (apsw.FullError, apsw.IOError, apsw.CantOpenError) as error:
            raise InputError(f"{folder}: cannot be written ({error}); free some space") from error
        for file in (temporary / "bag").iterdir():
            sync(file)


def _write(bag: Any, store: Any, frames: Iterable[Frame], K: Float[np.ndarray, "3 3"]) -> None:
    kinds = {"image_raw": "sensor_msgs/msg/Image", "camera_info": "sensor_msgs/msg/CameraInfo"}
    lines = {
        (topic, leaf): bag.add_connection(f"{topic}/{leaf}", kind, typestore=store)
        for topic in (COLOR, DEPTH)
        for leaf, kind in kinds.items()
    }
    for time, rgb, depth in frames:
        stamp = _EPOCH + round(time * 1e9)
        header = _header(store, stamp)
        for topic, picture, encoding in ((COLOR, rgb, "rgb8"), (DEPTH, depth, "32FC1")):
            messages = {
                "image_raw": _image(store, header, picture, encoding),
                "camera_info": _camera_info(store, header, K, *depth.shape),
            }
            for leaf, message in messages.items():
                bag.write(lines[topic, leaf], stamp, store.serialize_cdr(message, kinds[leaf]))


def _header(store: Any, stamp: int) -> Any:
    time = store.types["builtin_interfaces/msg/Time"](sec=stamp // 1_000_000_000, nanosec=stamp % 1_000_000_000)
    return store.types["std_msgs/msg/Header"](stamp=time, frame_id=FRAME)


def _image(store: Any, header: Any, picture: np.ndarray, encoding: str) -> Any:
    return store.types["sensor_msgs/msg/Image"](
        header=header,
        height=picture.shape[0],
        width=picture.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=picture[0].nbytes,
        data=np.ascontiguousarray(picture).reshape(-1).view(np.uint8),
    )


def _camera_info(store: Any, header: Any, K: Float[np.ndarray, "3 3"], height: int, width: int) -> Any:
    region = store.types["sensor_msgs/msg/RegionOfInterest"](
        x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
    )
    return store.types["sensor_msgs/msg/CameraInfo"](
        header=header,
        height=height,
        width=width,
        distortion_model="plumb_bob",
        d=np.zeros(5),
        k=K.reshape(9),
        r=np.eye(3).reshape(9),
        p=np.hstack([K, np.zeros((3, 1))]).reshape(12),
        binning_x=0,
        binning_y=0,
        roi=region,
    )
