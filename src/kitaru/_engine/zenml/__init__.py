"""The ZenML engine: the only package that imports ZenML.

ZenML internals in use, beside its public client and models; the contract suite fails
loudly when a new version moves one of them:

- `DynamicPipeline._create_snapshot`, `_run_args`: create a run without running it here
- `execution.pipeline.utils.submit_pipeline`, `orchestrator.resume_run`: run it
- `execution.pipeline.dynamic.runner.RunPaused`, `_WaitConditionAborted`: end a run paused
  or cancelled
- `Environment.get_python_packages`: asked once per process
- `Client().zen_store`: step runs and artifact versions in one call each
"""
