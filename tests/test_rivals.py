"""Rivals: their sizes, ranges, signs and frames, on random weights of their own classes or stand-ins of their packages.

Depth Anything V2, Depth Pro, Marigold and E2E-FT run through the real libraries. The four packages that are not on
PyPI are replaced by those in `authors`, which have the real signatures and conventions.
"""

import fnmatch
import json
import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
from diffusers import MarigoldDepthPipeline, MarigoldNormalsPipeline
from PIL import Image

import tiny_rivals
from pellucid.clip import Estimator, InputError
from pellucid.rivals import RIVALS, How, load_rival
from pellucid.rivals import depthcrafter as depthcrafter_adapter
from pellucid.rivals.depth_pro import preparation
from pellucid.visualize import colorize_normals
from tiny_rivals import say

pytestmark = pytest.mark.usefixtures("one_thread")

RGB = np.random.default_rng(0).integers(0, 256, (6, 40, 60, 3), dtype=np.uint8)
AUTHORS = ("video_depth_anything", "depthcrafter", "normalcrafter", "moge")
REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def marigold(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("marigold")
    for quantity in ("depth", "disparity", "normals"):
        tiny_rivals.marigold(quantity).save_pretrained(root / quantity)
    return root


@pytest.fixture(scope="module")
def depth_anything(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("depth_anything")
    for kind in ("relative", "metric"):
        tiny_rivals.save_depth_anything(root / kind, tiny_rivals.depth_anything(kind))
    return root


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub in a folder; downloads copy what the patterns allow, as huggingface_hub does, and are listed."""
    root, fetched = tmp_path / "hub", []

    def snapshot_download(repo_id, *, allow_patterns, ignore_patterns, local_files_only):
        assert not local_files_only
        target = tmp_path / "cache" / repo_id / "snapshots" / REVISION
        for file in sorted(f for f in (root / repo_id).rglob("*") if f.is_file()):
            name = file.relative_to(root / repo_id).as_posix()
            if any(fnmatch.fnmatch(name, p) for p in allow_patterns) and not any(
                fnmatch.fnmatch(name, p) for p in ignore_patterns
            ):
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target / name)
                fetched.append(name)
        return str(target)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return root, fetched


@pytest.fixture
def authors(monkeypatch, hub):
    """The stand-ins on the path, and the base of both Crafters on the hub."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "authors"))
    base = hub[0] / "stabilityai/stable-video-diffusion-img2vid-xt"
    for name in (
        "model_index.json", "svd_xt.safetensors", "scheduler/scheduler_config.json", "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.fp16.safetensors",
        "image_encoder/model.fp16.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors",
    ):  # fmt: skip
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text("{}")
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in AUTHORS]:
        del sys.modules[name]


def one_line(error: pytest.ExceptionInfo) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def test_names_are_listed_without_torch():
    program = "import sys, pellucid.rivals; sys.exit('torch' in sys.modules or 'diffusers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
    assert all(name == rival.name for name, rival in RIVALS.items())


# Depth Anything V2


def test_relative_weights_give_what_the_library_gives(depth_anything):
    from transformers import AutoModelForDepthEstimation, DPTImageProcessorPil

    estimator = load_rival(f"dav2:{depth_anything / 'relative'}", How())
    prediction = estimator(RGB)
    assert isinstance(estimator, Estimator)
    assert (prediction.quantity, prediction.invariance) == ("disparity", "affine")
    assert prediction.values.dtype == np.float32
    processor = DPTImageProcessorPil.from_pretrained(depth_anything / "relative")
    model = AutoModelForDepthEstimation.from_pretrained(depth_anything / "relative")
    for frame, found in zip(RGB, prediction.values, strict=True):  # one by one: batches change nothing
        with torch.no_grad():
            output = model(**processor(Image.fromarray(frame), return_tensors="pt"))
        expected = processor.post_process_depth_estimation(output, [RGB.shape[1:3]])[0]["predicted_depth"]
        assert expected.std() > 0.01
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_metric_weights_give_metres(tmp_path):
    model = tiny_rivals.depth_anything("metric")
    say(model.head.conv3, float(np.log(3)))  # the sigmoid of log 3 is 3/4, of 20 m
    estimator = load_rival(f"dav2:{tiny_rivals.save_depth_anything(tmp_path / 'm', model)}", How())
    prediction = estimator(RGB)
    assert (prediction.quantity, prediction.invariance) == ("depth", "none")
    np.testing.assert_allclose(prediction.values, np.full(RGB.shape[:3], 15), rtol=1e-5)
    receipt = json.loads(json.dumps(estimator.receipt()))
    assert len(receipt["weights_sha256"]) == 64 and receipt["dtype"] == "float32"
    assert {"pellucid", "torch", "transformers"} <= receipt["versions"].keys()
    assert receipt["seconds"]["total"] > 0 and receipt["settings"] == {}


def test_the_digest_tells_weights_apart(depth_anything):
    digests = [
        load_rival(f"dav2:{depth_anything / k}", How()).receipt()["weights_sha256"] for k in ("relative", "metric")
    ]
    assert digests[0] != digests[1]


def test_values_that_are_not_finite_are_refused(tmp_path):
    model = tiny_rivals.depth_anything("relative")
    say(model.head.conv3, float("nan"))
    estimator = load_rival(f"dav2:{tiny_rivals.save_depth_anything(tmp_path / 'm', model)}", How())
    with pytest.raises(InputError, match="values that are not finite"):
        estimator(RGB)


# Depth Pro


def test_depth_pro_gives_metres_by_its_own_field_of_view(tmp_path):
    model = tiny_rivals.depth_pro()
    say(model.head.layers[-2], 0.25)  # inverse depth where a picture is as wide as its focal length
    say(model.fov_model.head.layers[-1], 90.0)  # degrees: the picture is twice as wide as that
    estimator = load_rival(f"depth-pro:{tiny_rivals.save_depth_pro(tmp_path / 'm', model)}", How())
    prediction = estimator(RGB)
    assert (prediction.quantity, prediction.invariance) == ("depth", "none")
    np.testing.assert_allclose(prediction.values, np.full(RGB.shape[:3], 1 / (0.25 * 2)), rtol=1e-5)
    np.testing.assert_allclose(estimator.receipt()["field_of_view_degrees"], [90] * len(RGB), rtol=1e-5)


def test_depth_pro_sees_colours_from_minus_one_to_one(tmp_path):
    folder = tiny_rivals.save_depth_pro(tmp_path / "m", tiny_rivals.depth_pro())
    frames = np.zeros((1, 40, 60, 3), np.uint8)
    frames[:, :, 30:, 0] = 255
    pictures = preparation(folder)(frames)
    assert pictures.shape == (1, 3, 64, 64)
    assert pictures[0, 0, :, :30].eq(-1).all() and pictures[0, 0, :, 34:].eq(1).all() and pictures[0, 1:].eq(-1).all()


def test_weights_without_a_field_of_view_give_no_metres(tmp_path):
    folder = tiny_rivals.save_depth_pro(tmp_path / "m", tiny_rivals.depth_pro(field_of_view=False))
    with pytest.raises(InputError, match="no field of view"):
        load_rival(f"depth-pro:{folder}", How())


# Marigold


@pytest.mark.parametrize("quantity", ["depth", "disparity"])
def test_marigold_gives_what_the_library_gives_with_the_same_noise_in_every_frame(marigold, quantity):
    how = How(seed=5)
    prediction = load_rival(f"marigold-depth:{marigold / quantity}", how)(np.repeat(RGB[:1], 6, axis=0))
    assert (prediction.quantity, prediction.invariance) == (quantity, "affine")  # depth is not disparity
    assert 0 <= prediction.values.min() < prediction.values.max() <= 1
    np.testing.assert_allclose(prediction.values, prediction.values[:1].repeat(6, axis=0), atol=1e-5)
    pipe = MarigoldDepthPipeline.from_pretrained(marigold / quantity)
    expected = pipe(Image.fromarray(RGB[0]), generator=torch.Generator().manual_seed(5)).prediction[0, ..., 0]
    np.testing.assert_allclose(prediction.values[0], expected, atol=1e-5)


def test_marigolds_steps_and_seed_count(marigold):
    def values(**settings) -> np.ndarray:
        return load_rival(f"marigold-depth:{marigold / 'depth'}", How(**settings))(RGB[:1]).values

    assert np.array_equal(values(), values(steps=2, seed=1))
    assert not np.allclose(values(), values(seed=2), atol=1e-3)
    assert not np.allclose(values(), values(steps=1), atol=1e-3)
    receipt = load_rival(f"marigold-depth:{marigold / 'depth'}", How()).receipt()
    assert receipt["settings"] == {"steps": 2, "seed": 1}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("marigold-normals", (0.48, -0.36, -0.8)), ("marigold-e2e-ft-normals", (-0.48, -0.36, -0.8))],
)
def test_normals_come_into_opencvs_frame(tmp_path, name, expected):
    """The decoder says one vector; Marigold means (right, up, towards the viewer), E2E-FT (left, up, towards)."""
    pipe = tiny_rivals.marigold("normals")
    say(pipe.vae.decoder.conv_out, 0.48, 0.36, 0.8)
    pipe.save_pretrained(tmp_path / "m")
    prediction = load_rival(f"{name}:{tmp_path / 'm'}", How())(RGB)
    assert (prediction.quantity, prediction.invariance) == ("normals", "none")
    np.testing.assert_allclose(prediction.values, np.broadcast_to(expected, RGB.shape), atol=1e-5)


def test_depth_is_0_near_and_1_far(tmp_path):
    pipe = tiny_rivals.marigold("depth")
    say(pipe.vae.decoder.conv_out, 0.5, 0.5, 0.5)
    pipe.save_pretrained(tmp_path / "m")
    for name in ("marigold-depth", "marigold-e2e-ft-depth"):
        values = load_rival(f"{name}:{tmp_path / 'm'}", How())(RGB).values
        np.testing.assert_allclose(values, np.full(RGB.shape[:3], 0.75), rtol=1e-5)  # from -1..1 to 0..1


@torch.no_grad()
def end_to_end(pipe, frame: np.ndarray) -> torch.Tensor:
    """arXiv:2409.11355, Sec. 4: one step from zeros at the last timestep, and its estimate of the clean latent."""
    picture, (below, right), _ = pipe.image_processor.preprocess(Image.fromarray(frame), 32)
    scale = pipe.vae.config.scaling_factor
    z_rgb = pipe.vae.encode(picture).latent_dist.mode() * scale
    nothing = pipe.tokenizer("", padding="do_not_pad", return_tensors="pt").input_ids
    v = pipe.unet(torch.cat([z_rgb, torch.zeros_like(z_rgb)], 1), 999, pipe.text_encoder(nothing)[0]).sample
    z = -(1 - pipe.scheduler.alphas_cumprod[999]).sqrt() * v  # of v-prediction, where the latent is zero
    decoded = pipe.vae.decode(z / scale).sample
    return decoded[:, :, : decoded.shape[2] - below, : decoded.shape[3] - right]


def test_e2e_ft_takes_its_one_step(marigold):
    pipe = MarigoldDepthPipeline.from_pretrained(marigold / "depth")
    found = load_rival(f"marigold-e2e-ft-depth:{marigold / 'depth'}", How(seed=9))(RGB[:2]).values
    for frame, values in zip(RGB, found, strict=False):
        depth = (end_to_end(pipe, frame).mean(dim=1, keepdim=True).clip(-1, 1) + 1) / 2
        expected = torch.nn.functional.interpolate(depth, RGB.shape[1:3], mode="bilinear")[0, 0]
        np.testing.assert_allclose(values, expected, atol=1e-4)
    pipe = MarigoldNormalsPipeline.from_pretrained(marigold / "normals")
    found = load_rival(f"marigold-e2e-ft-normals:{marigold / 'normals'}", How())(RGB[:1]).values[0]
    seen = torch.nn.functional.normalize(end_to_end(pipe, RGB[0]).clip(-1, 1), dim=1)
    seen = torch.nn.functional.normalize(torch.nn.functional.interpolate(seen, RGB.shape[1:3], mode="bilinear"), dim=1)
    np.testing.assert_allclose(found, -seen[0].movedim(0, -1), atol=1e-4)  # negated, they are OpenCV's


@pytest.mark.parametrize(("name", "other"), [("marigold-normals", "depth"), ("marigold-depth", "normals")])
def test_marigold_of_another_quantity_is_refused(marigold, name, other):
    with pytest.raises(InputError, match=f"predicts {other}"):
        load_rival(f"{name}:{marigold / other}", How())


def test_the_hub_gives_what_is_needed_and_no_more(marigold, depth_anything, hub):
    root, fetched = hub
    shutil.copytree(marigold / "depth", root / "prs-eth/marigold-depth-v1-1")
    shutil.copytree(depth_anything / "metric", root / "some/metric")
    for extra in ("prs-eth/marigold-depth-v1-1/unet/diffusion_pytorch_model.fp16.safetensors",
                  "prs-eth/marigold-depth-v1-1/checkpoint.ckpt", "some/metric/model.onnx"):  # fmt: skip
        (root / extra).write_text("must not be fetched")
    estimator = load_rival("marigold-depth", How())
    assert estimator(RGB[:1]).quantity == "depth"
    receipt = estimator.receipt()
    assert receipt["hub_revision"] == REVISION and receipt["weights"] == "prs-eth/marigold-depth-v1-1"
    assert load_rival("dav2:some/metric", How())(RGB[:1]).quantity == "depth"
    assert not [name for name in fetched if "fp16" in name or name.endswith((".ckpt", ".onnx"))]


# What is not there, or not what it should be


@pytest.mark.parametrize("name", ["dav2", "depth-pro", "marigold-depth", "marigold-e2e-ft-normals"])
def test_offline_and_not_here_is_one_line(name, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError) as error:
        load_rival(name, How(local_files_only=True))
    assert RIVALS[name].weights in one_line(error)


def test_a_path_that_is_not_there_is_no_hub_id():
    with pytest.raises(InputError, match="no such file or folder"):
        load_rival("dav2:./weights/of/nobody", How())


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("dav2", "marigold"),
        ("depth-pro", "dav2"),
        ("marigold-depth", "dav2"),
        ("marigold-depth", "empty"),
        ("dav2", "cut"),
    ],
)
def test_weights_of_something_else_are_refused_in_one_line(name, folder, marigold, depth_anything, tmp_path):
    (tmp_path / "empty").mkdir()
    shutil.copytree(depth_anything / "relative", tmp_path / "cut")
    whole = (tmp_path / "cut/model.safetensors").read_bytes()
    (tmp_path / "cut/model.safetensors").write_bytes(whole[: len(whole) // 2])
    folders = {"marigold": marigold / "depth", "dav2": depth_anything / "relative"}
    with pytest.raises(InputError, match=name) as error:
        load_rival(f"{name}:{folders.get(folder, tmp_path / folder)}", How())
    one_line(error)


def test_weights_that_lack_tensors_are_refused(depth_anything, tmp_path):
    """transformers itself would draw them at random."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(depth_anything / "relative", tmp_path / "m")
    tensors = load_file(tmp_path / "m/model.safetensors")
    save_file({k: t for k, t in tensors.items() if "head" not in k}, tmp_path / "m/model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"head\.conv1\.bias and 5 more tensors are missing"):
        load_rival(f"dav2:{tmp_path / 'm'}", How())


@pytest.mark.parametrize("name", [name for name, rival in RIVALS.items() if rival.package in AUTHORS])
def test_a_package_that_is_not_installed_is_named_with_its_source(name, monkeypatch):
    monkeypatch.setitem(sys.modules, RIVALS[name].package, None)
    with pytest.raises(InputError, match=RIVALS[name].package) as error:
        load_rival(name, How())
    assert "https://github.com/" in one_line(error)


# Packages of the authors


def tilted_plane() -> tuple[np.ndarray, np.ndarray]:
    """Depth from 0.5 m at the bottom to 2 m at the top, and the pictures in which the stand-ins read it."""
    rows = np.linspace(0.5, 2, 96)[:, None] ** -1
    disparity = np.broadcast_to(rows, (5, 96, 150)).copy()
    rgb = np.zeros((*disparity.shape, 3), np.uint8)
    rgb[..., 0] = np.rint(50 * disparity)
    return 50 / rgb[..., 0].astype(np.float64), rgb


def ball() -> tuple[np.ndarray, np.ndarray]:
    """Normals of a ball before a wall, and the pictures in which the stand-ins read them."""
    v, u = np.mgrid[:96, :150]
    x, y = (u - 74.5) / 40, (v - 47.5) / 40
    z = -np.sqrt(np.clip(1 - x**2 - y**2, 0, None))
    seen = np.where((x**2 + y**2 < 0.9)[..., None], np.stack([x, y, z], -1), [0.0, 0, -1])
    normals = np.broadcast_to(seen / np.linalg.norm(seen, axis=-1, keepdims=True), (5, *seen.shape))
    return normals, colorize_normals(normals)


def angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Degrees."""
    return np.degrees(np.arccos(np.clip((a * b).sum(axis=-1), -1, 1)))


def vda_weights(folder: Path, name: str, features: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({"width": torch.zeros(features)}, folder / name)
    return folder


@pytest.mark.parametrize(("size", "features"), [("vits", 64), ("vitb", 128), ("vitl", 256)])
@pytest.mark.usefixtures("authors")
def test_video_depth_anything_gives_disparity_or_metres(tmp_path, size, features):
    depth, rgb = tilted_plane()
    folder = vda_weights(tmp_path / "relative", f"video_depth_anything_{size}.pth", features)
    prediction = load_rival(f"video-depth-anything:{folder}", How())(rgb)
    assert (prediction.quantity, prediction.invariance) == ("disparity", "affine")
    assert np.corrcoef(prediction.values.ravel(), 1 / depth.ravel())[0, 1] > 0.9999
    folder = vda_weights(tmp_path / "metric", f"metric_video_depth_anything_{size}.pth", features)
    prediction = load_rival(f"video-depth-anything:{folder}", How())(rgb)
    assert (prediction.quantity, prediction.invariance) == ("depth", "none")
    np.testing.assert_allclose(prediction.values, depth, rtol=1e-5)


@pytest.mark.usefixtures("authors")
def test_video_depth_anything_from_the_hub_and_misnamed(hub, tmp_path):
    vda_weights(hub[0] / RIVALS["video-depth-anything"].weights, "video_depth_anything_vitl.pth", 256)
    assert load_rival("video-depth-anything", How()).receipt()["hub_revision"] == REVISION
    folder = vda_weights(tmp_path / "m", "model.pth", 256)
    with pytest.raises(InputError, match=r"model\.pth: its name"):
        load_rival(f"video-depth-anything:{folder}", How())
    with pytest.raises(InputError, match="cannot be loaded"):  # the sizes of another encoder
        load_rival(f"video-depth-anything:{vda_weights(tmp_path, 'video_depth_anything_vits.pth', 256)}", How())


@pytest.fixture
def depthcrafter(authors, tmp_path) -> str:  # noqa: ARG001 (its package)
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet/config.json").write_text("{}")
    return f"depthcrafter:{tmp_path / 'unet'}"


def test_depthcrafter_gives_disparity_at_the_clips_size(depthcrafter, hub):
    depth, rgb = tilted_plane()
    estimator = load_rival(depthcrafter, How())
    prediction = estimator(rgb)
    assert (prediction.quantity, prediction.invariance) == ("disparity", "affine")
    assert np.corrcoef(prediction.values.ravel(), 1 / depth.ravel())[0, 1] > 0.999
    assert np.array_equal(prediction.values, load_rival(depthcrafter, How(seed=1))(rgb).values)
    assert not np.array_equal(prediction.values, load_rival(depthcrafter, How(seed=2))(rgb).values)
    receipt = estimator.receipt()
    assert receipt["settings"] == {"steps": 5, "window": 110, "overlap": 25, "seed": 1}
    assert receipt["base_revision"] == REVISION
    assert set(hub[1]) == {
        "model_index.json", "scheduler/scheduler_config.json", "vae/config.json",
        "vae/diffusion_pytorch_model.fp16.safetensors", "image_encoder/model.fp16.safetensors",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("clip", "network"),
    [((576, 1024), (576, 1024)), ((1080, 1920), (576, 1024)), ((480, 640), (512, 640)), ((30, 40), (64, 64)),
     ((436, 1050), (448, 1024))],
)  # fmt: skip
def test_depthcrafters_sizes_are_the_released_programs(clip, network):
    assert depthcrafter_adapter.network_size(*clip) == network


@pytest.mark.parametrize("frames", [1, 5])
@pytest.mark.usefixtures("authors")
def test_normalcrafters_normals_come_into_opencvs_frame(tmp_path, frames):
    from diffusers import AutoencoderKLTemporalDecoder

    AutoencoderKLTemporalDecoder(block_out_channels=[32], down_block_types=["DownEncoderBlock2D"]).save_pretrained(
        tmp_path / "vae"
    )
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet/config.json").write_text("{}")
    normals, rgb = ball()
    estimator = load_rival(f"normalcrafter:{tmp_path}", How())  # its window is longer than the clip
    prediction = estimator(rgb[:frames])
    assert (prediction.quantity, prediction.invariance) == ("normals", "none")
    assert angles(prediction.values, normals[:frames]).max() < 1
    np.testing.assert_allclose(np.linalg.norm(prediction.values, axis=-1), 1, atol=1e-5)
    assert estimator.receipt()["settings"] == {"window": 14, "overlap": 4}
    for settings in ({"window": 4, "overlap": 1}, {"window": 3, "overlap": 0}):
        assert angles(load_rival(f"normalcrafter:{tmp_path}", How(**settings))(rgb).values, normals).max() < 1


@pytest.mark.parametrize("name", ["depthcrafter", "normalcrafter"])
@pytest.mark.usefixtures("authors")
def test_an_overlap_as_long_as_the_window_is_refused(name):
    with pytest.raises(InputError, match=f"{name}: overlap 4 with window 4"):
        load_rival(name, How(window=4, overlap=4))


def moge_weights(folder: Path, **config) -> Path:
    folder.mkdir()
    torch.save({"model_config": config, "model": {}}, folder / "model.pt")
    return folder


@pytest.mark.usefixtures("authors")
def test_moge_2_gives_metres_and_normals_everywhere(tmp_path):
    folder = moge_weights(tmp_path / "m", neck={}, scale_head={}, normal_head={})
    depth, rgb = tilted_plane()
    estimator = load_rival(f"moge:{folder}", How())
    prediction = estimator(rgb)
    assert (prediction.quantity, prediction.invariance) == ("depth", "none")
    np.testing.assert_allclose(prediction.values, depth, rtol=1e-5)  # its mask would leave the upper rows infinite
    np.testing.assert_allclose(estimator.receipt()["field_of_view_degrees"], [np.degrees(2 * np.arctan(0.5))] * 5)
    normals, rgb = ball()
    prediction = load_rival(f"moge-normals:{folder}", How())(rgb)
    assert (prediction.quantity, prediction.invariance) == ("normals", "none")
    assert angles(prediction.values, normals).max() < 1


@pytest.mark.usefixtures("authors")
def test_moge_1_gives_depth_up_to_scale_and_no_normals(tmp_path):
    folder = moge_weights(tmp_path / "m", encoder="dinov2_vitl14")
    prediction = load_rival(f"moge:{folder}", How())(tilted_plane()[1])
    assert (prediction.quantity, prediction.invariance) == ("depth", "scale")
    with pytest.raises(InputError, match="predicts no normals"):
        load_rival(f"moge-normals:{folder}", How())
    with pytest.raises(InputError, match="knows float32 and float16"):
        load_rival(f"moge:{folder}", How(dtype="bfloat16"))
