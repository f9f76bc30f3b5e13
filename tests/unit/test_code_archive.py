"""One archive and one folder per content: whole or not there, and nothing escapes."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitaru._engine.code import archive
from kitaru.errors import KitaruBackendError, KitaruUsageError

UNPACKING = """
import sys
from pathlib import Path
from kitaru._engine.code import archive
source, hash, folder = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
home = archive.unpack(Path(source), hash, Path(folder))
print(len(list(home.iterdir())), flush=True)
"""

names = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), max_size=12)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "data").mkdir(parents=True)
    (root / "agent.py").write_text("import helper\n")
    (root / "helper.py").write_text("LINES = 1\n")
    (root / "data" / "two words.txt").write_text("hello\n")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "latest").symlink_to("data/two words.txt")
    return root


def pack(root: Path, destination: Path) -> archive.Packed:
    return archive.pack(root, root / "agent.py", destination)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_was_packed_comes_out_again_read_only(
    project: Path, tmp_path: Path
) -> None:
    packed = pack(project, tmp_path / "archives")

    home = archive.unpack(packed.path, packed.hash, tmp_path / "code")

    assert home == tmp_path / "code" / packed.hash
    assert contents(home) == contents(project)
    assert (home / "latest").readlink() == Path("data/two words.txt")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()}
    assert (modes["agent.py"], modes["run.sh"]) == (0o400, 0o500)
    assert (packed.files, packed.size) == (5, 58)
    assert [path.name for path in (tmp_path / "code").iterdir()] == [packed.hash]


def test_the_same_content_is_packed_once_and_unpacked_once(
    project: Path, tmp_path: Path
) -> None:
    first = pack(project, tmp_path / "archives")
    before = first.path.stat().st_ino
    home = archive.unpack(first.path, first.hash, tmp_path / "code")
    clone = tmp_path / "a fresh clone"
    shutil.copytree(project, clone, symlinks=True)
    for path in clone.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)

    again = pack(clone, tmp_path / "archives")

    assert (again.hash, again.is_new) == (first.hash, False)
    assert again.path.stat().st_ino == before
    assert archive.unpack(Path("/nowhere"), first.hash, tmp_path / "code") == home


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "helper.py").write_text("LINES = 2\n"),
        lambda root: (root / "helper.py").rename(root / "helpers.py"),
        lambda root: (root / "helper.py").chmod(0o755),
        lambda root: (root / "new.py").touch(),
        lambda root: (root / "data" / "two words.txt").unlink(),
        lambda root: (root / "also").symlink_to("helper.py"),
    ],
)
def test_other_content_is_another_archive(
    project: Path, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    before = pack(project, tmp_path / "archives").hash

    change(project)

    assert pack(project, tmp_path / "archives").hash != before


@settings(max_examples=25)
@given(st.dictionaries(names, st.binary(max_size=40), max_size=6))
def test_any_name_and_any_content_survive(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    root = tmp_path_factory.mktemp("any")
    for name, data in files.items():
        (root / f"_{name}").write_bytes(data)
    (root / "agent.py").write_text("")

    packed = pack(root, root.parent / "archives")
    home = archive.unpack(packed.path, packed.hash, root.parent / f"code-{root.name}")

    assert contents(home) == contents(root)


def test_names_that_are_no_text_survive(project: Path, tmp_path: Path) -> None:
    (project / os.fsdecode(b"\xff\xfe.bin")).write_bytes(b"raw")

    packed = pack(project, tmp_path / "archives")
    home = archive.unpack(packed.path, packed.hash, tmp_path / "code")

    assert (home / os.fsdecode(b"\xff\xfe.bin")).read_bytes() == b"raw"


def test_a_damaged_archive_makes_nothing_and_packing_again_mends_it(
    project: Path, tmp_path: Path
) -> None:
    packed = pack(project, tmp_path / "archives")
    whole = packed.path.read_bytes()
    middle = len(whole) // 2
    flipped = bytes([whole[middle] ^ 0xFF])
    damages = {
        "cut": whole[:middle],
        "empty": b"",
        "no archive": b"what is that",
        "one byte": whole[:middle] + flipped + whole[middle + 1 :],
    }

    for data in damages.values():
        packed.path.write_bytes(data)
        with pytest.raises(KitaruBackendError, match="is damaged") as refused:
            archive.unpack(packed.path, packed.hash, tmp_path / "code")
        assert str(packed.path) in str(refused.value)
        assert packed.hash in str(refused.value)
        assert list((tmp_path / "code").iterdir()) == []

    again = pack(project, tmp_path / "archives")
    assert (again.path, again.is_new) == (packed.path, True)
    assert archive.unpack(packed.path, packed.hash, tmp_path / "code").is_dir()


def test_a_lost_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        KitaruBackendError, match=r"s3://bucket/one .*not there any more"
    ):
        archive.unpack(
            tmp_path / "lost", "0" * 32, tmp_path / "code", origin="s3://bucket/one"
        )
    assert list((tmp_path / "code").iterdir()) == []


@pytest.mark.parametrize(
    "hash_", ["../../etc", "", "A" * 32, "0" * 31, "0" * 32 + "\n"]
)
def test_a_hash_is_no_way_out_of_the_folder(tmp_path: Path, hash_: str) -> None:
    with pytest.raises(KitaruBackendError, match="no hash of code"):
        archive.unpack(tmp_path / "any", hash_, tmp_path / "code")


def member(name: str, link: str | None = None, **more: object) -> tarfile.TarInfo:
    about = tarfile.TarInfo(name)
    if link is not None:
        about.type, about.linkname = tarfile.SYMTYPE, link
    for key, value in more.items():
        setattr(about, key, value)
    return about


HOSTILE = {
    "absolute": [member("/tmp/owned")],
    "above": [member("../owned")],
    "above in the middle": [member("a/../../owned")],
    "two names of one place": [member("a"), member("./a")],
    "twice": [member("a"), member("a")],
    "link out": [member("a"), member("out", "../..")],
    "absolute link": [member("a"), member("out", "/etc")],
    "through a link": [member("a/b"), member("to", "a"), member("to/c")],
    "link to a link out": [member("a/b"), member("to", "a"), member("b", "to/../..")],
    "hard link": [member("a"), member("b", "a", type=tarfile.LNKTYPE)],
    "device": [member("null", type=tarfile.CHRTYPE)],
    "pipe": [member("pipe", type=tarfile.FIFOTYPE)],
    "folder": [member("folder", type=tarfile.DIRTYPE)],
    "huge": [member("huge", size=2**40)],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_nothing_leads_out_of_the_folder(tmp_path: Path, kind: str) -> None:
    hostile = tmp_path / "hostile.tar.gz"
    with gzip.open(hostile, "wb") as packed:
        # Past `addfile`, which knows what no archive should have.
        packed.writelines(about.tobuf() for about in HOSTILE[kind])
        packed.write(bytes(tarfile.RECORDSIZE))
    # Whoever made it knows how to name its content.
    try:
        known = archive._content_of(archive._entries(hostile)).hash
    except archive._Damaged:
        known = "0" * 32
    before = sorted(tmp_path.iterdir())

    with pytest.raises(KitaruBackendError):
        archive.unpack(hostile, known, tmp_path / "code")

    assert list((tmp_path / "code").iterdir()) == []
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "code"])


def test_more_than_code_can_have_is_not_unpacked(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.tar.gz"
    with tarfile.open(bomb, "w:gz") as tar:
        for number in range(60):
            tar.addfile(member(str(number), size=2**20), io.BytesIO(bytes(2**20)))

    with pytest.raises(KitaruBackendError, match="more than code can have"):
        archive.unpack(bomb, "0" * 32, tmp_path / "code")


def unpacking(packed: archive.Packed, folder: Path) -> subprocess.Popen[str]:
    """Return a process that is about to unpack."""
    started = subprocess.Popen(
        [sys.executable, "-c", UNPACKING, packed.path, packed.hash, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_many_unpack_one_code_at_once_and_one_of_them_dies(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "agent.py").touch()
    for number in range(300):
        (root / f"m{number}.py").write_text("x = 1\n" * 200)
    packed = pack(root, tmp_path / "archives")
    folder = tmp_path / "code"
    processes = [unpacking(packed, folder) for _ in range(4)]
    victim, *others = processes

    begin(victim)
    while not list(folder.glob(".new-*/m*.py")):
        assert victim.poll() is None
    # Half way: it stands still with some of the files.
    victim.send_signal(signal.SIGSTOP)
    assert not (folder / packed.hash).exists()
    for other in others:
        begin(other)
    said = [other.communicate()[0] for other in others]
    victim.kill()
    victim.wait()

    assert said == ["301\n"] * 3
    assert contents(folder / packed.hash) == contents(root)
    (left,) = folder.glob(".new-*")
    assert archive.unused(folder, {packed.hash}.__contains__) == []
    grow_old(left, folder / packed.hash)
    assert archive.unused(folder, {packed.hash}.__contains__) == [left]
    archive.remove(left)
    assert [path.name for path in folder.iterdir()] == [packed.hash]


def nobody(_: str) -> bool:
    return False


def grow_old(*paths: Path) -> None:
    long_ago = time.time() - 3601
    for path in paths:
        os.utime(path, (long_ago, long_ago))


def test_code_that_nobody_names_goes_an_hour_after_its_last_use(
    project: Path, tmp_path: Path
) -> None:
    archives, folder = tmp_path / "archives", tmp_path / "code"
    packed = pack(project, archives)
    home = archive.unpack(packed.path, packed.hash, folder)
    foreign = archives / f"{'0' * 40}.tar.gz"
    foreign.touch()
    grow_old(home, packed.path, foreign)

    assert archive.unused(folder, {packed.hash}.__contains__) == []
    assert archive.unused(folder, nobody) == [home]
    # Only what has a name of ours.
    assert archive.unused(archives, nobody) == [packed.path]
    assert archive.unused(tmp_path / "nowhere", nobody) == []

    pack(project, archives)
    archive.unpack(packed.path, packed.hash, folder)
    assert archive.unused(folder, nobody) + archive.unused(archives, nobody) == []

    for path in (home, packed.path, packed.path):
        archive.remove(path)
    assert list(folder.iterdir()) == []
    assert list(archives.iterdir()) == [foreign]


def test_a_full_or_closed_disk_leaves_no_half_archive(
    project: Path, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()

    with pytest.raises(KitaruBackendError, match="cannot be stored"):
        pack(project, in_the_way / "archives")
    packed = pack(project, tmp_path / "archives")
    with pytest.raises(KitaruBackendError, match="cannot be unpacked"):
        archive.unpack(packed.path, packed.hash, in_the_way / "code")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_named(project: Path, tmp_path: Path) -> None:
    (project / "helper.py").chmod(0)

    with pytest.raises(KitaruUsageError, match=r"helper\.py .*cannot be read"):
        pack(project, tmp_path / "archives")
