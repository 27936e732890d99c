"""Every source that a docstring names is a work in references.bib, and is found by what uses it."""

import re
from pathlib import Path

import jax
import pytest
from public_names import PUBLIC

import osciprop
from osciprop.files.references import entries, is_named, plain, sources

BIBLIOGRAPHY = Path(osciprop.files.references.__file__).with_name("references.bib")
TOLD = {name: list(map(plain, sources(thing))) for name, thing in PUBLIC.items()}
NAMED = re.compile(r"\d{4}\.\d{4,5}|[A-Z]\w+ (?:et al\. )?(?:19|20)\d\d|[a-z_]+20\d\d")


def cited(*things):
    return re.findall(r"^@\w+\{(\w+),", osciprop.bibtex(*things), flags=re.MULTILINE)


def test_the_file_is_read_whole():
    text = BIBLIOGRAPHY.read_text(encoding="utf-8")
    assert len(entries()) == text.count("\n@") + 1 > 50
    for key, entry in entries().items():
        assert entry.count("{") == entry.count("}"), key
        assert "title" in entry and "year" in entry, key


def test_every_source_is_a_work():
    unknown = {}
    for name, told in TOLD.items():
        for source in told:
            works = [key for key, entry in entries().items() if is_named(key, entry, source)]
            if not works and NAMED.search(source):
                unknown[name] = source
    assert unknown == {}


def test_every_work_is_somewhere_s_source():
    told = " ".join(source for sources in TOLD.values() for source in sources)
    unused = [key for key, entry in entries().items() if not is_named(key, entry, told)]
    assert unused == ["osciprop"]


@pytest.mark.parametrize(
    ("thing", "works"),
    [
        (osciprop.HolomorphicEP(0.1, 4), {"hep2022"}),
        (osciprop.gradients.FrequencyPropagation(), {"anisetti2024"}),
        (osciprop.gradients.CoupledLearning, {"scellier2023", "stern2021"}),
        (osciprop.datasets.mnist, {"lecun1998"}),
        (osciprop.gradients.RecurrentBackprop, {"almeida1987", "pineda1987"}),
        (osciprop.training.FastGradientSign(0.1), {"goodfellow2015"}),
        ("hep2022", set()),
    ],
)
def test_a_thing_has_its_works(thing, works):
    assert works <= set(cited(thing))
    if not works:
        assert cited(thing) == ["osciprop"]


def test_what_things_hold_counts():
    method = osciprop.LagCorrected(osciprop.SettledOscillation(0.1, 100.0))
    script = {"method": method, "seed": 0, "itself": None}
    script["itself"] = script
    assert cited(script) == cited(method)
    assert "kundert1986" in cited(method)
    network = osciprop.hopfield_mlp([4, 5, 3], key=jax.random.key(0))
    assert set(cited([network], method)) >= {"hep2022", "kundert1986"}


def test_accents_and_long_lists_of_authors_are_found():
    assert is_named(
        "bengio2013", entries()["bengio2013"], plain("Bengio, Léonard and Courville 2013")
    )
    told = "Anisetti, Kandala, Scellier and Schwarz 2024."
    assert is_named("anisetti2024", entries()["anisetti2024"], told)
    assert not is_named("scellier2024", entries()["scellier2024"], told)
    assert not is_named("kuramoto1984", entries()["kuramoto1984"], "Kuramoto 1975")
