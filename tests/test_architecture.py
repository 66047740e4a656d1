"""What no single module can promise: layers, lean imports, no global randomness, recipes and documents that hold."""

import ast
import importlib
import json
import re
import shlex
import subprocess
import sys
from dataclasses import FrozenInstanceError, asdict, replace
from pathlib import Path

import pytest
import tyro
from importlinter.cli import lint_imports

from pellucid.clip import InputError
from pellucid.model.catalog import CATALOG
from pellucid.train.recipes import RECIPES, Recipe

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src" / "pellucid").rglob("*.py"))
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted((ROOT / "docs").glob("*.md"))

FLOOR = ("clip", "align", "camera", "video", "visualize", "store", "evaluate", "synth", "grasp")
HEAVY = ("torch", "diffusers", "transformers", "peft", "accelerate")
EXTRAS = (
    "h5py",
    "manifold3d",
    "mujoco",
    "ray",
    "rosbags",
    "tensorboard",
    "trimesh",
    "webdataset",
    "beartype",
    "hypothesis",
    "importlinter",
    "mkdocs",
    "mkdocstrings",
    "mypy",
    "playwright",
    "pytest",
    "ruff",
)
IN_BLENDER = "pellucid.synth.blender_"  # run in Blender's own Python, see below

IMPORT_WITHOUT = """
import importlib, sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {blocked!r} else super().find_spec(name, path, target)

sys.meta_path = [Without if finder is PathFinder else finder for finder in sys.meta_path]
for name in {modules!r}:
    importlib.import_module(name)
found = sorted(set(sys.modules) & set({blocked!r}))
sys.exit("loaded: " + ", ".join(found) if found else 0)
"""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT / "src").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_without(blocked: tuple[str, ...], modules: list[str]) -> None:
    program = IMPORT_WITHOUT.format(blocked=blocked, modules=modules)
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_floor_and_scorer_run_without_torch():
    packages = {f"pellucid.{name}" for name in FLOOR}
    modules = [m for m in map(module_name, SOURCES) if any(m == p or m.startswith(f"{p}.") for p in packages)]
    modules = [m for m in modules if not m.startswith(IN_BLENDER)]
    assert packages <= set(modules)
    import_without(HEAVY, ["pellucid", *modules])


def test_every_module_imports_without_extras():
    modules = [m for m in map(module_name, SOURCES) if not m.startswith(("pellucid.__main__", IN_BLENDER))]
    import_without(EXTRAS, modules)


def test_imports_point_down_only(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert lint_imports(no_cache=True) == 0, capsys.readouterr().out


def test_only_two_files_import_bpy_and_they_import_nothing_of_pellucid():
    importers = set()
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
        names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        tops = {name.partition(".")[0] for name in names}
        if "bpy" in tops:
            importers.add(path.name)
        if module_name(path).startswith(IN_BLENDER):
            assert "pellucid" not in tops, path.name
    assert importers == {"blender_scene.py", "blender_render.py"}


# numpy: what makes generators; all else in numpy.random is, or uses, the global one.
NUMPY_ALLOWED = {"default_rng", "Generator", "SeedSequence", "PCG64", "BitGenerator"}
# torch: draws that take a generator, and must.
TORCH_DRAWS = {"rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial", "poisson"}
# Weights of a new network come from torch's global generator, which only training may seed.
GLOBAL_SEEDS = {"torch.manual_seed", "torch.cuda.manual_seed", "torch.cuda.manual_seed_all", "set_seed"}


def global_randomness(tree: ast.AST, *, may_seed: bool) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [f"{node.lineno}: import of {m}" for m in modules if m in ("random", "numpy.random", "secrets")]
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            owner, _, leaf = name.rpartition(".")
            if owner in ("np.random", "numpy.random") and leaf not in NUMPY_ALLOWED:
                found.append(f"{node.lineno}: {name}")
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            keywords = {k.arg for k in node.keywords}
            if name.endswith("random.default_rng") and not node.args and "seed" not in keywords:
                found.append(f"{node.lineno}: default_rng without a seed")
            if name.startswith("torch.") and name[6:] in TORCH_DRAWS and "generator" not in keywords:
                found.append(f"{node.lineno}: {name} without a generator")
            if re.fullmatch(r"torch\.(rand|randn|randint)_like", name):
                found.append(f"{node.lineno}: {name}, which takes no generator")
            if name in GLOBAL_SEEDS and not may_seed:
                found.append(f"{node.lineno}: {name}")
    return found


def test_no_global_randomness_in_the_package():
    found = {}
    for path in SOURCES:
        may_seed = module_name(path).startswith("pellucid.train")
        if hits := global_randomness(ast.parse(path.read_text(encoding="utf-8")), may_seed=may_seed):
            found[str(path.relative_to(ROOT))] = hits
    assert not found


@pytest.mark.parametrize(
    "line",
    [
        "import random",
        "from numpy.random import rand",
        "np.random.seed(0)",
        "x = np.random.rand(3)",
        "rng = np.random.default_rng()",
        "eps = torch.randn(3)",
        "eps = torch.randn_like(x)",
        "torch.manual_seed(0)",
    ],
)
def test_the_check_of_randomness_finds_it(line):
    assert global_randomness(ast.parse(line), may_seed=False)


def test_seeded_generators_are_allowed():
    lines = "rng = np.random.default_rng(seed)\ng = torch.Generator().manual_seed(1)\ntorch.randn(3, generator=g)"
    assert not global_randomness(ast.parse(lines), may_seed=False)


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_is_complete(name):
    recipe = RECIPES[name]()
    assert recipe == RECIPES[name](), "a recipe is a pure function"
    assert json.loads(json.dumps(asdict(recipe)))["method"] == recipe.method, "it is written beside its checkpoints"
    assert RECIPES[name].__doc__, "the docstring is its line in the help"
    with pytest.raises(FrozenInstanceError):
        recipe.steps = 1  # type: ignore[misc]
    with pytest.raises(InputError, match="4N"):
        replace(recipe, frames=(2,), frame_weights=(1,))
    other_run = re.fullmatch(r"runs/(\w+)", recipe.base or "")
    if other_run:
        assert other_run[1] in RECIPES
    if (recipe.base or "").startswith("nano"):
        assert recipe.base in CATALOG


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_parses_with_an_override(name):
    default = RECIPES[name]()
    parsed = tyro.cli(Recipe, default=default, args=["--steps", "7", "--learning-rate", "0.5"])
    assert parsed == replace(default, steps=7, learning_rate=0.5)


def fenced(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


def shell_lines(path: Path) -> list[list[str]]:
    text = "\n".join(fenced(path, "bash")).replace("\\\n", " ")
    return [words for line in text.splitlines() if (words := shlex.split(line, comments=True))]


def test_readme_has_the_two_commands():
    scripts = [words[1] for words in shell_lines(ROOT / "README.md") if words[0] == "bash"]
    assert scripts == ["examples/first_light.sh", "tests/run.sh"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_commands_and_links_of_a_document_hold(path):
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)", text)
    missing = [link for link in links if not (path.parent / link).exists()]
    named = [
        word for words in shell_lines(path) for word in words if re.match(r"(examples|tests|benchmarks|\.ci)/", word)
    ]
    named += re.findall(r"`((?:examples|tests|benchmarks|src|tools|docs|\.ci)/[\w./-]+)`", text)
    missing += [name for name in named if not (ROOT / name).exists()]
    assert not missing


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_python_examples_name_what_exists(path):
    for example in fenced(path, "python"):
        for node in ast.walk(ast.parse(example)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pellucid"):
                offered = dir(importlib.import_module(node.module or ""))
                assert {alias.name for alias in node.names} <= set(offered)


def pellucid_help() -> dict[tuple[str, ...], set[str]]:
    """Documented subcommands, each with the options that documents give to it."""
    used: dict[tuple[str, ...], set[str]] = {}
    for path in DOCUMENTS:
        for words in shell_lines(path):
            if Path(words[0]).name != "pellucid" or not words[1:] or any(w.isupper() for w in words[1:2]):
                continue
            plain = [w for w in words[1:] if not w.startswith("[")]
            depth = 2 if plain[0] in ("import", "train") and len(plain) > 1 and plain[1][0].islower() else 1
            options = {w.partition("=")[0] for w in plain if w.startswith("--") and w not in ("--help", "--field")}
            used.setdefault(tuple(plain[:depth]), set()).update(options if depth == 2 or plain[0] != "train" else ())
    return used


@pytest.mark.parametrize("command", pellucid_help(), ids=" ".join)
def test_documented_options_exist(command, capsys):
    from pellucid.cli import main

    assert main([*command, "--help"]) == 0
    page = capsys.readouterr().out
    unknown = {option for option in pellucid_help()[command] if not re.search(rf"{option}\b", page)}
    assert not unknown


def tracked() -> list[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in names.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_absolute_paths_in_tracked_files():
    a_path = re.compile(r"(?<![\w./~-])/(?:root|work|home|mnt|tmp|Users|opt)/[a-z]")
    found = []
    for path in tracked():
        content = path.read_bytes()
        if b"\0" in content[:8000]:  # not text
            continue
        for number, line in enumerate(content.decode("utf-8").splitlines(), 1):
            if a_path.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert not found


def test_constraints_satisfy_what_the_package_asks_for():
    from importlib.metadata import requires

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    pins = {canonicalize_name(name): version for name, version in pins.items()}
    assert "+" not in "".join(pins.values()), "a local version would exclude the other builds of torch"
    for text in requires("pellucid") or []:
        requirement = Requirement(text)
        extras = ("", "dev", "grasp", "ros", "synth", "train")
        if requirement.marker and not any(requirement.marker.evaluate({"extra": e}) for e in extras):
            continue
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{name} is not pinned"
        assert requirement.specifier.contains(pins[name], prereleases=True), f"{name} {pins[name]} for {text}"
