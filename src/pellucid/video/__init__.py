"""Reads videos and pictures as upright RGB frames, and writes videos, in constant memory."""

from ._lens import focal_length_35mm as focal_length_35mm
from ._source import Source as Source
from ._source import expand as expand
from ._source import open_source as open_source
from ._source import size_in_bytes as size_in_bytes
from ._stream import stream as stream
from ._writer import VideoWriter as VideoWriter
