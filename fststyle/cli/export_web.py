"""`fststyle export-web`: export styles as a static website."""

from typing import Annotated

import typer

from fststyle.cli import streams
from fststyle.cli.options import with_settings
from fststyle.export.site_settings import SiteSettings


def register(app: typer.Typer) -> None:
    """Add the ``export-web`` command to ``app``."""

    @app.command("export-web", rich_help_panel="Make a style")
    @with_settings(SiteSettings)
    def export_web(
        styles: Annotated[
            list[str],
            typer.Argument(metavar="STYLE", help="Names of styles or .onnx files.", show_default=False),
        ],
        settings: SiteSettings,
    ) -> None:
        """Write a static website that applies styles to the camera and to images.

        For example, for one style:

          fststyle export-web udnie -o site

        The folder can be hosted by any static file server. All computation happens in the visitor's browser.

        To view the site on this machine:

          python -m http.server -d site
        """
        from fststyle.export.site import export_site

        site = export_site(styles, settings)
        size = f"{len(site.styles)} style{'s' * (len(site.styles) > 1)}, {site.size / 1e6:.1f} MB"
        download = (
            f"a browser without WebGPU loads {site.download / 1e6:.1f} MB for the first style, or less if the"
            " host compresses files"
        )
        typer.echo(streams.printable(f"{site.folder}  {size}; {download}"))
