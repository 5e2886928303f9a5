"""A style file as a function: uint8 frames in, stylized uint8 frames out."""

import os
from pathlib import Path

from fststyle import catalogue
from fststyle.arrays import RGB
from fststyle.errors import InputError, StyleError
from fststyle.mixture import parse as parse_mixture
from fststyle.runtime import blend, devices
from fststyle.runtime.frame_contract import check_frame, check_model
from fststyle.runtime.session import open_session, run
from fststyle.runtime.settings import PRECISIONS


class Style:
    """A loaded style; made by `load_style`. It may be called from several threads.

    Attributes: ``name``; ``metadata``, the metadata of the ONNX file; ``device``, which it runs on ("cpu",
    "cuda" ...); ``model``, the content of the file; ``strength``, which the weights are interpolated to.
    """

    def __init__(
        self, name: str, model: bytes, device: str = "auto", threads: int | None = None, strength: float = 1.0
    ):
        self.name, self.model, self.threads, self.strength = name, model, threads, strength
        self._other: Style | None = None
        self._session, self.device = open_session(model, device, threads, name)
        check_model(self._session, name)
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)

    @property
    def provider(self) -> str:
        """ONNX Runtime's name of the execution provider in use."""
        return devices.PROVIDERS[devices.split(self.device)[0]]

    def __call__(self, frame: RGB) -> RGB:
        """Stylize a frame (H, W, 3) or a batch (N, H, W, 3), RGB uint8 0..255. Returns a new array of the
        same shape.

        Raises `InputError` for another shape or type, for a side below 16 pixels, and for a frame that does
        not fit in memory.
        """
        check_frame(frame)
        batch = frame[None] if frame.ndim == 3 else frame
        stylized = run(self._session, {"frame": batch}, self.name)[0]
        if stylized.shape != batch.shape:
            raise StyleError(
                f"{self.name} is not an fststyle style: its output is {stylized.shape} for {batch.shape}"
            )
        return stylized[0] if frame.ndim == 3 else stylized

    def at(self, strength: float) -> "Style | None":
        """This style at another strength on the same device, or None if it has no base network
        (`fststyle.runtime.blend`).

        Strength 0 reproduces the photo, 1 is the trained style, above 1 exaggerates it. The latest result is
        cached. Raises `StyleError` for an int8 file.
        """
        if strength == self.strength:
            return self
        base = catalogue.base_network(self.metadata.get("base", ""))
        if base is None or self.strength == 0:
            return None
        if self._other is None or self._other.strength != strength:
            part = strength / self.strength
            try:
                model = blend.interpolate(
                    [(self.model, part), (catalogue.load(base), 1 - part)], [self.name, base.name]
                )
            except StyleError as error:
                raise StyleError(
                    f"{self.name} is int8 and has only strength 1; use the float file for other strengths"
                ) from error
            self._other = Style(self.name, model, self.device, self.threads, strength)
        return self._other

    def __repr__(self) -> str:
        return f"Style({self.name!r}, device={self.device!r})"


def load_style(
    style: str | Path,
    device: str = "auto",
    threads: int | None = None,
    strength: float = 1.0,
    precision: str = "auto",
) -> Style:
    """Load a style by its name in the catalogue or by the path of an .onnx file, or a mixture of styles:
    ``"udnie:0.6,great-wave:0.4"``.

    ``device``: auto, cpu, cuda, cuda:1, tensorrt, coreml, dml, openvino, rocm or migraphx; auto uses CUDA if
    it works, else the CPU.
    ``threads``: CPU threads per frame; None uses one per core.
    ``strength``: 0 reproduces the photo, 1 is the trained style, up to 2 exaggerates it. The weights of the
    network are interpolated, not images.
    ``precision``: float, int8 or auto. auto uses int8 on a CPU if the style has an int8 file, is not mixed
    and has strength 1, and float otherwise.

    Raises `StyleError` for an unknown name, a precision that the style does not have, a file that does not
    follow the frame contract, styles that cannot be mixed, and a strength other than 1 for a style without a
    base network; `DeviceError` for a device that is not available; `InputError` for a value out of range.
    """
    devices.split(device)
    if threads is not None and threads < 1:
        raise InputError(f"threads: {threads} is below 1")
    if not 0 <= strength <= 2:
        raise InputError(f"strength: {strength} is not between 0 and 2")
    if precision not in PRECISIONS:
        raise InputError(f"precision: {precision!r} is not one of {', '.join(PRECISIONS)}")
    if precision == "int8" and strength != 1:
        raise InputError("precision int8 has only strength 1: weights are interpolated in float")
    loaded = _at_full_strength(style, device, threads, precision if strength == 1 else "float")
    changed = loaded.at(strength)
    if changed is None:
        raise StyleError(
            f"the strength of {loaded.name} cannot be changed: it was not trained from a base network that"
            " fststyle knows"
        )
    return changed


def _at_full_strength(style: str | Path, device: str, threads: int | None, precision: str) -> Style:
    one_file = isinstance(style, Path) or os.path.isfile(style)
    parts = [(style, 1.0)] if one_file else parse_mixture(str(style))
    entries = [catalogue.locate(name) for name, _ in parts]
    if len(entries) == 1:
        return _single(entries[0], device, threads, precision)
    if precision == "int8":
        raise InputError("a mixture of styles has no int8: weights are interpolated in float")
    return mixture(
        [(entry, share) for entry, (_, share) in zip(entries, parts, strict=True)], device, threads
    )


def mixture(
    parts: list[tuple[catalogue.Entry, float]], device: str, threads: int | None, strength: float = 1.0
) -> Style:
    """Interpolate the float weights of several styles.

    ``parts``: styles and their shares, which sum to 1. ``strength``: see `load_style`.

    Raises `StyleError` for styles of different networks or base networks, and for a strength other than 1
    without a base network; otherwise as `load_style`.
    """
    names = [entry.name for entry, _ in parts]
    models = [(catalogue.load(entry), share * strength) for entry, share in parts]
    bases = {catalogue.metadata(model).get("base", "") for model, _ in models}
    base = catalogue.base_network(next(iter(bases))) if strength != 1 and len(bases) == 1 else None
    if base is not None:
        models.append((catalogue.load(base), 1 - strength))
    mixed = blend.interpolate(models, [*names, *([base.name] if base is not None else [])])
    if len(bases) > 1:
        raise StyleError(
            f"{' and '.join(names)} cannot be mixed: they were not trained from one base network"
        )
    if strength != 1 and base is None:
        raise StyleError(
            f"the strength of {' and '.join(names)} cannot be changed: they were not trained from a base"
            " network that fststyle knows"
        )
    return Style("+".join(names), mixed, device, threads, strength)


def _single(entry: catalogue.Entry, device: str, threads: int | None, precision: str) -> Style:
    if precision == "int8" and entry.int8 is None:
        raise StyleError(f"{entry.name} has no int8 file")
    if entry.int8 is None or precision == "float" or (precision == "auto" and not devices.is_cpu(device)):
        return _float_style(entry, device, threads)
    return Style(entry.name, catalogue.load(entry.int8), device, threads)


def _float_style(entry: catalogue.Entry, device: str, threads: int | None) -> Style:
    """The float file of an entry. Errors name the path of a user's file, since several may have one name."""
    model = catalogue.load(entry)
    try:
        return Style(entry.name, model, device, threads)
    except StyleError as error:
        raise error if entry.shipped else StyleError(f"{entry.path}: {error}") from error
