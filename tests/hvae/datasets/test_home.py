from pathlib import Path

from hvae.datasets import data_root


def test_environment_variable_wins(monkeypatch):
    monkeypatch.setenv("HVAE_DATA", "~/images")
    assert data_root() == Path.home() / "images"


def test_default_is_a_cache_folder_of_the_user(monkeypatch, tmp_path):
    monkeypatch.delenv("HVAE_DATA", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_root() == tmp_path / ".cache/hvae/data"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert data_root() == tmp_path / "elsewhere/hvae/data"
    assert not (tmp_path / "elsewhere").exists()
