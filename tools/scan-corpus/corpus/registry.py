"""The list of artefacts: what each one is, how it is made, and what a correct finding about it must name.

Every module of this package adds to it when it is imported. Nothing here imports TensorFlow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

DEFAULT_CANARY = "/tmp/airlock-canary"

FORMATS = (
    "savedmodel",
    "graphdef",
    "metagraph",
    "checkpoint",
    "keras",
    "h5",
    "keras-json",
    "tflite",
    "tfjs",
    "archive",
)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where an artefact goes, and the folder its paths point into."""

    path: Path
    canary: str


@dataclasses.dataclass(frozen=True)
class Artefact:
    """One model of the corpus, with what is expected of a scanner."""

    id: str
    format: str
    kind: str
    category: str
    trigger: str
    expect: tuple[dict, ...]
    fires: dict | None
    about: str
    path: str
    build: Callable[[Place], None]

    def expectation(self) -> dict:
        """The entry of expectations.json. `{canary}` stands for the canary folder."""
        entry = {"id": self.id, "path": self.path, "format": self.format, "kind": self.kind}
        if self.kind == "attack":
            entry |= {"category": self.category, "trigger": self.trigger}
            entry |= {"expect": list(self.expect), "fires": self.fires}
        return entry | {"about": self.about}


REGISTRY: dict[str, Artefact] = {}

_CATEGORIES = {
    "file-read",
    "file-write",
    "file-delete",
    "network",
    "code-execution",
    "custom-op",
    "configuration",
    "crash",
    "hang",
    "memory",
    "cross-model",
    "path-traversal",
    "malformed",
    "parser-differential",
    "contract",
    "servability",
    "payload",
    "backdoor",
    "weights",
    "resource",
}


def attack(
    id: str,
    format: str,
    category: str,
    names,
    value=None,
    *,
    also=(),
    trigger: str = "inference",
    fires: dict | None = None,
    suffix: str = "",
    least: str | None = None,
):
    """Adds an attack.

    `names`: a correct finding names one of these (operation, feature, member). `value`: and, judged strictly,
    one of these (the argument). `also`: other categories that describe the same hazard as well. `least`: a finding
    of this severity is enough, where medium would refuse what ordinary models do.
    """
    assert category in _CATEGORIES and format in FORMATS, (category, format)
    rule = {"category": sorted({category, *also}), "names": _many(names)}
    if value is not None:
        rule["value"] = _many(value)
    if least is not None:
        rule["least"] = least

    def add(build):
        about = " ".join((build.__doc__ or "").split())
        assert about, f"{id} says nothing about itself"
        _add(
            Artefact(
                id,
                format,
                "attack",
                category,
                trigger,
                (rule,),
                fires,
                about,
                f"{format}/{id}{suffix}",
                build,
            )
        )
        return build

    return add


def benign(id: str, format: str, suffix: str = ""):
    """Adds a model that nobody should be warned of."""
    assert format in FORMATS, format

    def add(build):
        about = " ".join((build.__doc__ or "").split())
        _add(
            Artefact(
                id, format, "benign", "", "none", (), None, about, f"{format}/{id}{suffix}", build
            )
        )
        return build

    return add


def _many(value) -> list:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _add(artefact: Artefact) -> None:
    assert artefact.id not in REGISTRY, f"{artefact.id} twice"
    REGISTRY[artefact.id] = artefact


def fires(
    how: str, effect: str, target: str | None = None, feed: dict | None = None, **more
) -> dict:
    """How an attack is shown in real TensorFlow (fires.py): what is done, and what is seen then and not before."""
    entry = {"how": how, "effect": effect}
    if target is not None:
        entry["target"] = target
    if feed is not None:
        entry["feed"] = feed
    return entry | more
