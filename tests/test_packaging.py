"""The wheel in an empty environment: light, and able to make the experiment's sweep."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

CORE_BYTES = 40 * 2**20


@pytest.mark.acceptance
@pytest.mark.timeout(900)
def test_the_wheel_installs_and_runs_in_an_empty_environment(tmp_path: Path) -> None:
    wheel = build(tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {"lrdash/experiment/sweep.yaml", "lrdash/monitor/status.schema.json", "lrdash/py.typed"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    pip = [str(environment / "bin" / "pip"), "install", "--quiet"]
    packages = environment / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    before = size(packages)
    subprocess.run([*pip, "-c", str(ROOT / "constraints.txt"), str(wheel)], check=True)
    added = size(packages) - before
    print(f"core: wheel {wheel.stat().st_size / 2**20:.1f} MiB, installed {added / 2**20:.1f} MiB")
    assert added < CORE_BYTES
    lrdash = str(environment / "bin" / "lrdash")
    for words in (["--version"], ["--help"], ["doctor"], ["completion", "bash"]):
        finished = subprocess.run([lrdash, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert finished.returncode == 0, finished.stderr
    refused = subprocess.run([lrdash, "demo"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "pip install 'lrdash[trainer]'" in refused.stderr


def build(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), str(ROOT)]
    subprocess.run(command, check=True)
    return next(folder.glob("*.whl"))


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
