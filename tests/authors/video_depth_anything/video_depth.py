# ruff: noqa: ARG002, B006 (the real signatures)
import numpy as np
import torch


class VideoDepthAnything(torch.nn.Module):
    def __init__(
        self,
        encoder="vitl",
        features=256,
        out_channels=[256, 512, 1024, 1024],
        use_bn=False,
        use_clstoken=False,
        num_frames=32,
        pe="ape",
        metric=False,
    ):
        super().__init__()
        self.width = torch.nn.Parameter(torch.zeros(features))
        self.metric = metric

    def infer_video_depth(self, frames, target_fps, input_size=518, device="cuda", fp32=False):
        assert frames.dtype == np.uint8 and frames.shape[3] == 3 and input_size == 518
        with torch.autocast(device_type=device, enabled=not fp32):
            disparity = frames[..., 0].astype(np.float32) / 50
        return (1 / disparity if self.metric else 7 * disparity + 1), target_fps
