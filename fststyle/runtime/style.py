"""Load style files as callable objects that stylize uint8 frames."""

import json
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

SMOOTH, DETAIL = 6, 0.6
"""Recommended values of ``--smooth`` and ``--detail`` for live networks of `fststyle train` without values in
the catalogue. For other networks, they are 0: those of `fststyle keyframe train` imitate painted frames.
"""


class Style:
    """Loaded style that stylizes frames when called. It is thread-safe. Use `load_style` to create one.

    Attributes:
        name: name of the style.
        model: bytes of the ONNX file.
        metadata: metadata of the ONNX file.
        device: device that the style runs on, such as "cpu" or "cuda:1".
        threads: number of CPU threads; None is one per core.
        strength: style strength of the weights in ``model``: 1 is the trained style (see `at`).
        smooth: recommended value of ``--smooth`` of `fststyle image`, in pixels. Calling the style does not
            smooth.
        detail: recommended value of ``--detail`` of `fststyle image`. Calling the style keeps no details.

    Raises:
        StyleError: the model cannot be loaded, or its inputs and outputs are not those of a style
            (`fststyle.runtime.frame_contract`).
        DeviceError: the device is unknown, not available or does not work.
        DependencyError: ONNX Runtime is not installed.
    """

    def __init__(
        self,
        name: str,
        model: bytes,
        device: str = "auto",
        threads: int | None = None,
        strength: float = 1.0,
        smooth: int | None = None,
        detail: float | None = None,
    ):
        self.name, self.model, self.threads, self.strength = name, model, threads, strength
        self._other: Style | None = None
        self._session, self.device = open_session(model, device, threads, name)
        check_model(self._session, name)
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        refined = _is_refined(self.metadata)
        self.smooth = (SMOOTH if refined else 0) if smooth is None else smooth
        self.detail = (DETAIL if refined else 0.0) if detail is None else detail

    @property
    def provider(self) -> str:
        """Name of the ONNX Runtime execution provider."""
        return devices.PROVIDERS[devices.split(self.device)[0]]

    def __call__(self, frame: RGB) -> RGB:
        """Stylize a frame, uint8 (H, W, 3) RGB, or a batch, uint8 (N, H, W, 3).

        Returns a new array of the same shape and type.

        Raises:
            InputError: the shape or type is wrong, a side is below 16 pixels, or memory is insufficient.
            StyleError: the network fails, or the shape of its output differs from that of the frame.
        """
        check_frame(frame)
        batch = frame[None] if frame.ndim == 3 else frame
        stylized = run(self._session, {"frame": batch}, self.name)[0]
        if stylized.shape != batch.shape:
            raise StyleError(
                f"{self.name} is not an fststyle style: its output has shape {stylized.shape} for an input of"
                f" shape {batch.shape}"
            )
        return stylized[0] if frame.ndim == 3 else stylized

    def at(self, strength: float) -> "Style | None":
        """Return this style at another strength, on the same device.

        Strength 0 approximately reproduces the input, 1 is the trained style, and values above 1 exaggerate
        it. The share of the style in the weights is `blend.weight_share`. The latest result is cached.
        Returns this object if it already has the requested strength. Otherwise, returns None if the base
        network from which the style was trained is not known (`fststyle.runtime.blend`), or if the strength
        of this object is 0.

        Raises:
            StyleError: the weights cannot be interpolated, such as those of an int8 file, or the base network
                cannot be read.
            DependencyError: onnx is not installed.
        """
        if strength == self.strength:
            return self
        base = catalogue.base_network(self.metadata.get("base", ""))
        if base is None or self.strength == 0:
            return None
        other = self._other
        if other is None or other.strength != strength:
            part = blend.weight_share(strength) / blend.weight_share(self.strength)
            base_model = catalogue.load(base)
            try:
                model = blend.interpolate(
                    [(self.model, part), (base_model, 1 - part)], [self.name, base.name]
                )
            except StyleError as error:
                if self.metadata.get("precision") != "int8":
                    raise
                raise StyleError(
                    f"{self.name} is an int8 file, which supports only strength 1; use the float file for"
                    " other strengths"
                ) from error
            other = self._other = Style(
                self.name, model, self.device, self.threads, strength, self.smooth, self.detail
            )
        return other

    def __repr__(self) -> str:
        return f"Style({self.name!r}, device={self.device!r})"


def _is_refined(metadata: dict[str, str]) -> bool:
    """Return whether a style has the metadata of a live network of `fststyle train`."""
    if metadata.get("network") != "live":
        return False
    try:
        return "style" in json.loads(metadata.get("trained_with") or "{}")
    except (ValueError, TypeError):
        return False


def load_style(
    style: str | Path,
    device: str = "auto",
    threads: int | None = None,
    strength: float = 1.0,
    precision: str = "auto",
) -> Style:
    """Load a style or a weighted mixture of styles.

    Args:
        style: a name in the catalogue, the path of an .onnx file, or a mixture of styles and their weights,
            such as ``"udnie:0.6,great-wave:0.4"``.
        device: auto, cpu, cuda, cuda:1, tensorrt, coreml, dml, openvino, rocm or migraphx; auto uses CUDA if
            it works, and otherwise the CPU.
        threads: number of CPU threads per frame; None uses one per core.
        strength: 0 approximately reproduces the input, 1 is the trained style, and values up to 2 exaggerate
            it. The weights of the network are interpolated (`blend.weight_share`), not the images.
        precision: float, int8 or auto; auto uses int8 on a CPU if the style has an int8 file, is not a
            mixture and has strength 1, and otherwise float.

    Raises:
        StyleError: the style does not exist, its file is damaged or is not a style
            (`fststyle.runtime.frame_contract`), it has no int8 file, the styles cannot be mixed, or the
            strength cannot be changed.
        DeviceError: the device is unknown, not available or does not work.
        DependencyError: ONNX Runtime is not installed; or onnx is not installed, but is needed, such as for a
            mixture or a strength other than 1.
        InputError: a value is out of range, the mixture is invalid, or int8 is combined with a mixture or
            a strength other than 1.
    """
    devices.split(device)
    if threads is not None and threads < 1:
        raise InputError(f"threads: {threads} is below the minimum, 1")
    if not 0 <= strength <= 2:
        raise InputError(f"strength: {strength} is not between 0 and 2")
    if precision not in PRECISIONS:
        raise InputError(f"precision: {precision!r} is not one of {', '.join(PRECISIONS)}")
    if precision == "int8" and strength != 1:
        raise InputError("precision int8 supports only strength 1, since weights are interpolated in float")
    loaded = _at_full_strength(style, device, threads, precision if strength == 1 else "float")
    changed = loaded.at(strength)
    if changed is None:
        raise StyleError(
            f"the strength of {loaded.name} cannot be changed: it was not trained from a known base network"
        )
    return changed


def _at_full_strength(style: str | Path, device: str, threads: int | None, precision: str) -> Style:
    one_file = isinstance(style, Path) or os.path.isfile(style)
    parts = [(style, 1.0)] if one_file else parse_mixture(str(style))
    entries = [catalogue.locate(name) for name, _ in parts]
    if len(entries) == 1:
        return _single(entries[0], device, threads, precision)
    if precision == "int8":
        raise InputError("a mixture does not support precision int8, since weights are interpolated in float")
    return mixture(
        [(entry, share) for entry, (_, share) in zip(entries, parts, strict=True)], device, threads
    )


def mixture(
    parts: list[tuple[catalogue.Entry, float]], device: str, threads: int | None, strength: float = 1.0
) -> Style:
    """Load a mixture of styles by interpolating their float weights.

    Args:
        parts: pairs of the catalogue entry of a style and its weight. The weights sum to 1.
        device: see `load_style`.
        threads: see `load_style`.
        strength: see `load_style`.

    Raises:
        StyleError: a style cannot be loaded, the styles have different networks or base networks, or the
            strength is not 1 and there is no base network.
        DeviceError: see `load_style`.
        DependencyError: ONNX Runtime or onnx is not installed.
    """
    names = [entry.name for entry, _ in parts]
    styles = blend.weight_share(strength)
    models = [(catalogue.load(entry), share * styles) for entry, share in parts]
    bases = {_base(model, name) for (model, _), name in zip(models, names, strict=True)}
    base = catalogue.base_network(next(iter(bases))) if strength != 1 and len(bases) == 1 else None
    if base is not None:
        models.append((catalogue.load(base), 1 - styles))
    mixed = blend.interpolate(models, [*names, *([base.name] if base is not None else [])])
    if len(bases) > 1:
        raise StyleError(
            f"{' and '.join(names)} cannot be mixed: they were trained from different base networks"
        )
    if strength != 1 and base is None:
        raise StyleError(
            f"the strength of {' and '.join(names)} cannot be changed: they were not trained from a known"
            " base network"
        )
    style = Style("+".join(names), mixed, device, threads, strength)
    style.smooth = round(
        sum(share * (style.smooth if entry.smooth is None else entry.smooth) for entry, share in parts)
    )
    style.detail = sum(
        share * (style.detail if entry.detail is None else entry.detail) for entry, share in parts
    )
    return style


def _base(model: bytes, name: str) -> str:
    """Return the name or SHA-256 of the base network of a style, or "" if its metadata contains none.

    ``name`` is the name of the style for error messages. Raises `StyleError` if the file is damaged, and
    `DependencyError` if onnx is not installed.
    """
    try:
        return catalogue.metadata(model).get("base", "")
    except ImportError as error:
        raise blend.missing_onnx(error) from error
    except Exception as error:  # protobuf raises various exceptions
        raise StyleError(f"{name} cannot be used: it is damaged or not an ONNX file") from error


def _single(entry: catalogue.Entry, device: str, threads: int | None, precision: str) -> Style:
    if precision == "int8" and entry.int8 is None:
        raise StyleError(f"{entry.name} has no int8 file; use the precision float or auto")
    if entry.int8 is None or precision == "float" or (precision == "auto" and not devices.is_cpu(device)):
        return _float_style(entry, device, threads)
    model = catalogue.load(entry.int8)
    return Style(entry.name, model, device, threads, smooth=entry.smooth, detail=entry.detail)


def _float_style(entry: catalogue.Entry, device: str, threads: int | None) -> Style:
    """Load the file of a catalogue entry, and not its int8 version.

    If the file is not included in fststyle, the message of a `StyleError` begins with its path, since several
    files may have the same name.
    """
    model = catalogue.load(entry)
    try:
        return Style(entry.name, model, device, threads, smooth=entry.smooth, detail=entry.detail)
    except StyleError as error:
        raise error if entry.shipped else StyleError(f"{entry.path}: {error}") from error
