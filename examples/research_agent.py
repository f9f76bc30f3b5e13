"""Deep research over a folder of documents, with a person before publication.

    python examples/research_agent.py
    python examples/research_agent.py --folder docs --question "How do retries work?"

Without `--folder` it reads the descriptions and licences of the installed packages. It
needs no API key and no network: it ranks by BM25 and quotes word for word, with sources.
Kill it whenever you like: `kitaru executions retry ID` goes on where it was.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
import sysconfig
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from textwrap import shorten

from pydantic import BaseModel

import kitaru
from kitaru import checkpoint, flow

QUESTION = "What do these licences require when software is redistributed?"
TOPICS, QUOTES, CANDIDATES = 4, 3, 30
TEXT_FILES = (".md", ".txt", ".rst")
LICENCE_FILE = re.compile(r"licen[cs]e|copying|notice", re.IGNORECASE)
LITTLE_WORDS = """
    about above all also and any are been but can could did does each either every for
    from had has have her here him his how however into its itself may might more most
    must nor not only other our own per shall she should some such than that the their
    them then there these they this those under use used uses using was were what when
    where which while who whom whose why will with within without would you your
"""
STOPWORDS = frozenset(LITTLE_WORDS.split())
ENDING = re.compile(r"(?<=....)(?:ements?|ations?|ings?|ions?|ies|y|ed|es?|(?<!s)s)$")
# Lines that are a heading, where paragraphs and list items begin, and what marks them.
UNDERLINED = re.compile(r"^.*\n\s*([=~^\"-])\1{3,}[ \t]*$", re.MULTILINE)
NEXT_BLOCK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*•]|\(?\w{1,3}[.)])\s)")
LIST_MARK = re.compile(r"^\s*(?:[#>*•-]+|\(?\w{1,3}[.)])\s+")
LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
Documents = dict[str, str]  # what was read, by where it comes from
Findings = dict[str, "list[Passage]"]  # what is quoted, by topic


class Passage(BaseModel, frozen=True):
    """A few sentences, every source that has them, and how well they answer."""

    text: str
    sources: list[str]
    score: float = 0.0


class Review(BaseModel):
    """The reviewer's answer."""

    approved: bool
    note: str = ""


@flow
def research(question: str, folder: str | None, report: str, stay: float) -> str:
    """Return what became of the report on `question`."""
    kitaru.log(question=question, documents_from=folder or "installed packages")
    documents = collect(folder)
    relevant = rank(documents, question)
    if not relevant:
        return f"Nothing in {len(documents)} documents answers: {question}"
    findings: Findings = {}
    for topic in choose_topics(relevant, question):
        known = [quote.text for quotes in findings.values() for quote in quotes]
        findings[topic] = extract(documents, question, topic, known)
    text = draft(question, documents, findings)
    review = kitaru.wait(
        schema=Review,
        name="review",
        question=f"Publish {len(text.split())} words as {Path(report).name}?",
        timeout=stay,
    )
    if not review.approved:
        return f"Not published. The reviewer said: {review.note or 'no'}"
    return publish(text, review, report)


@checkpoint
def collect(folder: str | None) -> Documents:
    """Read all documents, in an order that does not change."""
    note_work("collect")
    documents = read_folder(Path(folder)) if folder else read_packages()
    kitaru.log(documents=len(documents))
    if not documents:
        raise ValueError(f"no text or Markdown files in {folder or 'the packages'}")
    return documents


@checkpoint
def rank(documents: Documents, question: str) -> list[Passage]:
    """Return the passages that answer the question best, best first."""
    note_work("rank")
    query = Counter(stems(question))
    kitaru.save("query", sorted(query), type="context")
    found = bm25(split_passages(documents), query)
    return merge_similar(found[: 8 * CANDIDATES])[:CANDIDATES]


@checkpoint
def choose_topics(relevant: list[Passage], question: str) -> list[str]:
    """Return the phrases that divide the relevant passages best."""
    note_work("choose_topics")
    asked = set(stems(question))
    left = list(relevant)
    topics: list[str] = []
    while left and len(topics) < TOPICS:
        weights: dict[str, float] = defaultdict(float)
        for passage in left:
            weight = passage.score * math.log2(1 + len(passage.sources))
            for phrase in set(phrases(passage.text)):
                if asked.isdisjoint(stems(phrase)):
                    weights[phrase] += weight
        if not weights:
            break
        topic = min(weights, key=lambda phrase: (-weights[phrase], phrase))
        topics.append(topic)
        left = [p for p in left if topic not in phrases(p.text)]
    kitaru.log(topics=topics)
    return topics


@checkpoint
def extract(
    documents: Documents, question: str, topic: str, known: list[str]
) -> list[Passage]:
    """Search everything again for one topic, and quote what is not quoted yet."""
    note_work(f"extract: {topic}")
    asked, wanted = stems(question), stems(topic)
    query = {**dict.fromkeys(asked, 1.0), **dict.fromkeys(wanted, 2.0)}
    found = [
        passage
        for passage in bm25(split_passages(documents), query)[: 8 * CANDIDATES]
        if set(wanted) <= (has := set(stems(passage.text))) and has & set(asked)
    ]
    quotes = [p for p in merge_similar(found) if is_new(p.text, known)][:QUOTES]
    print(f"{topic}: {len(found)} passages, {len(quotes)} quoted")
    kitaru.log(passages=len(found), quotes=len(quotes))
    return quotes


@checkpoint
def draft(question: str, documents: Documents, findings: Findings) -> str:
    """Write the report as Markdown."""
    note_work("draft")
    short, body = [f"# {question}", "", "## In short", ""], [""]
    cited: dict[str, list[int]] = defaultdict(list)
    number = 0
    for topic, quotes in findings.items():
        if quotes:
            said = shorten(quotes[0].text, 220, placeholder=" …")
            short.append(f"- **{topic}** ({in_documents(quotes[0])}): {said}")
            body += [f"## {topic.capitalize()}", ""]
        for quote in quotes:
            number += 1
            body += [f"> {quote.text}\n>\n> — [{number}] {in_documents(quote)}", ""]
            for source in quote.sources:
                cited[source].append(number)
    words = sum(len(text.split()) for text in documents.values())
    tail = ["## Sources", "", f"Read: {len(documents)} documents, {words:,} words; "]
    tail[-1] += f"quoted: {len(cited)} of them. Near-identical texts count as one."
    together: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for source in sorted(cited, key=str.casefold):
        together[tuple(cited[source])].append(source)
    for numbers in sorted(together):
        places = "; ".join(together[numbers])
        tail += ["", f"- **[{', '.join(map(str, numbers))}]** {places}"]
    return "\n".join([*short, *body, *tail, ""])


@checkpoint
def publish(text: str, review: Review, report: str) -> str:
    """Write the report file: the one effect outside, so the last step, on its own."""
    note_work("publish")
    note = f"\n---\n\nApproved. Reviewer's note: {review.note or 'none'}\n"
    path = Path(report)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Either the old file or the new one is there, never half of it.
    part = path.with_name(f".{path.name}.part")
    part.write_text(text + note, encoding="utf-8")
    part.replace(path)
    kitaru.save("published", text + note, tags=["report"])
    return f"Published {report}"


def note_work(work: str) -> None:
    """Append a line to the file RESEARCH_DIARY, for whoever counts what really ran."""
    diary = os.environ.get("RESEARCH_DIARY")
    if diary:
        with Path(diary).open("a", encoding="utf-8") as file:
            file.write(work + "\n")


def read_folder(folder: Path) -> Documents:
    found: Documents = {}
    for path in sorted(folder.rglob("*")):
        source = path.relative_to(folder).as_posix()
        hidden = source.startswith(".") or "/." in source
        if path.suffix in TEXT_FILES and path.is_file() and not hidden:
            found[source] = path.read_text("utf-8", "replace")
    return found


def read_packages() -> Documents:
    found: Documents = {}
    # Not sys.path: what is on it depends on what was imported before.
    places = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    for package in metadata.distributions(path=places):
        name = f"{package.metadata['Name']} {package.version}"
        about = package.metadata.get("Description") or package.metadata.get_payload()
        found.setdefault(f"{name}, description", str(about or ""))
        for file in package.files or ():
            path = Path(str(file.locate()))
            own = ".dist-info" in file.parts[0]
            if own and LICENCE_FILE.match(file.name) and path.is_file():
                text = path.read_text("utf-8", "replace")
                found.setdefault(f"{name}, {file.name}", text)
    return {source: found[source] for source in sorted(found, key=str.casefold)}


def split_passages(documents: Documents) -> list[Passage]:
    """Return the prose of the documents; equal passages are one with many sources."""
    found: dict[str, tuple[str, list[str]]] = {}
    for source, document in documents.items():
        for block in NEXT_BLOCK.split(UNDERLINED.sub("", document)):
            text = clean(block)
            if is_prose(text):
                _, sources = found.setdefault(" ".join(stems(text)), (text, []))
                if source not in sources:
                    sources.append(source)
    return [Passage(text=text, sources=sources) for text, sources in found.values()]


def clean(block: str) -> str:
    text = LIST_MARK.sub("", LINK.sub(r"\1", block))
    return " ".join(text.replace("`", "").replace("*", "").split())


def is_prose(text: str) -> bool:
    tokens = text.split()
    wordlike = sum(token.strip(".,;:()\"'").isalpha() for token in tokens)
    small = sum(token[0].islower() for token in tokens)
    return 8 <= len(tokens) <= 160 and wordlike > 0.8 * len(tokens) < 2 * small


def stems(text: str) -> list[str]:
    """Return the telling words of a text, without their endings."""
    words = re.findall(r"[^\W\d_]{3,}", text.lower().replace("licence", "license"))
    return [ENDING.sub("", word) for word in words if word not in STOPWORDS]


def phrases(text: str) -> list[str]:
    """Return the pairs of telling words that stand side by side."""
    tokens = re.findall(r"[^\W\d_]+|\S", text.lower())
    return [
        f"{first} {second}"
        for first, second in pairwise(tokens)
        if all(len(w) > 2 and w not in STOPWORDS for w in (first, second))
    ]


def bm25(passages: Sequence[Passage], query: Mapping[str, float]) -> list[Passage]:
    """Return the passages with a score for the query, best first."""
    counts = [Counter(stems(passage.text)) for passage in passages]
    lengths = [sum(count.values()) for count in counts]
    average = sum(lengths) / max(len(lengths), 1)
    holding = Counter(stem for count in counts for stem in query if stem in count)
    scored = []
    for passage, count, length in zip(passages, counts, lengths, strict=True):
        score = 0.0
        for wanted, weight in query.items():
            rarity = math.log(1 + len(passages) / (holding[wanted] + 0.5))
            frequency = count[wanted]
            norm = 0.25 + 0.75 * length / average
            score += weight * rarity * frequency * 2.2 / (frequency + 1.2 * norm)
        # What many documents say counts more than what one says.
        score *= 1 + 0.25 * math.log2(len(passage.sources))
        if score > 0:
            scored.append(passage.model_copy(update={"score": score}))
    return sorted(scored, key=lambda passage: (-passage.score, passage.text))


def similarity(one: str, other: str) -> float:
    left, right = set(stems(one)), set(stems(other))
    return len(left & right) / max(len(left | right), 1)


def is_new(text: str, known: Iterable[str]) -> bool:
    return all(similarity(text, other) < 0.5 for other in known)


def merge_similar(passages: Sequence[Passage]) -> list[Passage]:
    """Return the passages, those made one that differ in a few words only."""
    kept: list[Passage] = []
    for passage in passages:
        twin = next((k for k in kept if similarity(k.text, passage.text) > 0.6), None)
        if twin is None:
            kept.append(passage)
            continue
        sources = sorted({*twin.sources, *passage.sources}, key=str.casefold)
        text = max(twin, passage, key=lambda one: len(one.sources)).text
        kept[kept.index(twin)] = Passage(text=text, sources=sources, score=twin.score)
    return kept


def in_documents(quote: Passage) -> str:
    count = len(quote.sources)
    return quote.sources[0] if count == 1 else f"{count} documents"


def main() -> None:
    parser = argparse.ArgumentParser(description="Deep research over documents.")
    parser.add_argument("--question", default=QUESTION, help="what to find out")
    parser.add_argument("--folder", type=Path, help="text and Markdown files to read")
    parser.add_argument("--report", type=Path, default=Path("report.md"))
    parser.add_argument("--stay", type=float, default=600, help="seconds for an answer")
    given = parser.parse_args()
    if given.folder and not given.folder.is_dir():
        parser.error(f"{given.folder} is not a folder")
    handle = research.run(
        question=given.question,
        folder=str(given.folder.resolve()) if given.folder else None,
        # Another process, in another folder, may be the one that publishes.
        report=str(given.report.resolve()),
        stay=given.stay,
    )
    try:
        print(handle.wait())
    except kitaru.KitaruStateError as paused:
        print(paused)
    except kitaru.KitaruExecutionError as failed:
        sys.exit(str(failed))


if __name__ == "__main__":
    main()
