"""`osciprop datasets`: the list, and loading one."""

from osciprop.commands import main


def test_the_list(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("OSCIPROP_DATA", str(tmp_path))
    (tmp_path / "mnist.npz").write_bytes(bytes(2_000_000))
    assert main(["datasets"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert set(lines) == {
        "digits",
        "mnist",
        "fashion_mnist",
        "cifar10",
        "cifar100",
        "cifar10_jpeg",
        "imagenet32",
    }
    assert lines["digits"].endswith("digits.csv.gz")
    assert lines["mnist"].split()[1:] == ["2.0", "MB", str(tmp_path / "mnist.npz")]
    assert lines["fashion_mnist"].split()[1] == "missing"


def test_loading_one(monkeypatch, tmp_path, capsys):
    assert main(["datasets", "digits"]) == 0
    printed = capsys.readouterr().out
    assert "x_train  float32 (1438, 64)" in printed
    assert "y_test   int32 (359,)" in printed
    monkeypatch.setenv("OSCIPROP_DATA", str(tmp_path))
    assert main(["datasets", "mnist"]) == 1
    assert capsys.readouterr().err.startswith(
        f"osciprop: error: OSCIPROP_DATA={tmp_path}: no mnist"
    )
