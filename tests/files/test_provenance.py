"""Where a result comes from."""

import subprocess

import jax

from osciprop.files import provenance


def test_versions_and_device(tmp_path):
    found = provenance.environment(tmp_path)
    assert found["jax"] == jax.__version__
    assert found["device"].startswith("cpu")
    assert found["git_commit"] is None


def test_a_commit_with_changes_is_dirty(tmp_path):
    def git(*words):
        name = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
        subprocess.run(["git", *name, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-m", "first")
    commit = provenance.git_commit(tmp_path)
    assert commit is not None and len(commit) == 40
    (tmp_path / "file").write_text("2")
    assert provenance.git_commit(tmp_path) == f"{commit}-dirty"
