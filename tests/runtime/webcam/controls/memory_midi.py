"""A mido backend with ports in memory, for systems without virtual ports: what is sent to an output is read
from the inputs with the same name.

Like python-rtmidi, it requires that a port exists before it is opened.
"""

from mido.ports import BaseInput, BaseOutput

outputs: dict[str, list] = {}
"""Name -> the inputs that are connected."""


class Output(BaseOutput):
    def __init__(self, name="controller", **settings):
        self.inputs = outputs.setdefault(name, [])
        super().__init__(name)

    def _send(self, message):
        for one in self.inputs:
            one._messages.append(message)

    def _close(self):
        outputs.pop(self.name, None)


class Input(BaseInput):
    def _open(self, **settings):
        if self.name not in outputs:
            raise OSError(f"unknown port {self.name!r}")
        outputs[self.name].append(self)


def get_devices(**settings):
    return [{"name": name, "is_input": True, "is_output": False} for name in outputs]
