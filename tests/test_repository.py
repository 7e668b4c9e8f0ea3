"""Files of the repository that must agree with each other."""

import ast
import graphlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import elimax
from elimax.pipeline.checkout.overrides import apply_overrides
from elimax.pipeline.checkout.params import load_params, section
from elimax.pipeline.checkout.yaml_text import parse_yaml
from elimax.pipeline.pages.report_counts import brief_table
from elimax.pipeline.pages.report_tables import count_table, markdown_table
from elimax.pipeline.tasks import task_names
from elimax.pipeline.tracking import LOWEST
from elimax.pipeline.xla_flags import LAST
from support.repository import ROOT
from support.requirements import declared, requirements

LOCK = (ROOT / "requirements.lock").read_text()
PARAMS = load_params(ROOT / "params.yaml")
PIPELINE = parse_yaml((ROOT / "dvc.yaml").read_text(), "dvc.yaml")
STAGES = PIPELINE["stages"]
PACKAGES = ("benchmarks", "elimax", "interpreter", "models", "pipeline")
MAY_IMPORT = {
    "interpreter": {"elimax.interpreter"},
    "models": {"elimax.interpreter", "elimax.models"},
    "pipeline": {"elimax", "elimax.interpreter", "elimax.models", "elimax.pipeline"},
    # The list of public names also registers the planner of the policy.
    "elimax": {"elimax.api", "elimax.interpreter", "elimax.models"},
    "benchmarks": {"benchmarks", "elimax", "elimax.interpreter", "elimax.models"}
    | {"elimax.pipeline"},
}
DISTRIBUTIONS = {"ruamel": "ruamel.yaml", "yaml": None}
"""Distribution by import name where they differ; None for an optional stand-in."""


def imports(package: str) -> Iterator[tuple[Path, str]]:
    """Yields each file of a package with the module of each import in it."""
    for path in sorted((ROOT / package).rglob("*.py")):
        if path.relative_to(ROOT / package).parts[0] in PACKAGES:
            continue  # A link in elimax/
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path} has a relative import"
                for alias in node.names:
                    name = f"{node.module}.{alias.name}"
                    yield path, name if is_module(name) else node.module or ""


def is_module(name: str) -> bool:
    """Whether a dotted name is a module of the repository."""
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_what_they_may(package: str) -> None:
    """The direction is fixed, and W&B, Typer and DVC appear in pipeline only."""
    foreign = {"support", "tests", "interpreter", "models", "pipeline"}
    if package != "pipeline":
        foreign |= {"wandb", "typer", "dvc", "rich"}
    wrong = []
    for path, name in imports(package):
        top, *rest = name.split(".")
        own = f"{top}.{rest[0]}" if top == "elimax" and rest else top
        if top in foreign or (top in PACKAGES and own not in MAY_IMPORT[package]):
            wrong.append(f"{path.relative_to(ROOT)}: {name}")
    assert not wrong


TESTED_IN = {
    "benchmarks/ecosystem/__main__.py": "benchmarks/ecosystem/test_main.py",
    "benchmarks/ecosystem/stages.py": "benchmarks/ecosystem/test_measure.py",
    "benchmarks/learning/__main__.py": "benchmarks/learning/test_main.py",
    "benchmarks/order_times/__main__.py": "benchmarks/order_times/test_main.py",
    "benchmarks/races/__main__.py": "benchmarks/races/test_main.py",
    "benchmarks/races/least_squares.py": "benchmarks/races/test_main.py",
    "benchmarks/races/models.py": "benchmarks/races/test_main.py",
    "benchmarks/throughput/conftest.py": "benchmarks/throughput/test_speeds.py",
    "elimax/api.py": "test_elimax.py",
    "interpreter/differentiation.py": "interpreter/test_jacobian.py",
    "interpreter/native/vector_code.py": "interpreter/native/test_kernel.py",
    "interpreter/execution/jax_modes.py": "interpreter/execution/test_emission.py",
    "interpreter/graph/independent_labels.py": "interpreter/graph/test_independent_count.py",
    "interpreter/graph/independent_parts.py": "interpreter/graph/test_independent_count.py",
    "interpreter/orders/annealing/state.py": "interpreter/orders/annealing/test_chain.py",
    "interpreter/tracing/rules/masks.py": "interpreter/tracing/test_linearisation.py",
    "models/errors.py": "models/test_checkpoint.py",
    "models/game_state.py": "models/test_compiled_game.py",
    "models/positions.py": "models/test_game.py",
    "pipeline/__main__.py": "pipeline/command_line/test_cli.py",
    "pipeline/checkout/machine.py": "pipeline/checkout/test_resume.py",
    "pipeline/command_line/application.py": "pipeline/command_line/test_cli.py",
    "pipeline/command_line/arguments.py": "pipeline/command_line/test_cli.py",
    "pipeline/command_line/order_choice.py": "pipeline/command_line/test_explain.py",
    "pipeline/command_line/stage_commands.py": "pipeline/command_line/test_cli.py",
    "pipeline/command_line/tool_commands.py": "pipeline/command_line/test_cli.py",
    "pipeline/errors.py": "pipeline/command_line/test_cli.py",
    "pipeline/stages/evaluate_timings.py": "pipeline/stages/test_evaluate.py",
    "pipeline/stages/finetune.py": "pipeline/test_stages.py",
    "pipeline/stages/follow.py": "pipeline/test_stages.py",
    "pipeline/stages/report.py": "pipeline/test_stages.py",
    "pipeline/stages/search.py": "pipeline/test_stages.py",
    "pipeline/stages/shown.py": "pipeline/test_stages.py",
    "pipeline/tasks/loading.py": "pipeline/tasks/test_registry.py",
    "pipeline/tasks/task.py": "pipeline/tasks/test_registry.py",
}
"""Where modules are tested that have no test file of their name."""


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_has_its_test(package: str) -> None:
    """At the same place below tests/ under the same name, or where `TESTED_IN` says."""
    for path in sorted((ROOT / package).rglob("*.py")):
        module = path.relative_to(ROOT)
        if module.name == "__init__.py" or "fields" in module.parts:
            continue  # The fields of `make ecosystem` need its packages, and are its cases.
        if module.parts[1] in PACKAGES:
            continue  # A link in elimax/
        mirrored = ROOT / "tests" / module.with_name(f"test_{module.name}")
        elsewhere = TESTED_IN.get(str(module))
        assert mirrored.is_file() != (elsewhere is not None), module
        assert elsewhere is None or (ROOT / "tests" / elsewhere).is_file(), module


def folder_imports() -> dict[str, set[str]]:
    """By folder or lone module of the package, the other ones that it imports."""
    edges: dict[str, set[str]] = {}
    for package in ("interpreter", "models", "pipeline"):
        for path, name in imports(package):
            here = "elimax." + path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
            if name.startswith("elimax."):
                edges.setdefault(folder_of(here), set()).add(folder_of(name))
    return {folder: others - {folder} for folder, others in edges.items()}


def test_folders_have_no_cycle() -> None:
    """Modules import each other across folders in one direction only."""
    assert tuple(graphlib.TopologicalSorter(folder_imports()).static_order())


def test_the_picture_of_folders_is_true() -> None:
    """What interpreter/README.md draws is imported, and all else that is follows from it."""
    readme = (ROOT / "interpreter/README.md").read_text()
    picture = re.search(r"```mermaid\n(.+?)```", readme, flags=re.DOTALL)
    assert picture is not None
    drawn: dict[str, set[str]] = {}
    # Mermaid keeps the word "graph" for itself.
    for folder, other in re.findall(r"(\w+) --> (\w+)", picture[1].replace("graph_", "graph")):
        drawn.setdefault(folder, set()).add(other)
    prefix = "elimax.interpreter."
    names = {path.parent.name for path in (ROOT / "interpreter").glob("*/__init__.py")}
    for name in names:
        real = {x.removeprefix(prefix) for x in folder_imports().get(prefix + name, set())} & names
        reached = set(drawn.get(name, set()))
        assert reached <= real
        for _ in names:
            reached |= {y for x in reached for y in drawn.get(x, set())}
        assert real <= reached


def test_the_picture_of_stages_is_true() -> None:
    """What pipeline/README.md draws is what DVC knows."""
    readme = (ROOT / "pipeline/README.md").read_text()
    picture = re.search(r"```mermaid\n(.+?)```", readme, flags=re.DOTALL)
    assert picture is not None
    lines = re.findall(r"(\w+) --> (.+)", picture[1])
    drawn = {(stage, other) for stage, others in lines for other in others.split(" & ")}
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "dag", "--md", "--collapse-foreach-matrix"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = dict(re.findall(r'(node\d+)\["(\w+)"\]', done.stdout))
    real = {(names[x], names[y]) for x, y in re.findall(r"(node\d+)-->(node\d+)", done.stdout)}
    assert drawn == real and len(real) > 10


def test_the_sweep_can_run() -> None:
    """Finetuning takes every parameter of sweep.yaml, and logs what it is to make small."""
    sweep = parse_yaml((ROOT / "sweep.yaml").read_text(), "sweep.yaml")
    assert sweep["metric"] == {"name": "costs/best", "goal": "minimize"}
    assert sweep["metric"]["name"] in LOWEST
    for key, given in sweep["parameters"].items():
        ends = [given[name] for name in ("value", "min", "max") if name in given]
        for value in given.get("values", ends):
            params = apply_overrides(load_params(ROOT / "params.yaml"), [f"{key}={value}"])
            section(params, "finetune", "roe_flux_3d")


def folder_of(name: str) -> str:
    """The folder of a package that a module is in, subfolders included, or the module itself."""
    folder = name.split(".")[:3]
    is_folder = (ROOT / "/".join(folder) / "__init__.py").is_file()
    return ".".join(folder) if is_folder else name


def test_dependencies_are_declared() -> None:
    """What the packages import is in pyproject.toml, or comes with Python."""
    used = {
        name.partition(".")[0]
        for x in PACKAGES
        for p, name in imports(x)
        # These run with the packages they try, and under pytest.
        if not {"ecosystem", "throughput"} & set(p.parts)
    }
    used -= set(PACKAGES) | sys.stdlib_module_names
    wanted = {DISTRIBUTIONS.get(name, name) for name in used} - {None}
    assert wanted <= declared("pipeline")


def locked(python: str) -> dict[str, list[str]]:
    """Versions that requirements.lock pins for a version of Python on Linux, by package."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
    }
    found: dict[str, list[str]] = {}
    for line in re.findall(r"^([a-z0-9].*==.+?) *\\$", LOCK, flags=re.MULTILINE):
        entry = Requirement(line)
        if entry.marker is None or entry.marker.evaluate(environment):
            (pin,) = entry.specifier
            found.setdefault(entry.name, []).append(pin.version)
    return found


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_lock_pins_every_dependency_once(python: str) -> None:
    """On each Python, every direct dependency and all that they need have one version."""
    pinned = locked(python)
    assert all(len(versions) == 1 for versions in pinned.values()), pinned
    for entry in requirements("test"):
        (version,) = pinned[entry.name.replace(".", "-")]
        assert entry.specifier.contains(version), entry.name
    assert pinned["jax"] == pinned["jaxlib"]


def test_lock_has_the_newest_jax_of_each_python() -> None:
    """JAX 0.10.2 is the last for Python 3.11; the XLA flags were tried on the newer one, too."""
    assert locked("3.11")["jax"] == ["0.10.2"]
    (newer,) = locked("3.12")["jax"]
    assert newer == locked("3.13")["jax"][0] == ".".join(map(str, LAST)), (
        "try the XLA flags on the new jaxlib: make test-newer, then raise LAST in xla_flags.py"
    )


def test_lock_has_hashes_and_names_no_host() -> None:
    """Every pinned version has a hash, and pip is not sent anywhere."""
    assert "://" not in LOCK and "--index-url" not in LOCK and "--find-links" not in LOCK
    entries = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(entries) > 100
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)


def test_one_version_everywhere() -> None:
    """The package, the citation and the changelog tell the same version."""
    citation = parse_yaml((ROOT / "CITATION.cff").read_text(), "CITATION.cff")
    changelog = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert changelog is not None
    assert elimax.__version__ == str(citation["version"]) == changelog[1]


def test_tasks_are_those_of_the_registry() -> None:
    """params.yaml lists every task that comes with elimax, and a place for its own values."""
    assert tuple(PARAMS["tasks"]) == task_names()
    assert set(PARAMS["task"]) == {"default", *task_names()}


def test_every_auto_has_a_default() -> None:
    """A function of a user's own has no entry under `task`: what is `auto` still has a value."""
    for name in ("finetune", "search", "evaluate"):
        assert "auto" not in json.dumps(section(PARAMS, name, "module:function"))


def test_pretrain_depends_on_no_task() -> None:
    """What the policy is tested on, it has never seen."""
    assert STAGES["pretrain"]["deps"] == ["data/code/pretrain.json"]


def test_every_learning_curve_is_plotted() -> None:
    """`dvc plots` shows pretraining and every task with seed 0; DVC fills in no names there."""
    assert 0 in PARAMS["seeds"]
    plotted = {name for entry in PIPELINE["plots"] for name in entry}
    tasks = {f"data/finetune/{task}/0.csv" for task in PARAMS["tasks"]}
    assert plotted == {"data/pretrain/curve.csv", *tasks}


def test_plots_have_a_page_that_needs_no_network() -> None:
    """Its scripts lie where docs/howto/dvc.md puts them; the CDN comes after those."""
    assert "html_template = plots.html" in (ROOT / ".dvc" / "config").read_text()
    page = (ROOT / ".dvc" / "plots.html").read_text()
    assert "{plot_divs}" in page and page.index("vega-embed.min.js") < page.index("cdn.")
    local = re.findall(r'src="\.\./([^"]*)/node_modules/([\w-]*)/', page)
    fetched = re.search(
        r"npm install --prefix (\S+) (.*)", (ROOT / "docs/howto/dvc.md").read_text()
    )
    assert fetched is not None
    assert local == [(fetched[1], name.partition("@")[0]) for name in fetched[2].split()]


@pytest.mark.parametrize("name", sorted(PARAMS["profiles"]))
def test_profiles_are_complete(name: str) -> None:
    """A profile names tasks that there are."""
    assert set(PARAMS["profiles"][name].get("tasks", [])) <= set(PARAMS["tasks"])


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_stages_depend_on_parameters_that_exist(stage: str) -> None:
    """Every section that dvc.yaml names is in params.yaml, also for each task."""
    for name in STAGES[stage].get("params", []):
        for task in PARAMS["tasks"]:
            place = PARAMS
            for key in name.replace("${item.task}", task).split("."):
                assert key in place, name
                place = place[key]


def test_outputs_are_in_git_or_ignored_as_dvc_says() -> None:
    """Git ignores what DVC caches, and keeps what it does not."""
    for stage, content in STAGES.items():
        for entry in content["outs"]:
            template = entry if isinstance(entry, str) else next(iter(entry))
            path = template.replace("${item.task}", "mlp").replace("${item.seed}", "0")
            ignored = subprocess.run(
                ["git", "-C", str(ROOT), "check-ignore", "--quiet", path], check=False
            )
            in_git = isinstance(entry, dict) and stage != "fingerprint"
            assert ignored.returncode == int(in_git), path


def test_every_data_file_is_described() -> None:
    """data/README.md has a row for each output."""
    readme = (ROOT / "data/README.md").read_text()
    for content in STAGES.values():
        for entry in content["outs"]:
            path = entry if isinstance(entry, str) else next(iter(entry))
            name = path.replace("${item.task}", "TASK").replace("${item.seed}", "SEED")
            name = name.removeprefix("data/")
            assert name.removeprefix("results/") in readme, path


@pytest.mark.parametrize(
    "package", ["elimax.interpreter", "elimax.models", "elimax.pipeline.stages.evaluate"]
)
def test_imports_without_wandb_and_dvc(package: str) -> None:
    """A machine that only computes Jacobians and evaluates needs neither."""
    code = f"import sys\nfor name in ('wandb', 'dvc'): sys.modules[name] = None\nimport {package}\n"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_help_lists_every_target() -> None:
    """`make help` shows each command of the Makefile."""
    done = subprocess.run(["make", "-s", "-C", str(ROOT), "help"], capture_output=True, text=True)
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert phony is not None
    assert {line.split()[0] for line in done.stdout.splitlines()} == set(phony[1].split())


@pytest.mark.parametrize(
    ("target", "arguments", "command"),
    [
        ("run", ["SEEDS=5", "TASKS=mlp kerr_metric"], "elimax run mlp kerr_metric --seeds 5\n"),
        ("run", [], "elimax run  \n"),
        ("smoke", ["SEEDS=2"], "elimax run --profile smoke --seeds 2\n"),
    ],
)
def test_make_passes_seeds_on(target: str, arguments: list[str], command: str) -> None:
    """`make SEEDS=5` is `elimax run --seeds 5`."""
    done = subprocess.run(
        ["make", "-s", "-n", "-C", str(ROOT), target, *arguments], capture_output=True, text=True
    )
    assert done.stdout.endswith(command), done.stdout


def test_ci_script_is_executable_and_sound() -> None:
    """Bash reads the script, and only make targets that exist are called."""
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(script)], check=True)
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", script.read_text(), flags=re.MULTILINE):
        assert f"\n{target}: " in makefile, target


def test_contributing_is_short() -> None:
    """A page that is read to its end."""
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) < 50


def test_readme_shows_the_committed_results() -> None:
    """The tables of multiplications in the README and the docs are of results/summary.json."""
    summaries = json.loads((ROOT / "results" / "summary.json").read_text())["tasks"]
    assert sorted(summaries) == sorted(PARAMS["tasks"])
    assert markdown_table(*brief_table(summaries)) in (ROOT / "README.md").read_text()
    assert markdown_table(*count_table(summaries)) in (ROOT / "docs/results.md").read_text()
