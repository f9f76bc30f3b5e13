"""Where Kitaru's own files lie, and what is said there without opening a store."""

from __future__ import annotations

import os
from pathlib import Path

from kitaru._engine.disk import private

# What Kitaru and ZenML keep in the configuration folder.
_OURS = ("config.yaml", "credentials.yaml", "kitaru", "local_stores", "zen_server")

TRUE = ("1", "true", "yes", "on")


def config_folder() -> Path:
    """Return the configuration folder, without importing ZenML."""
    chosen = os.environ.get("KITARU_CONFIG_PATH") or os.environ.get("ZENML_CONFIG_PATH")
    if chosen:
        return Path(chosen).expanduser().absolute()
    import click

    # ZenML uses the same call (zenml.utils.io_utils.get_global_config_directory).
    return Path(click.get_app_dir("zenml"))


def close() -> None:
    """Keep other users out of the configuration folder and of what we have in it."""
    private.close_folder(config_folder(), _OURS)


def own_folder() -> Path:
    """Return the folder for Kitaru's own files: journal, logs."""
    return config_folder() / "kitaru"


def journal_path() -> Path:
    """Return the place of the journal."""
    return own_folder() / "journal.db"


def trusts_pickles() -> bool:
    """Whether the user trusts what others stored: KITARU_TRUST_PICKLES=true."""
    return is_on("KITARU_TRUST_PICKLES")


def wants_write_ahead_log() -> bool:
    """Whether ZenML's local store may be switched to it: KITARU_STORE_WAL, by default yes."""
    return is_on("KITARU_STORE_WAL", default=True)


def is_on(name: str, *, default: bool = False) -> bool:
    """Return what a switch in the environment says; an empty one says nothing."""
    text = os.environ.get(name, "").strip().lower()
    return text in TRUE if text else default


def is_set_up() -> bool:
    """Whether there is a store to look at, without importing ZenML or making one."""
    if os.environ.get("ZENML_STORE_URL") or os.environ.get("KITARU_SERVER_URL"):
        return True
    try:
        lines = config_file().read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return False
    except (OSError, UnicodeDecodeError):
        # Something is there, though broken: who opens it says how.
        return True
    # ZenML writes its configuration first, and the store into it once it is there.
    begins = {line.partition(":")[0] for line in lines}
    return "store" in begins or "user_id" not in begins


def config_file() -> Path:
    return config_folder() / "config.yaml"
