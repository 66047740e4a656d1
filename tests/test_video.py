"""Every real file, whole or broken, is read rightly or refused in one line; what is written can be read again."""

import os
import resource
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pellucid.clip import InputError
from pellucid.video import Source, VideoWriter, expand, open_source, stream


def everything(source: Source, **arguments: int) -> np.ndarray:
    return np.concatenate(list(stream(source, **arguments)))


def moving_square(num_frames: int, height: int, width: int) -> np.ndarray:
    frames = np.full((num_frames, height, width, 3), (40, 90, 160), np.uint8)
    for index, frame in enumerate(frames):
        frame[4:12, 2 * index : 2 * index + 8] = (220, 180, 30)
    return frames


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("audio_only.mp4", "only audio"),
        ("dir_named.mp4", "without a video or picture"),
        ("does_not_exist", "does not exist"),
        ("jpeg_renamed.mp4", "holds a picture"),
        ("seq_mixed_sizes", "0000.jpg is 640x480 but 0002.jpg is 480x640"),
        ("text_renamed.mp4", "not a video"),
        ("truncated_no_moov.mp4", "cut off before its index"),
        ("truncated_with_moov.mp4", "730 of 1189 frames"),
        ("zero_byte.mp4", "0 bytes"),
    ],
)
def test_a_broken_file_is_refused_in_one_line_that_names_it(real, name, words):
    with pytest.raises(InputError, match=words) as caught:
        open_source(real / "malformed" / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_picture_of_measurements_is_not_a_video(real):
    with pytest.raises(InputError, match="still picture"):
        open_source(real / "cleargrasp_real/000000080-normals.exr")


@pytest.mark.parametrize(
    ("name", "kind", "num_frames", "height", "width"),
    [
        ("malformed/стакан ガラス é 杯.mp4", "video", 5, 360, 640),
        ("malformed/gray8.png", "image", 1, 480, 640),
        ("derived/bottle_1f.mp4", "video", 1, 360, 640),
        ("derived/bottle_10bit_hevc.mp4", "video", 20, 360, 640),
        ("derived/bottle_odd_427x241.mp4", "video", 20, 241, 427),
        ("derived/bottle_rot90.mp4", "video", 30, 640, 360),
        ("derived/coffee_portrait_406x720.mp4", "video", 90, 720, 406),
        ("lerobot/so100_video.webp", "video", 28, 334, 640),
        ("umi/umi_cup.gif", "video", 110, 360, 640),
        ("exif/Landscape_6.jpg", "image", 1, 1200, 1800),
        ("keypose/000001_L.png", "image", 1, 720, 1280),
        ("irl_transparent", "images", 2, 480, 640),
    ],
)
def test_an_unusual_file_is_read_as_displayed(real, name, kind, num_frames, height, width):
    source = open_source(real / name)
    assert (source.kind, source.num_frames, source.height, source.width) == (kind, num_frames, height, width)
    assert source.stem == Path(name).name.removesuffix(Path(name).suffix)
    assert len(source.times) == num_frames
    assert everything(source).shape == (num_frames, height, width, 3)


@pytest.mark.parametrize("name", ["video_0", "video_90", "video_180", "video_270"])
def test_rotation_metadata_is_applied_as_opencv_applies_it(real, name):
    path = real / f"decord_tests/{name}.mov"
    ours = everything(open_source(path))
    capture = cv2.VideoCapture(str(path))
    theirs = np.stack([capture.read()[1][..., ::-1] for _ in ours])
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("shape", "width"), [(Fraction(4, 3), 85), (Fraction(101, 100), 64), (Fraction(10, 11), 58)])
def test_pixels_that_are_not_square_are_stretched(tmp_path, shape, width):
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.sample_aspect_ratio = shape
        for picture in moving_square(3, 48, 64):
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode(None))
    source = open_source(tmp_path / "a.mp4")
    assert (source.height, source.width) == (48, width)
    square = everything(source)[0, 8, :, 2] < 90  # the yellow square, eight pixels wide as stored
    assert abs(square.sum() - 8 * width / 64) <= 2


def test_exif_orientation_is_applied(real):
    upright = everything(open_source(real / "exif/Portrait_6.jpg"))[0]
    with Image.open(real / "exif/Portrait_6.jpg") as stored:
        np.testing.assert_array_equal(upright, np.rot90(np.asarray(stored), -1))


def test_sixteen_bits_and_alpha_give_the_colours_of_the_eight_bit_original(real):
    rgb16 = everything(open_source(real / "malformed/rgb16.png"))
    rgba = everything(open_source(real / "malformed/rgba.png"))
    np.testing.assert_array_equal(rgb16, cv2.imread(str(real / "malformed/rgb16.png"), -1)[None, ..., ::-1] // 257)
    np.testing.assert_array_equal(rgba, rgb16)


def test_sixteen_bit_grey_is_rounded(tmp_path):
    levels = np.array([[0, 128, 129, 257 * 7 + 128, 257 * 7 + 129, 65535]], np.uint16)
    Image.fromarray(levels).save(tmp_path / "a.png")
    assert everything(open_source(tmp_path / "a.png"))[0, 0, :, 1].tolist() == [0, 0, 1, 7, 8, 255]


def test_variable_frame_times_are_the_files_own(real):
    source = open_source(real / "derived/bottle_vfr.mp4")
    with av.open(str(source.path)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    np.testing.assert_array_equal(source.times, times)
    assert len(set(np.diff(times).round(3))) > 1
    assert source.fps == Fraction(5549, 240)


@settings(deadline=None, max_examples=12)
@given(data=st.data())
def test_any_part_is_the_part_of_the_whole(real, data):
    name = data.draw(
        st.sampled_from(["derived/bottle_vfr.mp4", "decord_tests/video_90.mov", "lerobot/so100_video.webp"])
    )
    source = open_source(real / name)
    start = data.draw(st.integers(0, source.num_frames))
    stop = data.draw(st.integers(start, source.num_frames))
    chunk = data.draw(st.integers(1, 20))
    parts = list(stream(source, chunk=chunk, start=start, stop=stop))
    assert all(len(part) == chunk for part in parts[:-1])
    assert sum(map(len, parts)) == stop - start
    if parts:
        np.testing.assert_array_equal(np.concatenate(parts), everything(source)[start:stop])


@pytest.mark.parametrize("start", [359, 360, 361, 1000, 1188])
def test_a_late_start_seeks_to_exactly_that_frame(real, start):
    source = open_source(real / "intel_sample_videos/bottle-detection.mp4")
    assert source.num_frames == 1189
    with av.open(str(source.path)) as container:
        expected = next(f for i, f in enumerate(container.decode(video=0)) if i == start).to_ndarray(format="rgb24")
    np.testing.assert_array_equal(next(stream(source, chunk=1, start=start))[0], expected)


@pytest.mark.parametrize("position", [120_000, 200_000, 250_000])
def test_one_damaged_byte_in_the_middle_is_noticed(real, tmp_path, position):
    content = bytearray((real / "intel_sample_videos/bottle-detection.mp4").read_bytes())
    content[position] ^= 0x5A
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(InputError, match=r"of 1189 frames can be read before the damage"):
        open_source(tmp_path / "a.mp4")


def test_a_file_cut_after_it_was_checked_does_not_end_early_in_silence(tmp_path):
    path = tmp_path / "a.mp4"
    with VideoWriter(path, 48, 64, Fraction(25)) as writer:
        writer.write(np.random.default_rng(0).integers(0, 256, (60, 48, 64, 3), np.uint8))
    source = open_source(path)
    with av.open(str(path)) as container:
        cut = container.streams.video[0].index_entries[30].pos  # between two frames, where a decoder sees nothing wrong
    os.truncate(path, cut)
    with pytest.raises(InputError):
        everything(source)
    with pytest.raises(InputError, match="of 60 frames can be read before the damage"):
        open_source(path)


def test_a_matroska_file_cut_between_frames_is_refused(tmp_path):
    whole, cut = tmp_path / "whole.mkv", tmp_path / "cut.mkv"
    with av.open(str(whole), "w") as container:
        video = container.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for picture in np.random.default_rng(0).integers(0, 255, (80, 48, 64, 3), np.uint8):
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode(None))
    assert open_source(whole).num_frames == 80
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(InputError, match="cut off or damaged"):
        open_source(cut)


def test_a_damaged_picture_in_a_folder_is_named(real, tmp_path):
    content = (real / "malformed/seq_mixed_sizes/0000.jpg").read_bytes()
    (tmp_path / "0.jpg").write_bytes(content)
    (tmp_path / "1.jpg").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"1\.jpg: the picture is damaged"):
        open_source(tmp_path)


def test_nothing_is_printed_by_the_decoder(real):
    code = (
        "import sys; from pathlib import Path; from pellucid.video import open_source\n"
        "try: open_source(Path(sys.argv[1]))\nexcept ValueError: print('refused')"
    )
    path = real / "malformed/truncated_with_moov.mp4"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("refused\n", "")


def test_pictures_come_in_natural_order_and_the_digest_knows_names_and_content(tmp_path):
    for index in (10, 9, 1):
        Image.fromarray(np.full((4, 6, 3), index, np.uint8)).save(tmp_path / f"frame{index}.png")
    source = open_source(tmp_path)
    assert everything(source)[:, 0, 0, 0].tolist() == [1, 9, 10]
    assert source.fps == 24
    (tmp_path / "frame10.png").rename(tmp_path / "frame0.png")
    renamed = open_source(tmp_path)
    Image.fromarray(np.full((4, 6, 3), 11, np.uint8)).save(tmp_path / "frame0.png")
    assert len({source.sha256, renamed.sha256, open_source(tmp_path).sha256}) == 3


def test_expand_lists_a_folder_of_videos_and_keeps_a_folder_of_pictures(real, tmp_path):
    for name in ("b10.mp4", "b9.MOV", ".hidden.mp4", "notes.txt"):
        (tmp_path / name).touch()
    pictures = real / "malformed/seq_mixed_sizes"
    assert expand([tmp_path, pictures]) == [tmp_path / "b9.MOV", tmp_path / "b10.mp4", pictures]


def test_expand_refuses_what_is_missing_empty_mixed_or_would_collide(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        expand([tmp_path / "no.mp4"])
    with pytest.raises(InputError, match="without a video"):
        expand([tmp_path])
    with pytest.raises(InputError, match="at least one"):
        expand([])
    (tmp_path / "a.mp4").touch()
    (tmp_path / "A.mov").touch()
    with pytest.raises(InputError, match=r"A\.mov and .*a\.mp4"):
        expand([tmp_path])
    (tmp_path / "a.png").touch()
    with pytest.raises(InputError, match="both pictures"):
        expand([tmp_path])


@pytest.mark.parametrize(("height", "width"), [(48, 64), (47, 63)])
def test_written_frames_come_back_with_their_colours(tmp_path, height, width):
    frames = moving_square(12, height, width)
    with VideoWriter(tmp_path / "a.mp4", height, width, Fraction(30000, 1001), crf=1) as writer:
        writer.write(frames[:5])
        writer.write(frames[5:])
    source = open_source(tmp_path / "a.mp4")
    assert (source.num_frames, source.fps) == (12, Fraction(30000, 1001))
    back = everything(source)
    assert back.shape == (12, 48, 64, 3)
    assert np.abs(back[:, :height, :width].astype(int) - frames).mean() < 4  # chroma at half size blurs the square
    assert np.abs(back[:, 20:40].astype(int) - frames[:, 20:40, :1]).max() <= 3
    content = (tmp_path / "a.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # plays before it is downloaded


def test_the_same_frames_give_the_same_bytes(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        with VideoWriter(tmp_path / name, 96, 128, Fraction(25)) as writer:
            writer.write(moving_square(30, 96, 128))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_variable_frame_times_survive_writing(real, tmp_path):
    times = open_source(real / "derived/bottle_vfr.mp4").times
    with VideoWriter(tmp_path / "a.mp4", 48, 64, Fraction(23), times=times) as writer:
        writer.write(np.zeros((len(times), 48, 64, 3), np.uint8))
    np.testing.assert_allclose(open_source(tmp_path / "a.mp4").times, times - times[0], atol=1e-5)


@pytest.mark.parametrize("count", [3, 5])
def test_times_and_frames_must_agree(tmp_path, count):
    with (
        pytest.raises(ValueError, match="times given"),
        VideoWriter(tmp_path / "a.mp4", 48, 64, Fraction(25), times=np.arange(4.0)) as writer,
    ):
        writer.write(np.zeros((count, 48, 64, 3), np.uint8))


def test_a_full_disk_is_reported_in_one_line(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 96, 128, 3), np.uint8)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with (
            pytest.raises(InputError, match=r"a\.mp4: cannot be written"),
            VideoWriter(tmp_path / "a.mp4", 96, 128, Fraction(25), crf=1) as writer,
        ):
            writer.write(noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(InputError, match="cannot be written"):
        VideoWriter(tmp_path / "missing" / "a.mp4", 48, 64, Fraction(25))


def test_memory_does_not_grow_with_the_video(real):
    source = open_source(real / "intel_sample_videos/bottle-detection.mp4")
    peaks = []
    for part in stream(source, chunk=50, stop=600):
        assert part.flags.owndata
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

    assert peaks[-1] - peaks[2] < 3 * part.nbytes / 1024
