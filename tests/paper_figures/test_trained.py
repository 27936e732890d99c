"""Claims about trained networks: from the runs that are there, and they can fail."""

import json
from pathlib import Path

import pytest

from paper_figures.hep2022 import table2
from paper_figures.homeostasis2024 import table1
from paper_figures.nonconservative2026 import fig1
from paper_figures.two_tales2024 import table

ATTACK = {"damped_0": 0.6, "damped_1": 0.2}


def store(checkout: Path, folder: str, name: str, accuracies: list[float], **finished) -> None:
    where = checkout / "experiments" / "results" / folder
    where.mkdir(parents=True, exist_ok=True)
    epochs = {"epoch": list(range(1, 1 + len(accuracies))), "test_accuracy": accuracies}
    settled = finished.pop("settled", 1.0)
    content = {"epochs": epochs, "finished": finished, "converged_updates": settled}
    (where / f"{name}_seed0.json").write_text(json.dumps(content))


@pytest.mark.parametrize("module", [table1, table2, fig1, table], ids=lambda module: module.NAME)
def test_no_runs_no_claims(module, tmp_path: Path) -> None:
    assert module.claims(tmp_path) == []


def test_error_by_points_is_compared_with_the_true_derivative(tmp_path: Path) -> None:
    store(tmp_path, "homeostasis2024", "fig3_response_0", [0.8] * 5)
    store(tmp_path, "homeostasis2024", "table1_N4_0.5", [0.79] * 5)
    store(tmp_path, "homeostasis2024", "table1_N6_0.5", [0.7] * 5)
    store(tmp_path, "homeostasis2024", "table1_N1_0.5", [0.6] * 5)
    assert [(claim.ours, claim.passed) for claim in table1.claims(tmp_path)] == [
        (21.0, True),
        (30.0, False),
        (40.0, True),
    ]


def test_error_by_angle_needs_every_angle(tmp_path: Path) -> None:
    for angle in table1.ANGLES[:-1]:
        store(tmp_path, "homeostasis2024", f"fig3_response_{angle}", [0.8 - angle / 1000] * 5)
        store(tmp_path, "homeostasis2024", f"fig3_adjoint_{angle}", [0.8 - angle / 1000] * 5)
    assert table1.claims(tmp_path) == []
    store(tmp_path, "homeostasis2024", "fig3_response_90", [0.7] * 5)
    store(tmp_path, "homeostasis2024", "fig3_adjoint_90", [0.7] * 5)
    response, adjoint = table1.claims(tmp_path)
    assert response.passed and not adjoint.passed


def test_accuracy_without_feedback_is_compared_with_backpropagation(tmp_path: Path) -> None:
    rows = {"backprop": 0.95, "aep": 0.948, "dyadic": 0.93, "vf": 0.8}
    for name, value in rows.items():
        store(tmp_path, "nonconservative2026", f"feedforward_{name}", [value])
    passed = {claim.text.split(",")[0]: claim.passed for claim in fig1.claims(tmp_path)}
    assert passed == {"AEP": True, "dyadic EP": False, "VF": True}


def test_accuracy_from_a_symmetric_start_is_compared_in_order(tmp_path: Path) -> None:
    for name, value in {"aep": 0.95, "ep": 0.94, "vf": 0.96}.items():
        store(tmp_path, "nonconservative2026", f"symmetric_{name}", [value])
    (claim,) = fig1.claims(tmp_path)
    assert not claim.passed


def test_contrasts_of_dual_propagation_need_every_row(tmp_path: Path) -> None:
    for place, name in enumerate(table.LABELS):
        assert table.claims(tmp_path) == []
        store(
            tmp_path,
            "two_tales2024",
            f"mnist_{name}",
            [0.97] * 5,
            norm_of_product=10.0 * (1 + place),
            fgsm=ATTACK.get(name, 0.4),
        )
    adjoint, lipschitz, attacked = table.claims(tmp_path)
    assert adjoint.passed and attacked.passed
    # By the order of the labels damped DP comes at 50 and 70, DP at 60: it does not double.
    assert not lipschitz.passed


def test_published_numbers_are_for_twenty_epochs(tmp_path: Path) -> None:
    store(tmp_path, "two_tales2024", "mnist_backprop", [0.976] * 20, norm_of_product=60.0, fgsm=0.4)
    accuracy, norm = table.claims(tmp_path)
    assert accuracy.passed and not norm.passed


def test_stability_of_dual_propagation_needs_undamped_rows(tmp_path: Path) -> None:
    names = ["adjoint_0", "adjoint_0.5", "adjoint_1", "dual_0.5", "dual_0", "dual_1"]
    for name in [*names, "damped_0", "damped_1", "backprop", "adversarial"]:
        assert not [claim for claim in table.claims(tmp_path) if "settled" in claim.text]
        settled = 0.7 if name in table.UNDAMPED else 1.0
        store(tmp_path, "two_tales2024", f"mnist_{name}", [0.97] * 4, settled=settled)
    (claim,) = table.claims(tmp_path)
    assert claim.passed
    store(tmp_path, "two_tales2024", "mnist_adjoint_1", [0.97] * 4, settled=0.95)
    (claim,) = table.claims(tmp_path)
    assert not claim.passed


def test_convolutional_runs_are_compared_with_the_exact_gradient_of_their_size(
    tmp_path: Path,
) -> None:
    def stored(name: str, *accuracies: float) -> None:
        store(tmp_path, "hep2022_cnn", name, list(accuracies))

    stored("cifar10_jpeg_hep_N2_width8_images5000", 0.2, 0.30)
    assert table2.claims(tmp_path) == []
    stored("cifar10_jpeg_implicit_width8_images5000", 0.2, 0.305, 0.4)
    (small,) = table2.claims(tmp_path)
    assert small.passed and "8 maps" in small.text and "5000 images" in small.text
    stored("cifar10_hep_N2", *[0.8] * 90)
    small, published = table2.claims(tmp_path)
    assert not published.passed and published.published == 88.56
    stored("cifar10_implicit", *[0.85] * 90)
    whole, _, _ = table2.claims(tmp_path)
    assert not whole.passed and "all images" in whole.text
