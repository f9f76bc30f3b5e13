"""The figures, tables and pictures of the benchmarks; nothing is measured here."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import publish
from benchmarks.__main__ import WORKLOADS
from benchmarks.environment import Environment
from benchmarks.figures import Findings, Measured, Row, Rule, Sample
from benchmarks.lab import PROGRAMS, Finished, Lab
from benchmarks.results import Measurement, Results
from benchmarks.sides import side
from benchmarks.table import table
from kitaru.testing import FlowTester

HERE = Environment(
    *("a processor", 2, "Linux 6.1", "3.11.7", "3.40.1"),
    versions={"zenml": "0.98.0"},
    commit="0123456789",
    flush_ms=1.2,
    load=0.3,
)


def measured(name: str, *values: float) -> Measured:
    return Measured(name, Sample.of(values), cpu_ms=1.5, peak_mb=200.0)


def row(key: str, what: str, *values: float, rule: Rule = "times") -> Row:
    ours, reference = measured("Kitaru", *values), measured("DBOS, SQLite", 0.004)
    return Row(key, what, ours, reference, rule=rule, limit=0.5)


def results(**workloads: Findings) -> Results:
    done = {key: Measurement(found, 1.0, 0.1) for key, found in workloads.items()}
    return Results(HERE, quick=False, workloads=done)


@pytest.fixture
def all_kinds() -> Results:
    return results(
        P10=Findings([row("P10", "an import", 0.1, rule="at most")]),
        P1=Findings([row("P1", "a checkpoint", 0.001, 0.002, 0.003)]),
        P3=Findings(
            [row("P3", "a long flow", 0.001)],
            {"Kitaru": [0.001, 0.0012, 0.0011], "DBOS, SQLite": [0.004] * 3},
        ),
        P6=Findings([row("P6", "killed at 38 of 40", 1.5, rule="plus")]),
    )


@pytest.mark.parametrize(
    ("program", "arguments", "key", "count"),
    [
        ("trivial", (3, 2), "each", 6),
        ("fan_out", (1, 4), "each", 1),
        ("large", (70_000, 1), "flow", 1),
    ],
)
def test_a_program_says_what_it_measured(
    program: str,
    arguments: tuple[int, ...],
    key: str,
    count: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.syspath_prepend(PROGRAMS)
    monkeypatch.setenv("BENCH_FOLDER", str(tmp_path))

    with FlowTester():
        importlib.import_module(program).main(*arguments)

    said = json.loads(capsys.readouterr().out)
    assert len(said[key]) == count


def test_the_spread_is_from_the_first_to_the_third_quartile() -> None:
    sample = Sample.of([5, 1, 4, 2, 3])

    assert (sample.n, sample.median, sample.spread) == (5, 3, (2, 4))


def test_the_spread_of_few_values_is_from_the_smallest_to_the_largest() -> None:
    assert Sample.of([3, 1]).spread == (1, 3)


@pytest.mark.parametrize(
    ("rule", "allowed", "met"),
    [("times", 1.0, False), ("plus", 2.5, True), ("at most", 0.5, False)],
)
def test_a_target_is_met_by_the_median(rule: Rule, allowed: float, met: bool) -> None:
    ours, reference = measured("Kitaru", 1.1, 1.2, 9.0), measured("import zenml", 2.0)
    target = Row("P1", "something", ours, reference, rule=rule, limit=0.5)

    assert (target.allowed, target.met) == (allowed, met)


def test_a_row_without_a_limit_is_neither_met_nor_missed() -> None:
    assert Row("P1", "something", measured("Kitaru", 1.0)).met is None


def test_cpu_time_of_a_checkpoint_leaves_out_that_of_the_process() -> None:
    full = Finished(began=0, seconds=3, cpu=2.5, peak_mb=210, said={})
    empty = replace(full, cpu=1.5)

    found = side("stock", [0.1], full=[full], empty=[empty], checkpoints=100)

    assert (found.name, found.cpu_ms, found.peak_mb) == ("ZenML", 10.0, 210)


def test_every_target_has_a_workload_that_says_what_it_is() -> None:
    assert list(WORKLOADS) == [f"P{number}" for number in (*range(1, 21), 22)]
    assert all(workload.__doc__ for workload in WORKLOADS.values())


def test_results_come_back_from_their_file(all_kinds: Results, tmp_path: Path) -> None:
    all_kinds.write(tmp_path / "results.json")

    found = Results.read(tmp_path / "results.json")

    assert found == all_kinds
    assert [row.key for row in found.rows] == ["P1", "P3", "P6", "P10"]


def test_a_file_of_another_version_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('{"rows": []}')

    with pytest.raises(ValueError, match="another version"):
        Results.read(tmp_path / "results.json")


def test_results_of_another_commit_are_not_added_to(all_kinds: Results) -> None:
    other = replace(all_kinds, environment=replace(HERE, commit="other"))
    slower_disk = replace(all_kinds, environment=replace(HERE, flush_ms=9.0))

    assert not other.belongs_to(all_kinds)
    assert slower_disk.belongs_to(all_kinds)


def test_the_sides_take_turns_and_change_their_order(tmp_path: Path) -> None:
    lab, order = Lab(quick=True), []
    done = Finished(began=0, seconds=1, cpu=1, peak_mb=1, said={})

    def note(name: str) -> Finished:
        order.append(name)
        return done

    lab.in_turns(3, {"a": lambda: note("a"), "b": lambda: note("b")})
    lab.close()

    assert "".join(order) == "abbaab"


def test_the_table_says_what_was_met_and_missed(all_kinds: Results) -> None:
    lines = table(all_kinds.rows).splitlines()

    assert [line.split()[-1] for line in lines] == ["met", "yes", "yes", "NO", "yes"]


def test_pictures_are_svg_with_all_names(all_kinds: Results) -> None:
    drawn = publish.pictures(all_kinds)

    assert sorted(drawn) == ["checkpoint.svg", "growth.svg", "recovery.svg"]
    for picture in drawn.values():
        texts = list(ElementTree.fromstring(picture).itertext())
        assert {"Kitaru", "DBOS, SQLite"} <= set(texts)


def test_only_the_marked_part_of_the_page_is_replaced() -> None:
    page = f"before\n{publish.BEGIN}\nold\n{publish.END}\nafter\n"

    found = publish.with_section(page, "new\n")

    assert found == f"before\n{publish.BEGIN}\n\nnew\n\n{publish.END}\nafter\n"


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the lines"):
        publish.with_section("# Performance\n", "new")


def test_the_page_shows_the_results_beside_it() -> None:
    found = Results.read(publish.FOLDER / "results.json")

    assert publish.section(found) in publish.PAGE.read_text()
    for name, picture in publish.pictures(found).items():
        assert (publish.FOLDER / name).read_text() == picture
