"""The whole pipelines: golden numbers of the released code, and what holds for any video."""

import json

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler, WanTransformer3DModel
from safetensors.torch import load_file

from pellucid.clip import InputError
from pellucid.model import lora, weights
from pellucid.model.files import read_tensors
from pellucid.model.network import Network
from pellucid.model.pipeline import GeometryPipeline, Settings


def build(golden, method: str) -> GeometryPipeline:
    """The tiny official-form models as a pipeline, with the head count that their JSON gives."""
    vae_config = json.loads((golden / "weights_vae.json").read_text())
    vae = weights.build_vae(read_tensors(golden / "weights_vae.safetensors"), vae_config["diffusers_config"])
    name = "weights_fun_control_dit" if method == "dkt" else "weights_t2v_dit"
    config = json.loads((golden / f"{name}.json").read_text())["diffusers_config"]
    if method == "dkt":
        official = read_tensors(golden / f"{name}.safetensors")
        prompt = load_file(golden / "dkt_pipeline_windows.safetensors")["context_valid"]
    else:
        official, prompt = lora.merge_dvd_checkpoint(read_tensors(golden / "dvd_model.safetensors")), None
    transformer = weights.build_transformer(official, config)
    return GeometryPipeline(
        transformer, vae, FlowMatchEulerDiscreteScheduler(shift=5.0), method, height=64, width=96,
        window=4 if method == "dkt" else 9, overlap=1 if method == "dkt" else 3, prompt_embeds=prompt,
    )  # fmt: skip


@pytest.mark.parametrize("case", ["dkt_pipeline_windows", "dkt_pipeline_portrait"])
def test_dkt_is_the_released_one(golden, case):
    want, info = load_file(golden / f"{case}.safetensors"), json.loads((golden / f"{case}.json").read_text())
    p, tolerance = info["parameters"], info["tolerance"]
    pipe = build(golden, "dkt")
    pipe.prompt_embeds = want["context_valid"]
    out = pipe(
        want["frames"].numpy(), num_inference_steps=p["num_inference_steps"], window=p["window_size"],
        overlap=p["overlap"], processing_resolution=(p["height"], p["width"]), stitching="reference",
        latents=want["noise"], output_latents=True,
    )  # fmt: skip
    torch.testing.assert_close(out.latents, want["final_latents"], atol=tolerance["final_latents"], rtol=0)
    error = np.abs(out.disparity - want["depth_map"].numpy())
    assert error.max() <= 2.1 / 255  # ours stays float where the released code truncates to 8 bits twice
    assert error.mean() <= 1.1 / 255


def test_dvd_is_the_released_one(golden):
    want, info = (
        load_file(golden / "dvd_pipeline_single.safetensors"),
        json.loads((golden / "dvd_pipeline_single.json").read_text()),
    )
    out = build(golden, "dvd")(
        want["frames"].numpy(),
        window=81,
        overlap=9,
        processing_resolution=(48, 64),
        stitching="reference",
        output_latents=True,
    )
    torch.testing.assert_close(out.latents, want["depth_latents"], atol=info["tolerance"]["depth_latents"], rtol=0)
    np.testing.assert_allclose(
        out.disparity, want["depth"][0].mean(-1).numpy(), atol=info["tolerance"]["depth"], rtol=0
    )


def test_dvd_windows_are_the_released_ones(golden):
    want, info = (
        load_file(golden / "dvd_pipeline_windows.safetensors"),
        json.loads((golden / "dvd_pipeline_windows.json").read_text()),
    )
    out = build(golden, "dvd")(
        want["frames"].numpy(), window=9, overlap=3, processing_resolution=(48, 64), stitching="reference"
    )
    tolerance = info["tolerance"]["resized_back"]
    np.testing.assert_allclose(out.disparity, want["resized_back"].mean(-1).numpy(), atol=tolerance, rtol=0)
    assert [s.start for s in out.seams] == [6, 11]


def tiny(method: str, quantity: str = "disparity") -> GeometryPipeline:
    torch.manual_seed(0)
    vae = AutoencoderKLWan(
        base_dim=4, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1, latents_mean=[0.0] * 4, latents_std=[1.0] * 4
    )
    transformer = WanTransformer3DModel(
        num_attention_heads=2, attention_head_dim=24, in_channels=12 if method == "dkt" else 4, out_channels=4,
        text_dim=8, freq_dim=32, ffn_dim=48, num_layers=1,
    )  # fmt: skip
    dkt = method == "dkt"
    return GeometryPipeline(
        transformer, vae, FlowMatchEulerDiscreteScheduler(shift=5.0), method, quantity, height=32, width=48,
        window=3 if dkt else 9, overlap=1 if dkt else 3, num_inference_steps=2 if dkt else 1,
    )  # fmt: skip


def video(frames: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("method", "quantity"), [("dkt", "disparity"), ("dkt", "normals"), ("dvd", "disparity"), ("dvd", "normals")]
)
@pytest.mark.parametrize("shape", [(1, 31, 50), (6, 50, 31), (23, 40, 40)])
def test_any_size_and_length(method, quantity, shape):
    out = tiny(method, quantity)(video(*shape))
    values = out.prediction.values
    assert values.shape == shape + ((3,) if quantity == "normals" else ())
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    if quantity == "normals":
        np.testing.assert_allclose(np.linalg.norm(values, axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("method", ["dkt", "dvd"])
@pytest.mark.parametrize("chunk", [1, 7, 40])
@torch.no_grad()
def test_streaming_is_exact_and_resumes(method, chunk):
    pipe, rgb = tiny(method), video(38, 32, 48)
    whole = pipe(rgb).disparity
    stream, parts, state = pipe.start(*rgb.shape[:3], Settings()), [], None
    while stream.frames_read < len(rgb):
        parts.append(stream.push(rgb[stream.frames_read : stream.frames_read + chunk]))
        state, stream = stream.state(), pipe.start(*rgb.shape[:3], Settings())
        stream.load_state(state)
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_same_seed_same_bytes_other_seed_other_bytes():
    pipe, rgb = tiny("dkt"), video(9, 32, 48)
    first, second, other = (pipe(rgb, seed=s).disparity for s in (3, 3, 4))
    assert first.tobytes() == second.tobytes()
    assert first.tobytes() != other.tobytes()


def test_noise_of_a_frame_does_not_depend_on_the_length():
    pipe = tiny("dkt")
    short, long = (pipe.start(n, 32, 48, Settings()).noise for n in (9, 33))
    torch.testing.assert_close(short(1, 2), long(1, 2))


def test_save_and_load_keep_the_numbers(tmp_path):
    pipe, rgb = tiny("dkt"), video(5, 32, 48)
    pipe.prompt_embeds = torch.randn(1, 2, 8)
    pipe.save_pretrained(tmp_path / "model")
    again = GeometryPipeline.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(again(rgb).disparity, pipe(rgb).disparity)


@pytest.mark.parametrize(
    ("rgb", "options", "message"),
    [
        (np.zeros((2, 8, 8, 3), np.float32), {}, "uint8"),
        (np.zeros((0, 8, 8, 3), np.uint8), {}, "at least one frame"),
        (np.zeros((2, 8, 8, 3), np.uint8), {"window": 4, "overlap": 4}, "less than the window"),
        (np.zeros((2, 8, 8, 3), np.uint8), {"stitching": "sloppy"}, "allowed are"),
        (np.zeros((2, 8, 8, 3), np.uint8), {"latents": torch.zeros(1, 4, 9, 9, 9)}, "need"),
    ],
)
def test_bad_input_says_what_is_allowed(rgb, options, message):
    with pytest.raises(InputError, match=message):
        tiny("dkt")(rgb, **options)


@torch.no_grad()
def test_attention_over_one_row_is_attention_over_equal_rows(golden):
    transformer = build(golden, "dvd").transformer
    hidden, time = torch.randn(2, 16, 2, 6, 8), torch.full((2,), 500.0)
    stock = transformer(hidden, time, torch.zeros(2, 512, transformer.config.text_dim), return_dict=False)[0]
    network = Network(transformer)
    torch.testing.assert_close(network(hidden, time), stock, atol=2e-5, rtol=0)
    many_rows = transformer(hidden, time, torch.zeros(2, 512, transformer.config.text_dim), return_dict=False)[0]
    torch.testing.assert_close(many_rows, stock, atol=0, rtol=0)
