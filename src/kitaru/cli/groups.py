"""Groups of commands: what somebody meant who typed a command that is none."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from kitaru._core.words.similar import closest

# What typer raises for words and options it cannot read; it has no public name there.
WrongUsage: type[typer.BadParameter] = typer.BadParameter.__mro__[1]


class Group(TyperGroup):
    """A group that suggests commands, also those of its own groups."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the first word names."""
        word = args[0]
        unknown = self.get_command(ctx, word) is None and not word.startswith("-")
        if unknown and not ctx.resilient_parsing:
            ctx.fail(f"no command {word!r}{self._suggestion(ctx, word)}")
        return super().resolve_command(ctx, args)

    def _suggestion(self, ctx: Any, word: str) -> str:
        if ctx.parent is None and word == "run":
            return (
                "; flows are started from Python: FLOW.run(...) in a file, then "
                "`python FILE`"
            )
        known = list(self.commands)
        meant = [
            f"{group} {word}"
            for group, command in self.commands.items()
            if word in getattr(command, "commands", {})
        ]
        meant += [name for name in known if word and name.startswith(word)] or closest(
            word, known
        )
        if not meant:
            return f" (there are: {', '.join(known)})"
        full = [f"'{ctx.command_path} {name}'" for name in meant[:3]]
        return f"; did you mean {' or '.join(full)}?"


def group(help: str) -> typer.Typer:
    """Return an empty group of commands that shows its help when called alone."""
    return typer.Typer(cls=Group, help=help, no_args_is_help=True)
