"""Every error Kitaru raises on purpose.

```
KitaruError
├── KitaruUsageError(ValueError)              the call is wrong
│   ├── KitaruWaitValidationError             the answer does not fit the wait
│   └── KitaruStackIntegrationDependencyError a package for this stack is missing
├── KitaruContextError(RuntimeError)          right call, wrong place
├── KitaruStateError(RuntimeError)            this status does not allow that
├── KitaruRuntimeError(RuntimeError)
│   ├── KitaruWaitExpired(TimeoutError)       nobody answered in time
│   ├── KitaruBackendError                    store, server or disk refused
│   │   └── KitaruLogRetrievalError
│   ├── KitaruModelError                      a language model did not answer
│   │   └── KitaruModelUnavailableError       … but may when asked again
│   ├── KitaruBudgetError                     an execution may not spend more
│   └── KitaruExecutionError                  an execution did not end well
│       ├── KitaruUserCodeError
│       └── KitaruDivergenceError
└── KitaruFeatureNotAvailableError(NotImplementedError)
```
"""

from __future__ import annotations

import functools
from datetime import datetime
from typing import Any


class KitaruError(Exception):
    """Base class of all errors Kitaru raises; catch this to catch them all."""


class KitaruUsageError(KitaruError, ValueError):
    """A call that can never work as written: wrong name, argument or type."""


class KitaruWaitValidationError(KitaruUsageError):
    """An answer that does not fit the schema of its wait; nothing was stored.

    Attributes:
        field: Path of the field that does not fit; `"answer"` for the whole value.
        expected: What the schema asks for, in words.
        got: The value that was given, shortened.
    """

    def __init__(self, message: str, *, field: str, expected: str, got: str) -> None:
        super().__init__(message)
        self.field = field
        self.expected = expected
        self.got = got


class KitaruStackIntegrationDependencyError(KitaruUsageError):
    """A stack needs a Python package that is not installed."""


class KitaruContextError(KitaruError, RuntimeError):
    """A call in the wrong scope, such as `wait()` inside a checkpoint."""


class KitaruStateError(KitaruError, RuntimeError):
    """The execution's status does not allow what was asked for."""


class KitaruRuntimeError(KitaruError, RuntimeError):
    """Something went wrong while working, not in how Kitaru was called."""


class KitaruWaitExpired(KitaruRuntimeError, TimeoutError):
    """Nobody answered a wait before it expired; raised in the flow body.

    Attributes:
        wait: Name of the wait.
        expired_at: When its time was over, in UTC.
    """

    def __init__(self, message: str, *, wait: str, expired_at: datetime) -> None:
        super().__init__(message)
        self.wait = wait
        self.expired_at = expired_at

    def __reduce__(self) -> tuple[Any, ...]:
        """Come back whole from another process."""
        whole = functools.partial(
            type(self), wait=self.wait, expired_at=self.expired_at
        )
        return whole, self.args


class KitaruBackendError(KitaruRuntimeError):
    """The store, the server or the disk refused."""


class KitaruLogRetrievalError(KitaruBackendError):
    """Logs exist but could not be read."""


class KitaruModelError(KitaruRuntimeError):
    """A language model gave no answer; asking again the same way will not help.

    Attributes:
        model: The model, as `provider/model`.
        reason: `authentication`, `quota`, `unknown_model`, `too_long`, `rejected`,
            `content_filter`, `no_text` or `unexpected`; or one of the subclass.
        status_code: The HTTP status of the provider's answer; `None` without an answer.
    """

    def __init__(
        self, message: str, *, model: str, reason: str, status_code: int | None = None
    ) -> None:
        super().__init__(message)
        self.model = model
        self.reason = reason
        self.status_code = status_code


class KitaruModelUnavailableError(KitaruModelError):
    """A language model could not answer now; asking again later may help.

    Its `reason` is `rate_limit`, `overloaded`, `server`, `timeout` or `connection`.

    Attributes:
        retry_after: Seconds the provider asks to wait; `None` if it does not say.
    """

    def __init__(
        self,
        message: str,
        *,
        model: str,
        reason: str,
        status_code: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, model=model, reason=reason, status_code=status_code)
        self.retry_after = retry_after


class KitaruBudgetError(KitaruRuntimeError):
    """An execution has spent its budget, and may not ask a model any more.

    Attributes:
        unit: What is limited: `usd` or `tokens`.
        limit: How much may be spent.
        spent: How much is.
    """

    def __init__(
        self, message: str, *, unit: str = "usd", limit: float = 0, spent: float = 0
    ) -> None:
        super().__init__(message)
        self.unit = unit
        self.limit = limit
        self.spent = spent


class KitaruExecutionError(KitaruRuntimeError):
    """An execution did not end with a result.

    Attributes:
        exec_id: The execution; `None` if nobody said which.
        status: Its `ExecutionStatus`, as text; `None` if nobody said it.
        failure_origin: Its `FailureOrigin`, as text; `None` if it has not failed.
    """

    def __init__(
        self,
        message: str,
        *,
        exec_id: str | None = None,
        status: str | None = None,
        failure_origin: str | None = None,
    ) -> None:
        super().__init__(message)
        self.exec_id = exec_id
        self.status = status
        self.failure_origin = failure_origin


class KitaruUserCodeError(KitaruExecutionError):
    """The flow or a checkpoint raised; the user's own exception is `__cause__`."""


class KitaruDivergenceError(KitaruExecutionError):
    """A rerun of an execution took another path than its earlier attempt."""


class KitaruFeatureNotAvailableError(KitaruError, NotImplementedError):
    """The stack or the installed packages cannot do this."""


class KitaruPickleWarning(UserWarning):
    """A value had no portable form and was pickled."""
