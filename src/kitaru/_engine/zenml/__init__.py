"""The ZenML engine: the only package that imports ZenML.

ZenML internals in use, beside its public client and models. The contract and integration
suites use each of them, so that a version which moves one fails there:

- `DynamicPipeline._create_snapshot`, `_run_args`: create a run without running it here
- `execution.pipeline.utils.submit_pipeline`: start it elsewhere;
  `orchestrator.submit_dynamic_pipeline`: run it here
- `execution.pipeline.dynamic.runner.RunPaused`, `_WaitConditionAborted`: end a run paused
  or cancelled
- `StepLauncher._run_step`: start a pod for a step run that we have created
- `Environment.get_python_packages`, `IntegrationRegistry.activate_integrations`: replaced
  by ones that ask once per process
- `source_utils.set_custom_source_root`: run without a main script
- `active_stack_model`, `active_project` of its client: run on another stack or in another
  project than the active one
- `Client().zen_store`: step runs and artifact versions in one call each
- `zen_stores.schemas`, `SqlZenStore.engine`: many finished steps in one commit, for the versions in
  `local_rows.COMPARED`
"""
