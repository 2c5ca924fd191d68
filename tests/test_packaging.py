"""The files that say what is installed agree with each other, and the wheel holds what it should."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import BytesParser
from pathlib import Path

import hatchling.build
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import synaptic_sampling

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCK, DOCS_LOCK = ((ROOT / name).read_text() for name in ("requirements.lock", "docs/requirements.lock"))
PYTHONS = ["3.11", "3.12", "3.13"]
PLATFORMS = ["linux", "darwin"]


def locked(python, platform="linux", lock=LOCK):
    """Return the version of each package that a lock installs there."""
    entries = [Requirement(line.rstrip(" \\")) for line in lock.splitlines() if re.match("[a-z]", line)]
    here = {"python_version": python, "python_full_version": f"{python}.1", "sys_platform": platform}
    wanted = [entry for entry in entries if entry.marker is None or entry.marker.evaluate(here)]
    names = [entry.name for entry in wanted]
    assert len(set(names)) == len(names), "a package is pinned twice"
    return {entry.name: str(entry.specifier).removeprefix("==") for entry in wanted}


def declared(python):
    """Return the requirements of pyproject.toml, the extras included, that apply there."""
    lines = [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)]
    requirements = [Requirement(line) for line in lines]
    return [r for r in requirements if r.marker is None or r.marker.evaluate({"python_version": python})]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_lock_covers_every_dependency(python, platform):
    pins = locked(python, platform)
    wrong = [str(r) for r in declared(python) if r.name not in pins or pins[r.name] not in r.specifier]
    assert not wrong, "run `make lock`"


@pytest.mark.parametrize(
    ("python", "brian2", "numpy"), [("3.11", "2.9.0", "<2.4"), ("3.12", "2.10.1", ">=2.1"), ("3.13", "2.11.0", ">=2.3")]
)
def test_lock_has_the_supported_brian2(python, brian2, numpy):
    pins = locked(python)
    assert pins["brian2"] == brian2
    assert pins["numpy"] in SpecifierSet(numpy)


def test_the_site_is_built_with_the_same_versions():
    """And with what its pages need besides."""
    pins, site = locked("3.13"), locked("3.13", lock=DOCS_LOCK)
    assert {name: site.get(name) for name in pins} == pins, "run `make lock`"
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["docs"]
    assert [line for line in groups if site[Requirement(line).name] not in Requirement(line).specifier] == []
    assert not set(pins) & {Requirement(line).name for line in groups}, "the tests do not wait for them"


@pytest.mark.parametrize("lock", [LOCK, DOCS_LOCK], ids=["tests", "docs"])
def test_lock_has_a_hash_for_every_pin(lock):
    entries = re.split(r"^(?=[a-z])", lock, flags=re.MULTILINE)[1:]
    assert len(entries) > len(PROJECT["dependencies"])
    assert [entry for entry in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry)] == []


@pytest.mark.parametrize("lock", [LOCK, DOCS_LOCK], ids=["tests", "docs"])
def test_lock_names_no_host_and_no_path_of_a_machine(lock):
    assert re.findall(r".*(?:/|index-url|find-links).*", lock) == []


def test_supported_pythons_agree():
    assert SpecifierSet(PROJECT["requires-python"]) == SpecifierSet(">=3.11,<3.14")
    named = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if "Python :: 3." in line]
    assert named == PYTHONS


def test_environment_installs_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, by_pip = environment["dependencies"]
    python = next(line.removeprefix("python=") for line in conda if line.startswith("python="))
    assert environment["name"] == PROJECT["name"]
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    assert python in PYTHONS
    assert set(conda) == {f"python={python}", "pip", "cxx-compiler", "make"}, "other versions belong into the lock"
    assert by_pip == {"pip": ["--require-hashes", "-r requirements.lock"]}


def test_citation_names_the_papers():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    years = [(reference["authors"][0]["family-names"], reference["year"]) for reference in citation["references"]]
    rules = [("Bellec", 2018), ("Kappel", 2015), ("Kappel", 2018)]
    assert years == [*rules, ("Stimberg", 2019), ("Bellec", 2020), ("Butz", 2013)]
    assert citation["license"] == PROJECT["license"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel, without network."""
    folder = tmp_path_factory.mktemp("wheel")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        name = hatchling.build.build_wheel(str(folder))
    with zipfile.ZipFile(folder / name) as archive:
        yield archive


def test_wheel_holds_the_package_alone(wheel):
    names = wheel.namelist()
    kinds = {".py", ".pyx", ".cpp", ".h", ".typed", ".mplstyle"}
    files = [path for path in (ROOT / "synaptic_sampling").rglob("*") if path.suffix in kinds]
    modules = {path.relative_to(ROOT).as_posix() for path in files}
    packed = {name for name in names if ".dist-info/" not in name}
    assert packed == modules
    assert "synaptic_sampling/py.typed" in packed, "type checkers look for it"
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_wheel_has_the_version_of_the_package(wheel):
    metadata = next(name for name in wheel.namelist() if name.endswith("/METADATA"))
    fields = BytesParser().parsebytes(wheel.read(metadata))
    assert fields["Version"] == synaptic_sampling.__version__
    assert fields["License-Expression"] == "BSD-3-Clause"


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_refuses_an_unsupported_python(tmp_path):
    old = tmp_path / "python3.10"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.10.13\n')
    old.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    call = ["make", "test", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}"]
    result = subprocess.run(call, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "Python 3.11, 3.12 or 3.13 is required" in result.stderr
    assert f"{old}: Python 3.10.13" in result.stderr
    assert not (tmp_path / "venv").exists()


def run_fresh(code):
    """Run code in a new interpreter and return what it prints."""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_import_is_light():
    code = "import sys, synaptic_sampling; print(*{'brian2', 'numba', 'matplotlib'} & set(sys.modules))"
    assert run_fresh(code) == ""


def test_only_the_brian2_part_imports_brian2():
    code = """
import sys, synaptic_sampling as package
brian = {"ArrayStream", "Rewiring", "RewiringMonitor", "connect_exactly"}
assert brian < set(package.__all__)
for name in sorted(set(package.__all__) - brian):
    getattr(package, name)
print("brian2" in sys.modules)
"""
    assert run_fresh(code) == "False"
