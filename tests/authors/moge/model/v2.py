# ruff: noqa: ARG002, ARG003 (the real signatures)
import torch


class MoGeModel(torch.nn.Module):
    def __init__(self, **config):
        super().__init__()
        self.config = config

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, model_kwargs=None, **hf_kwargs):
        content = torch.load(pretrained_model_name_or_path, map_location="cpu", weights_only=True)
        return cls(**content["model_config"])

    def infer(
        self,
        image,
        num_tokens=None,
        resolution_level=9,
        force_projection=True,
        apply_mask=True,
        fov_x=None,
        use_fp16=True,
    ):
        assert image.dtype == torch.float32 and image.min() >= 0 and image.max() <= 1
        n, _, height, width = image.shape
        depth = 50 / (255 * image[:, 0])
        mask = torch.ones_like(depth, dtype=torch.bool)
        mask[:, :2] = False
        intrinsics = torch.tensor([[1.0, 0, 0.5], [0, width / height, 0.5], [0, 0, 1]]).expand(n, 3, 3)
        maps = {"depth": depth, "mask": mask, "intrinsics": intrinsics}
        if self.config.get("normal_head") is not None:
            seen = image.movedim(1, -1) * 2 - 1  # right, up, towards the viewer
            maps["normal"] = torch.nn.functional.normalize(seen * torch.tensor([1.0, -1, -1]), dim=-1)
        if apply_mask:
            maps["depth"] = torch.where(mask, depth, torch.inf)
            if "normal" in maps:
                maps["normal"] = torch.where(mask[..., None], maps["normal"], 0.0)
        return maps
