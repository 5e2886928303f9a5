"""A node for ComfyUI that stylizes images and the frames of videos.

Install fststyle into the Python of ComfyUI, and copy this folder to ``ComfyUI/custom_nodes/fststyle``. The
node is called "Stylize (fststyle)", in the category image/style.
"""

from typing import Any

import numpy as np
import torch

import fststyle

NONE = "none"


class Stylize:
    """Stylizes a batch of images, in order.

    A ComfyUI image is a float tensor [B, H, W, C] in 0..1. The result has the same batch and size with three
    channels.
    """

    CATEGORY = "image/style"
    FUNCTION = "stylize"
    RETURN_TYPES = ("IMAGE",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """The inputs of the node and their widgets."""
        names = [entry.name for entry in fststyle.styles()]
        slider = {"step": 0.05, "display": "slider"}
        return {
            "required": {
                "image": ("IMAGE",),
                "style": (names, {"default": "starry-night"}),
                "strength": ("FLOAT", {"default": 1.0, "min": 0.0, "max": 2.0, **slider}),
                "mix_with": ([NONE, *names], {"default": NONE}),
                "share": ("FLOAT", {"default": 0.5, "min": 0.0, "max": 1.0, **slider}),
                "brush": (
                    "FLOAT",
                    {"default": 0.0, "min": 0.0, "max": 8.0, "tooltip": "0: automatic", **slider},
                ),
                "keep_colors": ("BOOLEAN", {"default": False}),
                "video": (
                    "BOOLEAN",
                    {"default": False, "tooltip": "The images are frames: suppress flicker."},
                ),
            },
            "optional": {"device": ("STRING", {"default": "cpu"})},
        }

    def stylize(
        self,
        image: torch.Tensor,
        style: str,
        strength: float = 1.0,
        mix_with: str = NONE,
        share: float = 0.5,
        brush: float = 0.0,
        keep_colors: bool = False,
        video: bool = False,
        device: str = "cpu",
    ) -> tuple[torch.Tensor]:
        """Raises `fststyle.errors.FststyleError`, whose message ComfyUI shows."""
        if mix_with not in (NONE, style) and share > 0:
            style = f"{style}:{1 - share:g},{mix_with}:{share:g}" if share < 1 else mix_with
        stylizer = fststyle.Stylizer(
            style,
            steady=video,
            strength=strength,
            brush=max(0.25, brush) if brush > 0 else None,
            smooth=0 if video else None,  # as `fststyle video` and `fststyle image`
            keep_colors=keep_colors,
            device=device,
        )
        frames = (image[..., :3].clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
        painted = np.stack([stylizer(np.ascontiguousarray(frame)) for frame in frames])
        return (torch.from_numpy(painted).to(image.device, torch.float32) / 255,)


NODE_CLASS_MAPPINGS = {"FststyleStylize": Stylize}
NODE_DISPLAY_NAME_MAPPINGS = {"FststyleStylize": "Stylize (fststyle)"}
