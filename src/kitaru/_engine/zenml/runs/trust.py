"""The gate: whether code that stored content names may run in this process.

Unpickling runs code, a tagged value may import the module of its class, and an execution
names the file its flow is loaded from. For content that this user made that is what was
asked for; other people's content is data.
"""

from __future__ import annotations

from uuid import UUID

from zenml.client import Client
from zenml.enums import StoreType
from zenml.models import PipelineRunResponse, UserResponse

from kitaru._core.values.tagging import Permit
from kitaru._engine.journal.journal import Journal
from kitaru._engine.settings import folders
from kitaru._engine.zenml.setup.errors import translated
from kitaru.errors import KitaruUsageError

_HOW = "set KITARU_TRUST_PICKLES=true"


class Gate:
    """Knows whose an execution is."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def of_execution(
        self, execution_id: str, what: str, *, trust: bool = False
    ) -> Permit:
        """Return what is asked before code runs that content of an execution names.

        Args:
            execution_id: The execution that the content was stored by or found with.
            what: What the content is, for the refusal.
            trust: Whether the caller said that it may.
        """
        vouched = trust

        def ask(action: str) -> None:
            nonlocal vouched
            if not vouched:
                self.check(execution_id, f"{what} was not loaded: {action}")
            # Values of many parts ask for each of them.
            vouched = True

        return ask

    def of_author(self, author: UserResponse | None, what: str, trust: bool) -> Permit:
        """Return the same for what no execution of Kitaru stored: no journal knows it."""

        def ask(action: str) -> None:
            is_own = author is not None and author.id == Client().active_user.id
            if trust or folders.trusts_pickles() or is_own:
                return
            raise _refusal(f"{what} was not loaded: {action}", author)

        return ask

    def check(self, execution_id: str, what: str) -> None:
        """Refuse to run code of an execution that is not this user's.

        Raises:
            KitaruUsageError: If it was made by somebody else, or found in a store that
                cannot tell, and nobody said to trust it; begins with `what`.
        """
        if folders.trusts_pickles() or self._journal.was_started_here(execution_id):
            return
        with translated(f"reading the author of execution {execution_id}"):
            author = Client().zen_store.get_run(UUID(execution_id)).user
            if not _is_this_user(author):
                raise _refusal(what, author)

    def vouches_for(self, run: PipelineRunResponse) -> bool:
        """Whether an execution was made by this user."""
        try:
            self.check(str(run.id), "")
        except KitaruUsageError:
            return False
        return True


def _is_this_user(author: UserResponse | None) -> bool:
    """Whether a server says that content is of the user we are logged in as.

    A store that is a file says what its last writer wrote.
    """
    client = Client()
    if client.zen_store.type is not StoreType.REST:
        return False
    return author is not None and author.id == client.active_user.id


def _refusal(what: str, author: UserResponse | None) -> KitaruUsageError:
    is_known = author is not None and author.id != Client().active_user.id
    made = f"by {author.name}" if author and is_known else "by somebody unknown here"
    return KitaruUsageError(
        f"{what} runs code that was written {made}. If you trust them, {_HOW} (for a "
        "single value, load(trust=True))"
    )
