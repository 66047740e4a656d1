"""Models of the rivals' own classes, with random weights, small enough to run anywhere."""

import json
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    MarigoldDepthPipeline,
    MarigoldNormalsPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    DepthAnythingConfig,
    DepthAnythingForDepthEstimation,
    DepthProConfig,
    DepthProForDepthEstimation,
    DPTImageProcessorPil,
)


def say(layer: torch.nn.Module, *values: float) -> None:
    """Makes a layer's answer the same everywhere: these values, whatever it is asked."""
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.copy_(torch.tensor(values))


def depth_anything(kind: str) -> DepthAnythingForDepthEstimation:
    """kind is "relative", or "metric" with depths up to 20 m."""
    torch.manual_seed(0)
    backbone = {
        "model_type": "dinov2", "image_size": 28, "patch_size": 14, "hidden_size": 16, "num_hidden_layers": 4,
        "num_attention_heads": 2, "out_indices": [1, 2, 3, 4], "reshape_hidden_states": False,
    }  # fmt: skip
    config = DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=16, neck_hidden_sizes=[8, 8, 8, 8], fusion_hidden_size=8,
        head_hidden_size=4, depth_estimation_type=kind, max_depth=20 if kind == "metric" else 1,
    )  # fmt: skip
    model = DepthAnythingForDepthEstimation(config)
    with torch.no_grad():
        model.head.conv3.weight.mul_(1e9)  # random weights this deep say almost nothing
        model.head.conv3.bias.fill_(0.5)
    return model


def save_depth_anything(folder: Path, model: DepthAnythingForDepthEstimation) -> Path:
    model.save_pretrained(folder)
    size = {"height": 70, "width": 70}
    DPTImageProcessorPil(
        size=size, keep_aspect_ratio=True, ensure_multiple_of=14, image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    ).save_pretrained(folder)  # fmt: skip
    return folder


def depth_pro(*, field_of_view: bool = True) -> DepthProForDepthEstimation:
    torch.manual_seed(0)

    def dino() -> dict:
        return {
            "model_type": "dinov2", "image_size": 16, "patch_size": 8, "hidden_size": 16, "num_hidden_layers": 4,
            "num_attention_heads": 2,
        }  # fmt: skip

    config = DepthProConfig(
        patch_size=16, fusion_hidden_size=16, intermediate_hook_ids=[2, 1], intermediate_feature_dims=[8, 8],
        scaled_images_ratios=[0.25, 0.5, 1.0], scaled_images_overlap_ratios=[0.0, 0.5, 0.25],
        scaled_images_feature_dims=[8, 8, 8], merge_padding_value=0, use_fov_model=field_of_view,
        image_model_config=dino(), patch_model_config=dino(), fov_model_config=dino(),
    )  # fmt: skip
    return DepthProForDepthEstimation(config)


def save_depth_pro(folder: Path, model: DepthProForDepthEstimation) -> Path:
    model.save_pretrained(folder)
    preparation = {"size": {"height": 64, "width": 64}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(preparation))
    return folder


def marigold(quantity: str) -> MarigoldDepthPipeline | MarigoldNormalsPipeline:
    """quantity is "depth", "disparity" or "normals"; works at 32 pixels, by default in two steps."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        block_out_channels=(8, 16), layers_per_block=1, sample_size=32, in_channels=8, out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=8, norm_num_groups=4, attention_head_dim=4,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=[8, 16], latent_channels=4, norm_num_groups=4,
        down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2,
    )  # fmt: skip
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, prediction_type="v_prediction", set_alpha_to_one=False, steps_offset=1,
        beta_schedule="scaled_linear", clip_sample=False,
    )  # fmt: skip
    text = CLIPTextConfig(
        bos_token_id=0, eos_token_id=1, pad_token_id=1, hidden_size=8, intermediate_size=16, num_attention_heads=2,
        num_hidden_layers=1, vocab_size=10, max_position_embeddings=16,
    )  # fmt: skip
    words = {"<|startoftext|>": 0, "<|endoftext|>": 1, "a": 2, "a</w>": 3}
    parts = {
        "unet": unet, "vae": vae, "scheduler": scheduler, "text_encoder": CLIPTextModel(text),
        "tokenizer": CLIPTokenizer(vocab=words, merges=[], model_max_length=16),
        "prediction_type": quantity, "default_denoising_steps": 2, "default_processing_resolution": 32,
    }  # fmt: skip
    return MarigoldNormalsPipeline(**parts) if quantity == "normals" else MarigoldDepthPipeline(**parts)
