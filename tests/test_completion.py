"""A depth sensor completed by a network: what stays, what is replaced, what the error means, and its training."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pellucid.clip import InputError
from pellucid.data.augment import NONE
from pellucid.data.sequences import find_sequences
from pellucid.model import completion
from pellucid.predict.completion import LearnedCompletion, by_rules, load_completer, working_size
from pellucid.train.recipes import RECIPES
from pellucid.train.run import train
from pellucid.train.sensed import SensedMixture, sense
from test_pipeline import tiny

H, W = 64, 96
WIDTHS = (8, 16)
# Pixels: once enlarged to the network's size, the focal length that ratios are told for.
LENS = float(350 * (H * W / np.prod(working_size(H, W))) ** 0.5)


class Told(torch.nn.Module):
    """A network that says the same ratio to the ground, and the same errors, everywhere."""

    def __init__(self, ratio: float, error: float, sensor_error: float):
        super().__init__()
        self.said = torch.log(torch.tensor([ratio, error, sensor_error]))

    def forward(self, x, _):
        said = self.said.repeat_interleave(completion.PACKED**2)
        return type("Output", (), {"sample": said[None, :, None, None].expand(len(x), -1, *x.shape[2:])})


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    model = np.linspace(0.7, 1.0, H * W, dtype=np.float32).reshape(H, W)
    sensor = model * np.exp(rng.normal(0, 0.002, (H, W))).astype(np.float32)
    sensor[10:20, 10:20] = np.nan
    return rng.integers(0, 255, (H, W, 3), dtype=np.uint8), model, sensor


def test_a_new_network_continues_the_sensor(frame):
    rgb, model, sensor = (torch.from_numpy(x)[None] for x in frame)
    judged = completion.judge(completion.make_network(WIDTHS), rgb, model, sensor, torch.tensor([LENS]))
    assert torch.equal(judged.log_depth, completion.continued(sensor, model).log())


def test_a_plane_with_a_hole_is_continued_as_a_plane():
    slope = torch.linspace(1.0, 2.0, 128)[None, None].expand(1, 96, 128)
    sensor = torch.where(torch.rand(1, 96, 128, generator=torch.Generator().manual_seed(0)) < 0.9, 1 / slope, torch.nan)
    sensor[:, 30:60, 50:80] = torch.nan
    made = completion.continued(sensor, torch.full((1, 96, 128), 5.0))
    assert (made * slope - 1)[:, 8:-8, 8:-8].abs().max() < 0.05


def test_a_frame_without_a_value_is_continued_from_the_model():
    model = torch.full((2, H, W), 0.7)
    sensor = torch.full((2, H, W), torch.nan)
    sensor[1, 5, 7] = 1.3
    made = completion.continued(sensor, model)
    torch.testing.assert_close(made[0], model[0])
    assert abs(made[1, 5, 7] - 1.3) < 0.6 and torch.isfinite(made).all()


def test_what_the_sensor_is_expected_to_have_right_stays_exactly(frame):
    rgb, model, sensor = frame
    made = LearnedCompletion(Told(1.0, 0.03, 0.004))(rgb, model, sensor, LENS)
    known = np.isfinite(sensor)
    assert np.array_equal(made.trusted, known) and np.array_equal(made.depth[known], sensor[known])
    np.testing.assert_allclose(made.expected_error[known], 0.004, rtol=1e-5)
    np.testing.assert_allclose(made.expected_error[~known], 0.03, rtol=1e-5)
    assert np.abs(np.log(made.depth / model))[~known].max() < 0.01  # the plane goes on under the hole


def test_what_the_network_expects_to_be_worse_is_replaced(frame):
    rgb, model, sensor = frame
    made = LearnedCompletion(Told(0.9, 0.03, 0.2))(rgb, model, sensor, LENS)
    assert not made.trusted.any()
    np.testing.assert_allclose(made.depth, 0.9 * model, rtol=0.02)


def test_a_pixel_far_off_what_is_expected_is_noise(frame):
    rgb, model, sensor = frame
    sensor[30, 30] *= 1.5
    made = LearnedCompletion(Told(1.0, 0.01, 0.004))(rgb, model, sensor, LENS)
    assert not made.trusted[30, 30] and made.trusted[30, 31]
    assert abs(made.depth[30, 30] / model[30, 30] - 1) < 0.01


def test_through_a_longer_lens_things_are_flatter(frame):
    rgb, model, sensor = frame
    made = LearnedCompletion(Told(0.9, 0.03, 0.2))(rgb, model, sensor, 2 * LENS)
    np.testing.assert_allclose(made.depth, 0.9**0.5 * model, rtol=0.02)


def test_sizes_must_agree_and_the_lens_be_known(frame):
    rgb, model, sensor = frame
    with pytest.raises(InputError, match="focal length"):
        LearnedCompletion(Told(1.0, 0.01, 0.01))(rgb, model, sensor, None)
    with pytest.raises(InputError, match="same size"):
        LearnedCompletion(Told(1.0, 0.01, 0.01))(rgb, model, sensor[1:], LENS)


@pytest.mark.parametrize("size", [(480, 640), (1080, 1920), (1920, 1080), (90, 100), (336, 528)])
def test_the_working_size_keeps_the_aspect_on_the_grid(size):
    h, w = working_size(*size)
    assert h % completion.GRID == w % completion.GRID == 0
    assert abs(np.log(h / w / (size[0] / size[1]))) < 0.07
    assert 0.8 < h * w / (2 * 160 * 256) < 1.25


def test_the_error_told_is_the_mean_error():
    """The loss is least where what is told is the mean of the errors: Laplace's distribution."""
    rng = torch.Generator().manual_seed(0)
    truth = torch.exp(0.05 * torch.randn(1, H, W, generator=rng))
    sensor = truth * torch.exp(0.01 * torch.randn(1, H, W, generator=rng))
    nothing = torch.zeros(1, H, W)
    means = [truth.log().abs().mean(), (sensor / truth).log().abs().mean()]
    told = torch.stack(means).log().requires_grad_()
    log_error, log_sensor_error = (x.expand(1, H, W) for x in told)
    judged = completion.Judged(log_depth=nothing, log_error=log_error, log_sensor_error=log_sensor_error)
    completion.loss(judged, sensor, truth, nothing.bool())["loss"].backward()
    assert told.grad is not None and told.grad.abs().max() < 1e-4


def test_the_loss_counts_only_what_is_known():
    truth, sensor = torch.full((1, H, W), torch.nan), torch.full((1, H, W), torch.nan)
    truth[:, :4], sensor[:, :2] = 1.0, 1.0
    zeros = torch.zeros(1, H, W)
    judged = completion.Judged(log_depth=zeros, log_error=zeros - 3, log_sensor_error=zeros - 3)
    terms = completion.loss(judged, sensor, truth, zeros.bool())
    assert terms["error"] == 0 and terms["likelihood"] == -3 and terms["sensor_likelihood"] == -3


def test_samples_are_the_same_each_time_and_fail_on_glass(sequences):
    scenes = find_sequences([sequences], "train")
    recipe = RECIPES["nano_completion"]()

    def disparity(_scene, _index):
        return np.full((48, 64), 1.0, np.float32)

    mixture = SensedMixture(
        sequences=tuple(scenes), disparity=disparity, sizes=((32, 48),), batch_frames=3, variants=5, seed=0,
        augmentation=recipe.augmentation,
    )  # fmt: skip
    sample = mixture.batch(7)[0]
    one, other = mixture.load(sample), mixture.load(sample)
    assert all(np.array_equal(getattr(one, n), getattr(other, n), equal_nan=True) for n in ("rgb", "sensor", "truth"))
    assert one.focal == other.focal > 0
    assert one.rgb.shape == (32, 48, 3) and one.truth.shape == one.sensor.shape == one.model.shape == (32, 48)
    whole = replace(mixture, augmentation=NONE, sizes=((48, 64),)).load(sample)
    np.testing.assert_array_equal(whole.hard, whole.transparent)
    errors = np.abs(sense(scenes[0], 0, disparity(None, 0), np.random.default_rng(0)).sensor - whole.truth)
    assert np.nanmedian(errors[~whole.hard]) < 0.02


def test_it_trains_and_serves_the_model_beside_which_it_was_trained(sequences, tmp_path):
    folder = tmp_path / "model"
    tiny("dvd").save_pretrained(folder)
    assert load_completer(str(folder)) is by_rules
    recipe = replace(
        RECIPES["nano_completion"](), base=str(folder), transformer={"block_out_channels": [8, 16]}, steps=4,
        sizes=((32, 48),), batch_frames=2, warmup=0, mixed_precision="no", validate_every=2, checkpoint_every=2,
    )  # fmt: skip
    train(recipe, [sequences], tmp_path / "run", workers=0)
    assert len((tmp_path / "run" / "log.jsonl").read_text().splitlines()) == 4
    assert "_name_or_path" not in (tmp_path / "run" / "model" / "config.json").read_text()
    (folder / "completion").symlink_to(tmp_path / "run" / "model")
    more = replace(recipe, transformer={}, steps=1)
    train(more, [sequences], tmp_path / "more", workers=0)
    assert "_name_or_path" not in (tmp_path / "more" / "model" / "config.json").read_text()
    complete = load_completer(str(folder))
    assert isinstance(complete, LearnedCompletion) and load_completer("rules") is by_rules
    model = np.full((H, W), 0.7, np.float32)
    made = complete(np.zeros((H, W, 3), np.uint8), model, model, LENS)
    assert np.isfinite(made.depth).all() and made.expected_error.min() > 0
    (folder / "completion").unlink()
    (folder / "completion").mkdir()
    with pytest.raises(InputError, match="cannot be loaded"):
        load_completer(str(folder))


def test_it_needs_a_model_to_stand_beside(sequences, tmp_path):
    with pytest.raises(InputError, match="--base"):
        train(replace(RECIPES["nano_completion"](), base=None), [sequences], tmp_path / "run")
    assert not (tmp_path / "run").exists()
