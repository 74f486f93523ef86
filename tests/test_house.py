"""Rules of the house that no linter knows. They read the sources; the installed copy of the tests leaves them out."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import scirs_ad as ad

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "scirs_ad"

# From the bottom to the top; a module may import from its own layer and from lower ones.
LAYERS = ["_kernels", "_core", "_ops", "_transforms", "_compiler"]
PUBLIC = len(LAYERS)  # the doors that users meet

# An import inside a function is allowed of what is optional or slow to load, and listed here with its module.
LAZY = {
    "scirs_ad/_cli/demo.py": {"matplotlib"},  # optional
    "scirs_ad/optimize/progress.py": {"tqdm"},  # optional
    "scirs_ad/_kernels/blas.pyx": {"threadpoolctl"},  # looks through all loaded libraries: when threads are first set
}

LONG = {
    "scirs_ad/_core/core.pyx",  # one extension, so that its types call each other in C
}
MOST_LINES = 800


def tracked(*patterns):
    """Files that git knows, as paths relative to the root."""
    command = ["git", "-C", str(ROOT), "ls-files", "--", *patterns]
    return [Path(line) for line in subprocess.check_output(command, text=True).splitlines() if (ROOT / line).exists()]


SOURCES = tracked("scirs_ad/*.py", "scirs_ad/*.pyx", "scirs_ad/*.pxd", "scirs_ad/*.pyi", "scirs_ad/*.pxi")
PYTHON = [path for path in SOURCES if path.suffix in (".py", ".pyi")]
CYTHON = [path for path in SOURCES if path.suffix in (".pyx", ".pxd", ".pxi")]


def layer(module):
    """The number of the layer that a dotted name of ours belongs to."""
    parts = module.split(".")
    return LAYERS.index(parts[1]) if len(parts) > 1 and parts[1] in LAYERS else PUBLIC


def module_of(path):
    parts = list(path.with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path):
    """(line, dotted name, whether inside a function) for every import and cimport in a file."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.suffix in (".py", ".pyi"):
        yield from python_imports(ast.parse(text), path, inside=False)
        return
    statement = r"^([ \t]*)(?:from[ \t]+([\w.]+)[ \t]+c?import[ \t]+\(?([^\n#]*)|c?import[ \t]+([\w. ,]+))"
    for match in re.finditer(statement, text, re.MULTILINE):
        line = text[: match.start()].count("\n") + 1
        indent, base, names, modules = match.groups()
        if base is None:
            for name in modules.split(","):
                yield line, name.split()[0], bool(indent)
        else:
            yield line, absolute(base, path), bool(indent)
            for name in re.findall(r"\w+", names):
                yield line, f"{absolute(base, path)}.{name}", bool(indent)


def python_imports(tree, path, inside):
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, inside
        elif isinstance(node, ast.ImportFrom):
            base = absolute("." * node.level + (node.module or ""), path)
            yield node.lineno, base, inside
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}", inside
        elif not is_type_checking(node):
            within = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from python_imports(node, path, within)


def is_type_checking(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def absolute(name, path):
    """A dotted name without leading dots."""
    dots = len(name) - len(name.lstrip("."))
    if not dots:
        return name
    package = path.parent.parts[: len(path.parent.parts) - dots + 1]
    return ".".join([*package, *filter(None, [name[dots:]])])


def ours(name):
    return name == "scirs_ad" or name.startswith("scirs_ad.")


# ------------------------------------------------------------------------------------------------ layers
@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_imports_go_down(path):
    own = layer(module_of(path))
    for line, name, _ in imports_of(path):
        if not ours(name) or own == PUBLIC:
            continue
        # `from scirs_ad import _core` names the package first; only what it takes from there counts.
        if name == "scirs_ad":
            continue
        assert layer(name) <= own, f"{path}:{line} imports {name} from a higher layer"


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_imports_stand_at_the_top(path):
    allowed = LAZY.get(str(path), set())
    for line, name, inside in imports_of(path):
        if inside and path.name != "__init__.py":
            assert name.partition(".")[0] in allowed, f"{path}:{line} imports {name} inside a function"


def test_the_test_of_layers_sees(tmp_path):
    """The two readers find what they have to find."""
    found = {
        name for _, name, _ in python_imports(ast.parse("def f():\n    from .a import b"), PACKAGE / "x.py", False)
    }
    assert any(name.endswith("a.b") for name in found)
    assert absolute("..core", Path("scirs_ad/_ops/fused.py")) == "scirs_ad.core"
    assert layer("scirs_ad._core.core") == 1
    assert layer("scirs_ad.numpy") == PUBLIC
    assert any(name.startswith("scirs_ad._kernels") for path in CYTHON for _, name, _ in imports_of(path))


def test_without_the_compiler(tmp_path):
    """Everything but the public doors imports where `_compiler` is missing."""
    script = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.startswith('scirs_ad._compiler'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "import scirs_ad, scirs_ad.numpy, scirs_ad._transforms\n"
        "import numpy as np\n"
        "assert scirs_ad.grad(lambda x: np.sum(np.sin(x) * x))(np.ones(3)).shape == (3,)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)


# ------------------------------------------------------------------------------------------------ files
@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_no_file_is_too_long(path):
    if str(path) not in LONG:
        assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_meson_lists_every_file():
    """A file that git knows and meson does not is the most frequent fault of such packages."""
    for path in [*tracked("scirs_ad"), *tracked("tests/*.py")]:
        if path.name == "meson.build" or path.suffix in (".h", ".md"):  # headers follow from the C files
            continue
        assert any(lists(folder, path) for folder in path.parents), f"{path} is in no meson.build"


def lists(folder, path):
    build = ROOT / folder / "meson.build"
    relative = path.relative_to(folder).as_posix()
    return build.is_file() and re.search(rf"(?<![\w/]){re.escape(relative)}(?![\w])", strip_comments(build.read_text()))


def strip_comments(text):
    return re.sub(r"#.*", "", text)


def test_version_is_stated_once_and_agrees():
    stated = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text()).group(1)
    assert ad.__version__ == stated
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "version" in project["dynamic"]


def test_the_tests_see_the_installed_package():
    """conftest.py takes the source folder out of the way, unless it was built in place."""
    assert Path(ad.__file__).parent != PACKAGE or any(PACKAGE.glob("_core/core*.so"))


def test_the_source_folder_says_that_it_is_not_compiled():
    """Python started in the root of a checkout finds the sources first."""
    if any(PACKAGE.glob("_core/core*.so")):
        return  # an in-place build is a package like any other
    command = [sys.executable, "-c", "import sys; sys.path.insert(0, '.'); import scirs_ad"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "source folder without its compiled modules" in done.stderr.splitlines()[-1]
    assert "pip install" in done.stderr
