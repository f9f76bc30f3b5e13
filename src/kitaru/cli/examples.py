"""Examples for the help of every command, two or more."""

from __future__ import annotations

import typer

EXAMPLES: dict[str, tuple[str, ...]] = {
    "": ("kitaru", "kitaru executions list --status waiting", "kitaru -o json"),
    "init": (
        "kitaru init",
        "kitaru init my-agents --example",
        "kitaru init --example support",
    ),
    "info": ("kitaru info", "kitaru info --all -o json"),
    "check": ("kitaru check", "kitaru check flows/article.py -o json"),
    "reconcile": ("kitaru reconcile --dry-run", "kitaru reconcile --watch --every 60"),
    "login": (
        "kitaru login",
        "kitaru login https://zenml.example.com --project agents",
        "kitaru login https://zenml.example.com --api-key -",
    ),
    "logout": ("kitaru logout", "kitaru logout --all"),
    "ui": ("kitaru ui", "kitaru ui --port 4800 --no-browser"),
    "status": ("kitaru status", "kitaru status -o json"),
    "executions": (
        "kitaru executions list",
        "kitaru executions get 1b2c3d4e",
        "kitaru executions retry 1b2c3d4e --wait",
    ),
    "executions list": (
        "kitaru executions list --flow research_agent --status failed",
        "kitaru executions list --tag nightly --where customer=a --since 2d",
        "kitaru executions list --failed-in publish --limit 1 -o json",
    ),
    "executions get": (
        "kitaru executions get 1b2c3d4e",
        "kitaru executions get 1b2c3d4e -o json",
    ),
    "executions input": (
        "kitaru executions input 1b2c3d4e --value true",
        "kitaru executions input 1b2c3d4e --wait approve --value '\"looks good\"'",
        "kitaru executions input 1b2c3d4e -i",
        "kitaru executions input 1b2c3d4e --continue",
    ),
    "executions retry": (
        "kitaru executions retry 1b2c3d4e --wait",
        "kitaru executions retry --all --flow research_agent --since 2d --dry-run",
    ),
    "executions resume": (
        "kitaru executions resume 1b2c3d4e",
        "kitaru executions resume 1b2c3d4e --wait",
    ),
    "executions replay": (
        "kitaru executions replay 1b2c3d4e --from draft",
        "kitaru executions replay 1b2c3d4e --from draft_2 "
        '--args \'{"topic": "octopuses"}\'',
        "kitaru executions replay 1b2c3d4e --from publish "
        '--overrides \'{"checkpoint.draft": "a new text"}\'',
        "kitaru executions replay 1b2c3d4e --from draft --break-before publish",
        "kitaru executions replay 1b2c3d4e --from draft --budget-usd 5",
    ),
    "executions break": (
        "kitaru executions break 1b2c3d4e --before publish",
        "kitaru executions break research_agent --before analyze --next",
        "kitaru executions break 1b2c3d4e --before publish --remove",
    ),
    "executions cancel": (
        "kitaru executions cancel 1b2c3d4e",
        "kitaru executions cancel --all --tag nightly --status waiting --yes",
    ),
    "executions compare": (
        "kitaru executions compare 1b2c3d4e 9f8e7d6c",
        "kitaru executions compare 1b2c3d4e 9f8e7d6c -o json",
    ),
    "executions export": (
        "kitaru executions export 1b2c3d4e -o tests/recordings/article.json",
        "kitaru executions export 1b2c3d4e",
    ),
    "executions logs": (
        "kitaru executions logs 1b2c3d4e --follow",
        "kitaru executions logs 1b2c3d4e --checkpoint draft --limit 20",
    ),
    "build": (
        "kitaru build flows/research.py:research_agent",
        "kitaru build flows/research.py:research_agent --stack production",
    ),
    "deploy": (
        "kitaru deploy flows/research.py:research_agent",
        "kitaru deploy my_package.flows:main --tag staging --stack production",
    ),
    "invoke": (
        'kitaru invoke research_agent --args \'{"topic": "tides"}\'',
        "kitaru invoke research_agent --version 3 --wait",
        "kitaru invoke research_agent --key order-17 --label nightly --budget-usd 5",
    ),
    "flow": ("kitaru flow list", "kitaru flow show research_agent"),
    "flow schedules": (
        "kitaru flow schedules list",
        "kitaru flow schedules pause research_agent",
    ),
    "flow schedules list": (
        "kitaru flow schedules list",
        "kitaru flow schedules list --flow research_agent -o json",
    ),
    "flow schedules pause": (
        "kitaru flow schedules pause research_agent",
        "kitaru flow schedules pause weekly -o json",
    ),
    "flow schedules resume": (
        "kitaru flow schedules resume research_agent",
        "kitaru flow schedules resume weekly -o json",
    ),
    "flow schedules run": (
        "kitaru flow schedules run research_agent",
        "kitaru flow schedules run weekly -o json",
    ),
    "flow schedules delete": (
        "kitaru flow schedules delete research_agent",
        "kitaru flow schedules delete weekly --yes",
    ),
    "flow list": ("kitaru flow list", "kitaru flow list -o json"),
    "flow show": (
        "kitaru flow show research_agent",
        "kitaru flow show research_agent -o json",
    ),
    "flow tag": (
        "kitaru flow tag research_agent 3 default",
        "kitaru flow tag research_agent 4 canary --exclusive",
    ),
    "flow untag": (
        "kitaru flow untag research_agent 4 canary",
        "kitaru flow untag research_agent 4 canary -o json",
    ),
    "flow deployments": (
        "kitaru flow deployments list --flow research_agent",
        "kitaru flow deployments logs research_agent --follow",
    ),
    "flow deployments list": (
        "kitaru flow deployments list",
        "kitaru flow deployments list --flow research_agent -o json",
    ),
    "flow deployments show": (
        "kitaru flow deployments show research_agent",
        "kitaru flow deployments show research_agent --version 3",
    ),
    "flow deployments logs": (
        "kitaru flow deployments logs research_agent --version 3",
        "kitaru flow deployments logs research_agent --execution 1b2c3d4e --follow",
    ),
    "flow deployments curl": (
        "kitaru flow deployments curl research_agent",
        """kitaru flow deployments curl research_agent --version 3 --args '{"topic": "a"}'""",
    ),
    "flow deployments delete": (
        "kitaru flow deployments delete research_agent 2",
        "kitaru flow deployments delete research_agent 2 --yes",
    ),
    "model": (
        "kitaru model list",
        "kitaru model register fast --model openai/gpt-5-mini",
    ),
    "model list": ("kitaru model list", "kitaru model list -o json"),
    "model register": (
        "kitaru model register fast --model openai/gpt-5-mini",
        "kitaru model register fast --model openai/gpt-5-mini --secret openai "
        "--setting max_tokens=500",
    ),
    "secrets": ("kitaru secrets set openai API_KEY", "kitaru secrets list"),
    "secrets set": (
        "kitaru secrets set openai API_KEY",
        "kitaru secrets set openai API_KEY=@key.txt --private",
    ),
    "secrets show": (
        "kitaru secrets show openai",
        "kitaru secrets show openai --show-values",
    ),
    "secrets list": ("kitaru secrets list", "kitaru secrets list --limit 5"),
    "secrets delete": (
        "kitaru secrets delete openai",
        "kitaru secrets delete openai --yes",
    ),
    "analytics": ("kitaru analytics status", "kitaru analytics opt-out"),
    "analytics status": (
        "kitaru analytics status",
        "kitaru analytics status -o json",
    ),
    "analytics opt-in": (
        "kitaru analytics opt-in",
        "kitaru analytics opt-in -o json",
    ),
    "analytics opt-out": (
        "kitaru analytics opt-out",
        "kitaru analytics opt-out -o json",
    ),
    "stack": ("kitaru stack list", "kitaru stack use production"),
    "stack list": ("kitaru stack list", "kitaru stack list --limit 5 -o json"),
    "stack current": ("kitaru stack current", "kitaru stack current -o json"),
    "stack show": (
        "kitaru stack show production",
        "kitaru stack show production -o json",
    ),
    "stack use": ("kitaru stack use production", "kitaru stack use default"),
    "stack create": (
        "kitaru stack create scratch",
        "kitaru stack create production --file stack.yaml --no-activate",
        "kitaru stack create production --type kubernetes --artifact-store s3://values "
        "--container-registry registry.example.com --context my-cluster",
    ),
    "stack verify": (
        "kitaru stack verify production",
        "kitaru stack verify production -o json",
    ),
    "stack delete": (
        "kitaru stack delete scratch",
        "kitaru stack delete scratch --recursive --yes",
    ),
    "clean": ("kitaru clean project --dry-run", "kitaru clean global --yes"),
    "clean project": (
        "kitaru clean project --dry-run",
        "kitaru clean project --older-than 30d --keep 100 --yes",
    ),
    "clean global": (
        "kitaru clean global --dry-run",
        "kitaru clean global --yes",
    ),
    "clean all": (
        "kitaru clean all --dry-run",
        "kitaru clean all --yes -o json",
    ),
    "log-store": ("kitaru log-store show", "kitaru log-store set ~/kitaru-logs"),
    "log-store show": ("kitaru log-store show", "kitaru log-store show -o json"),
    "log-store set": (
        "kitaru log-store set ~/kitaru-logs",
        "kitaru log-store set /var/log/kitaru -o json",
    ),
    "log-store reset": (
        "kitaru log-store reset",
        "kitaru log-store reset -o json",
    ),
    "skills": (
        "kitaru skills install --to claude",
        "kitaru skills check flow_architecture.md",
    ),
    "skills install": (
        "kitaru skills install --to claude",
        "kitaru skills install --to codex --to vscode --dry-run",
        "kitaru skills install --to ~/my-skills",
    ),
    "skills check": (
        "kitaru skills check flow_architecture.md",
        "kitaru skills check flow_architecture.md -o json",
    ),
    "auth": ("kitaru auth token", "kitaru auth service-accounts list"),
    "auth token": ("kitaru auth token", "kitaru auth token -o json"),
    "auth service-accounts": (
        "kitaru auth service-accounts list",
        "kitaru auth service-accounts create nightly",
    ),
    "auth service-accounts create": (
        "kitaru auth service-accounts create nightly",
        "kitaru auth service-accounts create nightly --description 'Runs the reports'",
    ),
    "auth service-accounts get": (
        "kitaru auth service-accounts get nightly",
        "kitaru auth service-accounts get nightly -o json",
    ),
    "auth service-accounts list": (
        "kitaru auth service-accounts list",
        "kitaru auth service-accounts list --limit 5",
    ),
    "auth service-accounts update": (
        "kitaru auth service-accounts update nightly --inactive",
        "kitaru auth service-accounts update nightly --description 'Runs reports'",
    ),
    "auth service-accounts delete": (
        "kitaru auth service-accounts delete nightly",
        "kitaru auth service-accounts delete nightly --yes",
    ),
    "auth api-keys": (
        "kitaru auth api-keys list nightly",
        "kitaru auth api-keys create nightly laptop",
    ),
    "auth api-keys create": (
        "kitaru auth api-keys create nightly laptop",
        "kitaru auth api-keys create nightly laptop --description 'My laptop'",
    ),
    "auth api-keys get": (
        "kitaru auth api-keys get nightly laptop",
        "kitaru auth api-keys get nightly laptop -o json",
    ),
    "auth api-keys list": (
        "kitaru auth api-keys list nightly",
        "kitaru auth api-keys list nightly --limit 5",
    ),
    "auth api-keys update": (
        "kitaru auth api-keys update nightly laptop --name desktop",
        "kitaru auth api-keys update nightly laptop --inactive",
    ),
    "auth api-keys rotate": (
        "kitaru auth api-keys rotate nightly laptop",
        "kitaru auth api-keys rotate nightly laptop --keep-minutes 60",
    ),
    "auth api-keys delete": (
        "kitaru auth api-keys delete nightly laptop",
        "kitaru auth api-keys delete nightly laptop --yes",
    ),
}


def attach(app: typer.Typer, path: str = "") -> None:
    """Put the examples below the help of every command and group of an app."""
    app.info.epilog = _shown(path)
    for command in app.registered_commands:
        command.epilog = _shown(f"{path} {command.name}".strip())
    for nested in app.registered_groups:
        if nested.typer_instance is not None:
            attach(nested.typer_instance, f"{path} {nested.name}".strip())


def _shown(path: str) -> str | None:
    lines = EXAMPLES.get(path)
    if not lines:
        return None
    # Typer makes lines of paragraphs.
    return "\n\n".join(["For example:", *lines])
