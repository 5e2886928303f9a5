"""`fststyle data`: download training photos."""

import typer

from fststyle.cli.options import with_settings
from fststyle.train.data.settings import PhotoSettings


def register(app: typer.Typer) -> None:
    """Add the ``data`` command to ``app``."""

    @app.command(rich_help_panel="Make a style")
    @with_settings(PhotoSettings)
    def data(settings: PhotoSettings) -> None:
        """Download training photos, by default COCO val2017 (816 MB).

        They are stored in the cache folder, where the training commands find them. Prints the path of the
        folder.
        """
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        from fststyle.train.data.download import prepare_photos

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            tasks = {
                stage: bar.add_task(stage, total=None, visible=False)
                for stage in ("download", "check", "unpack")
            }
            folder = prepare_photos(
                settings,
                lambda stage, done, total: bar.update(
                    tasks[stage], completed=done, total=total, visible=True
                ),
            )
        typer.echo(str(folder))
