"""A demo page with Gradio.

pip install gradio, then:

    python examples/gradio_demo.py      # http://127.0.0.1:7860
"""

import gradio as gr

import fststyle
from fststyle.arrays import RGB

NONE = "none"


def stylize(
    photo: RGB | None, style: str, other: str, share: float, strength: float, keep_colors: bool
) -> RGB | None:
    """The photo in a style, or in a mixture of two; uint8 (H, W, 3) RGB."""
    if photo is None:
        return None
    if other not in (NONE, style) and share > 0:
        style = f"{style}:{1 - share:g},{other}:{share:g}" if share < 1 else other
    try:
        return fststyle.stylize(photo, style, strength=strength, keep_colors=keep_colors)
    except fststyle.errors.FststyleError as error:
        raise gr.Error(str(error)) from error


def demo() -> gr.Interface:
    """The page."""
    titles = [(f"{entry.title} ({entry.name})", entry.name) for entry in fststyle.styles()]
    return gr.Interface(
        stylize,
        inputs=[
            gr.Image(label="Photo"),
            gr.Dropdown(titles, value="starry-night", label="Style"),
            gr.Dropdown([(NONE, NONE), *titles], value=NONE, label="Mix with"),
            gr.Slider(0, 1, 0.5, step=0.05, label="Share of it"),
            gr.Slider(0, 2, 1, step=0.05, label="Strength"),
            gr.Checkbox(label="Keep the colors of the photo"),
        ],
        outputs=gr.Image(label="Stylized", format="png"),
        title="fststyle",
    )


if __name__ == "__main__":
    demo().launch()
