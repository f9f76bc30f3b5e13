"""Records that users hold: immutable, made by Kitaru, read by programs and people."""

from kitaru.models.base import Page as Page
from kitaru.models.base import Record as Record
from kitaru.models.cleaning import Cleaned as Cleaned
from kitaru.models.cleaning import CleanItem as CleanItem
from kitaru.models.cleaning import CleanPlan as CleanPlan
from kitaru.models.cleaning import CleanScope as CleanScope
from kitaru.models.cleaning import KeptItem as KeptItem
from kitaru.models.cleaning import Retention as Retention
from kitaru.models.comparisons import ComparedCall as ComparedCall
from kitaru.models.comparisons import ComparedExecution as ComparedExecution
from kitaru.models.comparisons import ComparedSide as ComparedSide
from kitaru.models.comparisons import ComparedWait as ComparedWait
from kitaru.models.comparisons import Comparison as Comparison
from kitaru.models.comparisons import FirstDifference as FirstDifference
from kitaru.models.comparisons import Spent as Spent
from kitaru.models.comparisons import ValueChange as ValueChange
from kitaru.models.connection import ApiKey as ApiKey
from kitaru.models.connection import Connection as Connection
from kitaru.models.connection import LocalServer as LocalServer
from kitaru.models.connection import LoggedOut as LoggedOut
from kitaru.models.connection import NewApiKey as NewApiKey
from kitaru.models.connection import ServiceAccount as ServiceAccount
from kitaru.models.deployments import Build as Build
from kitaru.models.deployments import DeployedFlow as DeployedFlow
from kitaru.models.deployments import Deployment as Deployment
from kitaru.models.executions import AnsweredWait as AnsweredWait
from kitaru.models.executions import ArtifactRef as ArtifactRef
from kitaru.models.executions import AskedWait as AskedWait
from kitaru.models.executions import Breakpoint as Breakpoint
from kitaru.models.executions import CheckpointAttempt as CheckpointAttempt
from kitaru.models.executions import CheckpointCall as CheckpointCall
from kitaru.models.executions import Continuation as Continuation
from kitaru.models.executions import Execution as Execution
from kitaru.models.executions import ExecutionStatus as ExecutionStatus
from kitaru.models.executions import FailureInfo as FailureInfo
from kitaru.models.executions import FailureOrigin as FailureOrigin
from kitaru.models.executions import PendingWait as PendingWait
from kitaru.models.executions import Undelivered as Undelivered
from kitaru.models.fleet import FleetChange as FleetChange
from kitaru.models.language_models import ExecutionBudget as ExecutionBudget
from kitaru.models.language_models import ExecutionUsage as ExecutionUsage
from kitaru.models.language_models import ModelAlias as ModelAlias
from kitaru.models.language_models import Usage as Usage
from kitaru.models.logs import LogEntry as LogEntry
from kitaru.models.logs import LogPlace as LogPlace
from kitaru.models.logs import LogStore as LogStore
from kitaru.models.recordings import RecordedCall as RecordedCall
from kitaru.models.recordings import RecordedFailure as RecordedFailure
from kitaru.models.recordings import RecordedWait as RecordedWait
from kitaru.models.recordings import Recording as Recording
from kitaru.models.recordings import Rehearsed as Rehearsed
from kitaru.models.recovery import Reconciled as Reconciled
from kitaru.models.recovery import Recovery as Recovery
from kitaru.models.recovery import Remedy as Remedy
from kitaru.models.recovery import Trouble as Trouble
from kitaru.models.requests import CurlCommand as CurlCommand
from kitaru.models.schedules import Schedule as Schedule
from kitaru.models.secrets import Secret as Secret
from kitaru.models.secrets import SecretInfo as SecretInfo
from kitaru.models.stacks import ComponentCheck as ComponentCheck
from kitaru.models.stacks import DeletedStack as DeletedStack
from kitaru.models.stacks import Stack as Stack
from kitaru.models.stacks import StackComponent as StackComponent
from kitaru.models.stacks import StackReport as StackReport

# Stores and fingerprints name a record by its public place, not by its file.
for _record in tuple(vars().values()):
    if isinstance(_record, type):
        _record.__module__ = __name__
