"""Runs modelscan and modelaudit, the real packages, over the corpus in one process each, and prints a line for each artefact.

    python peers.py modelscan|modelaudit CORPUS < expectations.json

One process, because importing TensorFlow takes each of them seconds; what whole processes cost is measured apart.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import signal
import sys
import time
from pathlib import Path

os.environ.update(
    PROMPTFOO_DISABLE_TELEMETRY="1",
    NO_ANALYTICS="1",
    CI="1",
    TF_CPP_MIN_LOG_LEVEL="3",
    CUDA_VISIBLE_DEVICES="-1",
)
DEADLINE_S = 60


def modelscan(path: Path) -> tuple[list[dict], bool]:
    from modelscan.modelscan import ModelScan

    results = ModelScan().scan(path)
    findings = [
        {"severity": issue["severity"].lower(), "text": json.dumps(issue)}
        for issue in results["issues"]
    ]
    nothing = results["summary"]["scanned"]["total_scanned"] == 0
    return findings, bool(results["errors"]) or nothing


def modelaudit(path: Path) -> tuple[list[dict], bool]:
    from modelaudit.core import scan_model_directory_or_file

    result = scan_model_directory_or_file(str(path), cache_enabled=False)
    held = json.loads(result.model_dump_json())
    severities = {"critical": "critical", "warning": "medium", "error": "medium"}
    findings = [
        {
            "severity": severities[issue["severity"]],
            "text": json.dumps(
                [
                    issue.get("message"),
                    issue.get("location"),
                    issue.get("details"),
                    issue.get("why"),
                ]
            ),
        }
        for issue in held["issues"]
        if issue["severity"] in severities
    ]
    return findings, bool(held.get("has_errors")) or held.get("success") is False


class Late(Exception):
    """It took longer than the deadline."""


def late(*_):
    raise Late


def main(name: str, corpus: Path) -> None:
    logging.disable(logging.CRITICAL)
    scan = {"modelscan": modelscan, "modelaudit": modelaudit}[name]
    signal.signal(signal.SIGALRM, late)
    out = os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    for entry in json.load(sys.stdin):
        started = time.monotonic()
        signal.alarm(DEADLINE_S)
        try:
            with (
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
            ):
                findings, failed = scan(corpus / entry["path"])
        except BaseException as error:  # noqa: BLE001 - a scanner that falls over says nothing
            findings, failed = [], True
            if isinstance(error, KeyboardInterrupt):
                raise
        finally:
            signal.alarm(0)
        line = {
            "id": entry["id"],
            "findings": findings,
            "failed": failed,
            "ms": round((time.monotonic() - started) * 1000),
        }
        out.write(json.dumps(line) + "\n")
        out.flush()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
