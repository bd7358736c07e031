"""Runs attacks of the corpus in real TensorFlow and says at which step their effect is seen.

    fires.py --work DIR [--ids A,B] [--timeout-factor N]

Makes the attacks anew, with a canary folder below DIR, and prints one JSON line for each. Every attack runs in a child
process with a deadline and a limit of memory, and does nothing outside of DIR but connect to a port of this machine.
The child does one step after the other (load, call, …) and stops after each until its parent has looked for the effect:
so what is seen is tied to the step that caused it. TensorFlow is imported once, and the children are forks.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import select
import shutil
import signal
import socket
import struct
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("PYTHONWARNINGS", "ignore")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "4")

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from fire_steps import STEPS  # noqa: E402

PORT = 18431
SECRET = b"AIRLOCK-CANARY-SECRET\nsecond line of stuff"
DEADLINES_S = {"hangs": 2.5, "exhausts": 40.0, "crashes": 25.0}
MEMORY_BYTES = 8 << 30


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--work", type=Path, required=True, help="a new folder; everything happens below it"
    )
    parser.add_argument("--ids", help="only these, with commas between")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    entries = {e["id"]: e for e in json.loads((HERE / "expectations.json").read_text())}
    ids = (
        options.ids.split(",") if options.ids else [i for i, e in entries.items() if e.get("fires")]
    )
    canary = options.work / "canary"
    make(options.work, canary, ids)

    # Never executes an operation here: a fork of a process whose runtime has started threads would hang.
    import h5py  # noqa: F401
    import keras  # noqa: F401
    import tensorflow as tf  # noqa: F401

    for id in ids:
        result = fire(entries[id], options.work, canary)
        print(json.dumps({"id": id, **result}), flush=True)
    return 0


def make(work: Path, canary: Path, ids: list[str]) -> None:
    """Makes the artefacts and what they reach for, in a process of its own."""
    import subprocess

    log = (work / "make.txt").open("w")
    command = [
        sys.executable,
        str(HERE / "make.py"),
        "--out",
        str(work / "corpus"),
        "--canary",
        str(canary),
        "--ids",
        ",".join(ids),
    ]
    subprocess.run(command, check=True, stdout=log, stderr=log)
    subprocess.run(
        [sys.executable, str(HERE / "fire_canary.py"), str(work / "pristine")],
        check=True,
        stdout=log,
        stderr=log,
    )


def fire(entry: dict, work: Path, canary: Path) -> dict:
    """What an attack does. What fires at load is tried in both loaders: its trigger says in which it fires."""
    wanted, started = entry["fires"], time.monotonic()
    if wanted["how"] in LOADERS:
        tries = {how: attempt(entry, {**wanted, "how": how}, work, canary) for how in LOADERS}
        seen = [how for how in LOADERS if tries[how]["ok"]]
        trigger = "load" if len(seen) == 2 else seen[0] if seen else "none"
        result = {"ok": trigger == entry["trigger"], "step": " and ".join(seen) or "nothing"}
        if not result["ok"]:
            result["why"] = f"fires at {trigger}; " + "; ".join(
                f"{how}: {t.get('why')}" for how, t in tries.items() if "why" in t
            )
    else:
        result = attempt(entry, wanted, work, canary)
    return {**result, "seconds": round(time.monotonic() - started, 1)}


LOADERS = ("load-cpp", "load-python")


def attempt(entry: dict, wanted: dict, work: Path, canary: Path) -> dict:
    """One child: step by step until the effect is there. It has to be there after the last step, and not before."""
    shutil.rmtree(canary, ignore_errors=True)
    shutil.copytree(work / "pristine", canary, symlinks=True)
    watch = Watch(wanted, canary)
    if watch.seen(None):
        return {"ok": False, "why": "the effect was there before anything ran"}
    child, pipe = start(wanted, work / "corpus" / entry["path"], canary)
    history = []
    try:
        for step in STEPS[wanted["how"]]:
            outcome = do_step(child, pipe, wanted, step)
            history.append({"step": step, **outcome})
            if watch.seen(outcome) or outcome["end"] in ("died", "late"):
                break
    finally:
        stop(child)
        watch.close()
    last = history[-1]["step"]
    if watch.was_seen and last == STEPS[wanted["how"]][-1]:
        return {"ok": True, "step": last}
    why = "; ".join(f"{h['step']}: {h['end']} {h.get('text', '')[:300]}" for h in history)
    return {"ok": False, "step": last, "why": why}


def start(wanted: dict, path: Path, canary: Path):
    """Forks the child that does the steps as it is told."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child:
        theirs.close()
        return child, ours
    try:
        ours.close()
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        os.chdir(canary)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if wanted["effect"] == "exhausts":
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        from fire_steps import Runner

        Runner(wanted, path, str(canary), PORT).serve(theirs)
    finally:
        os._exit(0)


def do_step(child: int, pipe: socket.socket, wanted: dict, step: str) -> dict:
    """Lets the child do a step. `end` is done, failed, died, or late."""
    pipe.sendall(step.encode() + b"\n")
    is_last = step == STEPS[wanted["how"]][-1]
    deadline = time.monotonic() + (DEADLINES_S.get(wanted["effect"], 25.0) if is_last else 25.0)
    held = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return {"end": "late"}
        if not select.select([pipe], [], [], left)[0]:
            continue
        data = pipe.recv(1 << 16)
        if not data:
            _, status = os.waitpid(child, 0)
            return {
                "end": "died",
                "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
                "text": f"status {status}",
            }
        held += data
        if held.endswith(b"\n"):
            return json.loads(held)


def stop(child: int) -> None:
    try:
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


class Watch:
    """Looks for an effect: in what a step returned, on the disk, on a port, or in how the child ended."""

    def __init__(self, wanted: dict, canary: Path):
        self.effect, self.target = wanted["effect"], wanted.get("target", "")
        self.canary, self.was_seen = canary, False
        self.inotify = self.server = None
        if self.effect == "opens":
            libc = ctypes.CDLL(None, use_errno=True)
            self.inotify = libc.inotify_init1(os.O_NONBLOCK)
            assert (
                libc.inotify_add_watch(self.inotify, str(canary / self.target).encode(), 0x20) >= 0
            )
        if self.effect == "connects":
            self.server = socket.socket()
            self.server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.server.bind(("127.0.0.1", PORT))
            self.server.listen(8)
            self.server.settimeout(0)

    def seen(self, outcome: dict | None) -> bool:
        self.was_seen = self._look(outcome)
        return self.was_seen

    def _look(self, outcome: dict | None) -> bool:
        text = (outcome or {}).get("text", "")
        end = (outcome or {}).get("end")
        if self.effect == "reads":
            return end == "done" and "AIRLOCK-CANARY" in text
        if self.effect == "returns":
            return end == "done" and self.target in text
        if self.effect == "writes":
            parent, name = (self.canary / self.target).parent, Path(self.target).name
            return any(p.name.startswith(name) for p in parent.iterdir())
        if self.effect == "deletes":
            return not (self.canary / self.target).exists()
        if self.effect == "opens":
            return self._opened()
        if self.effect == "connects":
            return self._connected()
        if self.effect == "crashes":
            return end == "died"
        if self.effect == "hangs":
            return end == "late"
        if self.effect == "exhausts":
            words = (
                "OOM when allocating",
                "Resource exhausted",
                "ResourceExhausted",
                "MemoryError",
                "bad_alloc",
                "failed to allocate",
            )
            # A folded constant that cannot be allocated is said to be unreadable.
            words += ("Cannot parse tensor from proto",)
            return end == "died" or (end == "failed" and any(word in text for word in words))
        assert self.effect == "fails"
        return end == "failed"

    def _opened(self) -> bool:
        try:
            return len(os.read(self.inotify, 4096)) >= struct.calcsize("iIII")
        except BlockingIOError:
            return False

    def _connected(self) -> bool:
        try:
            self.server.accept()[0].close()
            return True
        except BlockingIOError:
            return False

    def close(self) -> None:
        if self.inotify is not None:
            os.close(self.inotify)
        if self.server is not None:
            self.server.close()


if __name__ == "__main__":
    sys.exit(main())
