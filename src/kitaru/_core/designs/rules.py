"""What is wrong with a `flow_architecture.md`: one function a rule, one text a problem."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kitaru._core.designs import document, jobs
from kitaru._core.designs.document import Document, Part, Section
from kitaru._core.designs.jobs import Granted
from kitaru._core.words.similar import did_you_mean
from kitaru._core.words.wording import many

SECTIONS = (
    "Overview",
    "Fit Assessment",
    "Operator Surface",
    "State and Artifact Strategy",
    "Flow Design",
    "Cross-Flow Data",
    "Naming Strategy",
    "Deferred",
    "Open Questions",
)
PARTS = (
    "purpose",
    "trigger",
    "checkpoints",
    "waits",
    "replay anchors",
    "replay story",
    "side effects",
)
LENGTH = (60, 120)
CHECKPOINTS = (2, 4)
WAITS = 1
QUESTIONS = 3
NOTHING = {"", "-", "no", "none", "nothing"}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NEVER = re.compile(
    r"\b(road ?map|time ?line|story points?|(?:person|man)[- ]days?|"
    r"(?:\d+|several|few) (?:sprints?|weeks? of work|days? of work))\b",
    re.IGNORECASE,
)
_INVOCATION = re.compile(r"_\d+$")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and in which line of the document (from 1)."""

    line: int
    text: str


def check(text: str, granted: Granted) -> list[Problem]:
    """Return what is wrong with a document, in its order.

    Args:
        text: The document.
        granted: For each operation the surfaces that offer it.
    """
    whole = document.parse(text)
    problems = [
        *_sections(whole),
        *_length(whole),
        *_never(whole),
        *_surfaces(whole, granted),
        *_questions(whole),
        *_flows(whole),
    ]
    return sorted(problems, key=lambda problem: problem.line)


def _sections(whole: Document) -> Iterator[Problem]:
    there = [s for s in whole.sections if s.level == 2]
    titles = [section.title.lower() for section in there]
    for title in SECTIONS:
        if title.lower() not in titles:
            yield Problem(
                whole.length,
                f"section '## {title}' is missing; if there is nothing to say, say that",
            )
    known = [title.lower() for title in SECTIONS]
    for section in there:
        if section.title.lower() not in known:
            meant = did_you_mean(section.title, SECTIONS)
            yield Problem(
                section.line, f"section {section.title!r} is none of the nine{meant}"
            )
    order = [known.index(title) for title in titles if title in known]
    if order != sorted(order):
        yield Problem(1, f"the sections stand in another order: {', '.join(SECTIONS)}")


def _length(whole: Document) -> Iterator[Problem]:
    least, most = LENGTH
    if whole.length < least:
        yield Problem(
            whole.length,
            f"it has {whole.length} lines, fewer than {least}: too little to build from",
        )
    if whole.length > most:
        yield Problem(
            whole.length,
            f"it has {whole.length} lines, more than {most}: cut the first version "
            "smaller, and move the rest to Deferred",
        )


def _never(whole: Document) -> Iterator[Problem]:
    for line in whole.fences:
        yield Problem(line, "it has a block of code; a specification has none")
    for number, text in enumerate(whole.lines, start=1):
        found = _NEVER.search(text)
        if found:
            yield Problem(
                number,
                f"{found[0]!r}: estimates and plans of time do not belong into it",
            )


def _surfaces(whole: Document, granted: Granted) -> Iterator[Problem]:
    section = whole.titled("Operator Surface")
    if section is None:
        return
    rows = section.table()
    if not rows:
        yield Problem(
            section.line,
            "Operator Surface has no table: a line for each job, | job | surface |",
        )
    names = {name.lower(): name for surfaces in granted.values() for name in surfaces}
    for row in rows:
        job = row.get("job") or row.first
        surfaces = jobs.offered(job, granted)
        if surfaces is None:
            yield Problem(
                row.line,
                f"job {job!r} is none that Kitaru has{did_you_mean(job, granted)}",
            )
            continue
        for word in re.split(r"[,/]| and ", row.get("surface", "surfaces")):
            name = names.get(word.strip(" `").lower())
            if name is None:
                yield Problem(
                    row.line,
                    f"{word.strip()!r} is no surface; these are: {', '.join(sorted(names.values()))}",
                )
            elif name not in surfaces:
                yield Problem(
                    row.line,
                    f"{job!r} is not offered by the {name}; it is by: "
                    f"{', '.join(sorted(surfaces)) or 'none'}",
                )


def _questions(whole: Document) -> Iterator[Problem]:
    section = whole.titled("Open Questions")
    asked = section.bullets() if section else []
    if section and len(asked) > QUESTIONS:
        yield Problem(
            section.line,
            f"{len(asked)} open questions, more than {QUESTIONS}: decide the others now",
        )


def _flows(whole: Document) -> Iterator[Problem]:
    section = whole.titled("Flow Design")
    if section is None:
        return
    flows = [s for s in whole.below(section) if s.level == 3]
    if not flows:
        yield Problem(section.line, "Flow Design has no flow: '### Flow: name'")
    for flow in flows:
        yield from _flow(flow)


def _flow(flow: Section) -> Iterator[Problem]:
    name = flow.title.partition(":")[2].strip(" `") or flow.title.strip(" `")
    parts = flow.parts()
    yield from _named(name, flow.line, "flow")
    for wanted in PARTS:
        if wanted not in parts:
            yield Problem(
                flow.line,
                f"flow {name!r} says nothing of its {wanted}: '**{wanted.capitalize()}:**'",
            )
        elif parts[wanted].is_empty:
            yield Problem(parts[wanted].line, f"the {wanted} of {name!r} are empty")
    empty = Part(flow.line)
    checkpoints = parts.get("checkpoints", empty)
    waits = parts.get("waits", empty)
    yield from _checkpoints(name, checkpoints, parts)
    yield from _waits(name, waits, parts)
    names = [_plain(row.first) for row in checkpoints.rows]
    asked = [_plain(row.first) for row in waits.rows]
    for twice in sorted({n for n in names + asked if (names + asked).count(n) > 1}):
        yield Problem(flow.line, f"{twice!r} stands for two things in {name!r}")
    yield from _anchors(names, asked, parts.get("replay anchors", empty))
    yield from _effects(names, checkpoints, parts.get("side effects", empty))


def _checkpoints(name: str, part: Part, parts: dict[str, Part]) -> Iterator[Problem]:
    least, most = CHECKPOINTS
    count = len(part.rows)
    if count > most and "why so many checkpoints" not in parts:
        yield Problem(
            part.line,
            f"flow {name!r} has {many(count, 'checkpoint')}, more than {most}: cut it, or say "
            "'**Why so many checkpoints:**'",
        )
    if count < least and "why so few checkpoints" not in parts:
        yield Problem(
            part.line,
            f"flow {name!r} has {many(count, 'checkpoint')}, fewer than {least}: is it worth a "
            "flow? If so, say '**Why so few checkpoints:**'",
        )
    for row in part.rows:
        yield from _named(_plain(row.first), row.line, "checkpoint")
        if _plain(row.get("returns", "output", "output type")).lower() in NOTHING - {
            "none"
        }:
            yield Problem(
                row.line, f"checkpoint {row.first!r} does not say what it returns"
            )


def _waits(name: str, part: Part, parts: dict[str, Part]) -> Iterator[Problem]:
    if len(part.rows) > WAITS and "why so many waits" not in parts:
        yield Problem(
            part.line,
            f"flow {name!r} has {many(len(part.rows), 'wait')}, more than {WAITS}: leave the "
            "first version one, or say '**Why so many waits:**'",
        )
    for row in part.rows:
        wait = _plain(row.first)
        yield from _named(wait, row.line, "wait")
        where = row.get("where", "scope", "in").lower()
        if "flow body" not in where or "checkpoint" in where:
            yield Problem(
                row.line,
                f"wait {wait!r} stands in {where or 'nothing that is named'!r}; a wait "
                "works in the flow body only",
            )
        if "schema" not in row.cells or not row.cells["schema"]:
            yield Problem(
                row.line, f"wait {wait!r} has no schema; 'none' is a plain gate"
            )


def _anchors(names: list[str], asked: list[str], part: Part) -> Iterator[Problem]:
    for row in part.rows:
        anchor = _plain(row.first)
        if anchor in names or _INVOCATION.sub("", anchor) in names:
            continue
        if anchor in asked or anchor.startswith("wait."):
            yield Problem(
                row.line,
                f"anchor {anchor!r} is a wait; a replay begins at a checkpoint, take the "
                "one before or after",
            )
        else:
            yield Problem(
                row.line,
                f"anchor {anchor!r} is no checkpoint of this flow{did_you_mean(anchor, names)}",
            )


def _effects(names: list[str], checkpoints: Part, part: Part) -> Iterator[Problem]:
    guarded: list[str] = []
    for row in part.rows:
        place = _plain(row.get("checkpoint", "where", "in"))
        effect = row.get("effect") or row.first
        if place not in names:
            yield Problem(
                row.line,
                f"side effect {effect!r} stands in {place or 'no place'!r}; it belongs into "
                "a checkpoint of its own",
            )
        elif place in guarded:
            yield Problem(
                row.line,
                f"checkpoint {place!r} has two side effects; each belongs into a "
                "checkpoint of its own, so that one is not done twice for the other",
            )
        if row.get("guard", "guards").lower() in NOTHING:
            yield Problem(
                row.line,
                f"side effect {effect!r} has no guard: what if it is begun twice? An "
                "idempotency key, `call_key()`, or a check before it",
            )
        guarded.append(place)
    for row in checkpoints.rows:
        said = row.get("side effect", "side effects").lower()
        name = _plain(row.first)
        if said not in NOTHING and name not in guarded:
            yield Problem(
                row.line,
                f"checkpoint {name!r} has a side effect without a line in Side effects",
            )


def _named(name: str, line: int, what: str) -> Iterator[Problem]:
    if not _NAME.fullmatch(name):
        yield Problem(
            line,
            f"{what} name {name!r} is no Python name in lower case; people type it",
        )


def _plain(cell: str) -> str:
    return cell.strip(" `*")
