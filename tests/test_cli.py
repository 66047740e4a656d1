"""The command line: help, mistakes in one line, and each command wired to its work."""

import json
import subprocess
import sys

import pytest

from pellucid import cli
from pellucid.model.catalog import CATALOG
from pellucid.train.recipes import RECIPES


def failing(capsys, *arguments: str) -> str:
    """The one line that a mistake gives."""
    assert cli.main(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ("predict", "models", "import", "render", "train")),
        (["--help"], ("predict", "models", "import", "render", "train")),
        (["render", "--help"], ("--out DIR", "--scenes N", "--ray ADDRESS", "{train,test}", "(default: 480x832)")),
        (["predict", "--help"], ("INPUT", "--out DIR", "--window N", "(default: npz,mp4)", "{depth,normal}", "--fov")),
        (["models", "--help"], ("licence",)),
        (
            ["evaluate", "--help"],
            ("--benchmark NAME", "--model NAME|DIR", "--predictions DIR", "--speed", "--alignment"),
        ),
        (["import", "--help"], ("dkt", "dvd")),
        (["import", "dkt", "--help"], ("--transformer F", "--text-encoder", "--prompt-embeds", "--lora", "--config")),
        (["import", "dvd", "--help"], ("--checkpoint F", "--vae F", "--out DIR")),
        (["train", "--help"], tuple(RECIPES)),
        (["train", "nano_dvd", "--help"], ("--data DIR", "--resume", "--learning-rate FLOAT", "(default: 0.05)")),
    ],
)
def test_every_command_has_help(capsys, arguments, words):
    assert cli.main(arguments) == 0
    out, err = capsys.readouterr()
    assert not [word for word in words if word not in out]
    assert err == ""


def test_help_is_quick_because_torch_stays_out():
    code = (
        "import sys; from pellucid import cli\n"
        "commands = '--help', 'predict --help', 'train --help', 'train nano_dvd --help', 'models', 'evaluate --help'\n"
        "for command in commands:\n"
        "    assert cli.main(command.split()) == 0\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "there is no command 'nonsense'; available: predict, models, import, render, train"),
        (["--nonsense"], "--nonsense"),
        (["predict"], "--out"),
        (["predict", "--out", "x"], "no input given"),
        (["predict", "a.mp4"], "--out"),
        (["predict", "a.mp4", "--out", "x", "--oops", "1"], "--oops"),
        (["predict", "a.mp4", "--out", "x", "--window", "many"], "--window: 'many' is no INT"),
        (["predict", "a.mp4", "--out", "x", "--window", "0"], "--window 0: must be at least 1"),
        (["predict", "a.mp4", "--out", "x", "--overlap", "-1"], "--overlap -1: must be at least 0"),
        (["predict", "a.mp4", "--out", "x", "--steps", "0"], "--steps 0"),
        (["predict", "a.mp4", "--out", "x", "--seed", "1.5"], "--seed"),
        (["predict", "a.mp4", "--out", "x", "--task", "colour"], "'colour'"),
        (["predict", "a.mp4", "--out", "x", "--save", "npz,tiff"], "allowed are npz, mp4, exr, png16, npy, ply"),
        (["predict", "a.mp4", "--out", "x", "--save", ","], "allowed are"),
        (["predict", "a.mp4", "--out", "x", "--save", "ply", "--fov", "60", "--task", "normal"], "needs depth"),
        (["predict", "a.mp4", "--out", "x", "--fov", "190"], "between 0 and 180"),
        (["predict", "a.mp4", "--out", "x", "--resolution", "480"], "such as 480x832"),
        (["predict", "a.mp4", "--out", "x", "--resolution", "480x8"], "at least 16"),
        (["predict", "a.mp4", "--out", "x", "--dtype", "int8"], "'int8'"),
        (["predict", "/nowhere/a.mp4", "--out", "x"], "/nowhere/a.mp4: does not exist"),
        (["import"], "dkt"),
        (["import", "dvd", "--vae", "a"], "--checkpoint"),
        (["import", "dvd", "--checkpoint", "/nowhere/a", "--vae", "a", "--out", "/nowhere/b"], "/nowhere"),
        (["import", "dkt", "--transformer", "a", "--vae", "a", "--out", "b"], "either --prompt-embeds"),
        (["render"], "--out"),
        (["render", "--out", "x"], "nothing to do; give --scenes N, --contact-sheet or --tars DIR"),
        (["render", "--out", "x", "--scenes", "0"], "--scenes 0: must be at least 1"),
        (["render", "--out", "x", "--scenes", "1", "--seed", "-1"], "--seed -1: must be at least 0"),
        (["render", "--out", "x", "--scenes", "1", "--workers", "2", "--ray", "auto"], "--workers and --ray both"),
        (["render", "--out", "x", "--scenes", "1", "--resolution", "480"], "such as 480x832"),
        (["render", "--out", "x", "--scenes", "1", "--resolution", "8x480"], "at least 16"),
        (["render", "--out", "x", "--scenes", "1", "--frames", "121"], "the camera's path has 120"),
        (["render", "--out", "x", "--scenes", "29", "--split", "test"], "the test set has 28"),
        (["render", "--out", "x", "--scenes", "1", "--split", "test", "--seed", "3"], "its own seeds"),
        (["render", "--out", "x", "--scenes", "1", "--device", "metal"], "'metal'"),
        (["render", "--out", "x", "--scenes", "1", "--hdris", "/nowhere/h"], "/nowhere/h: no such folder"),
        (["render", "--out", "x", "--scenes", "1", "--blender", "/nowhere/b"], "/nowhere/b: no such program"),
        (["render", "--out", "/nowhere/x", "--contact-sheet"], "holds no finished scene"),
        (["train"], "dkt_depth_1_3b"),
        (["train", "nonsense"], "there is no recipe 'nonsense'; available: dkt_depth_1_3b"),
        (["train", "nano_dvd"], "--data"),
        (["train", "nano_dvd", "--data", "a", "--out", "b", "--steps", "0"], "steps is 0; it must be at least 1"),
        (["train", "nano_dvd", "--data", "a", "--out", "b", "--steps", "few"], "--steps: 'few' is no INT"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(capsys, arguments, words):
    assert words in failing(capsys, *arguments)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_parses_to_itself(name):
    command = cli._parse(["train", name, "--data", "a", "b", "--out", "c"])
    assert command.recipe == RECIPES[name]()
    assert [path.name for path in command.data] == ["a", "b"]


def test_any_field_of_a_recipe_can_be_given():
    options = "--learning_rate 1e-5 --batch-frames 3 --sizes 16 32 48 64 --base None --cache-latents --resume"
    command = cli._parse(["train", "nano-dkt", "--data", "a", "--out", "c", *options.split()])
    recipe = command.recipe
    assert (recipe.learning_rate, recipe.batch_frames, recipe.sizes) == (1e-5, 3, ((16, 32), (48, 64)))
    assert (recipe.base, recipe.cache_latents, command.resume) == (None, True, True)


def test_models_lists_every_model_with_its_licence(capsys):
    assert cli.main(["models"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in table] == ["name", *CATALOG]
    assert "non-commercial" in next(row for row in table if row.startswith("dvd-1.1"))


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("pellucid 0.")


def test_released_weights_are_imported_and_predict(golden, real, tmp_path, capsys):
    config = {"transformer": json.loads((golden / "weights_t2v_dit.json").read_text())["diffusers_config"]}
    config["vae"] = json.loads((golden / "weights_vae.json").read_text())["diffusers_config"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    given = ["--vae", str(golden / "weights_vae.safetensors"), "--config", str(tmp_path / "config.json")]
    model = str(tmp_path / "model")
    checkpoint = str(golden / "dvd_model.safetensors")
    assert cli.main(["import", "dvd", "--checkpoint", checkpoint, *given, "--out", model]) == 0
    assert capsys.readouterr().out.split() == [model]
    image, out = str(real / "exif/Landscape_6.jpg"), str(tmp_path / "out")
    arguments = ["--model", model, "--out", out, "--resolution", "48x64", "--save", "npz"]
    assert cli.main(["predict", image, *arguments]) == 0
    assert json.loads((tmp_path / "out/Landscape_6/prediction.json").read_text())["resolution"] == [48, 64]


def test_an_interruption_is_status_130_without_a_traceback(capsys, monkeypatch):
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_run", interrupted)
    assert cli.main(["models"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_the_module_runs_as_the_command():
    done = subprocess.run([sys.executable, "-m", "pellucid", "oops"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
