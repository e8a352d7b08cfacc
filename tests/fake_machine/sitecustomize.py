"""Gives every Python process the machine that FAKE_MACHINE describes: the suite must pass on any machine.

    FAKE_MACHINE='{"cpu_name": "A name", "usable_cores": 128, "memory_bytes": 2e9}' \
        PYTHONPATH=tests/fake_machine pytest tests/cost tests/cli

Python imports a module of this name when it starts. The keys are functions of `albert_lab.runs.machine`.
"""

import json
import os

from albert_lab.runs import machine

for _name, _value in json.loads(os.environ.get("FAKE_MACHINE", "{}")).items():
    assert hasattr(machine, _name), _name
    setattr(machine, _name, lambda value=_value: value)
