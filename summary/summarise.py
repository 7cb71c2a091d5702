"""Stops the runproxy that the action has started, and writes what became of the calls as Markdown.

Takes the folder that the action works in. Reads only what runproxy tells of itself, and needs nothing but Python.
"""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

STOP_S = 30
SHOWN = 20


def main() -> int:
    """Give the exit code: 1 where the job is to fail, 2 where runproxy does not run, or does not stop."""
    work = Path(sys.argv[1])
    try:
        ready = json.loads((work / "ready.json").read_text(encoding="utf-8"))
        calls = _ask(ready["admin_url"], "/api/status")["calls"]
        misses = _ask(ready["admin_url"], "/api/misses")["misses"]
    except (OSError, HTTPException):
        print("::error title=runproxy does not run::It has ended before the summary, or was not started.")
        print((work / "log").read_text(encoding="utf-8") if (work / "log").exists() else "")
        return 2
    has_stopped = _stop(ready["pid"])
    unused = _unused(work / "usage.json") if has_stopped else None
    with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as summary:
        summary.write(_markdown(calls, misses, unused))
    if not has_stopped:
        print(f"::error title=runproxy does not stop::Process {ready['pid']} was told to {STOP_S} s ago, and runs.")
        return 2
    return int((_is_set("MISS") and bool(calls.get("miss"))) or (_is_set("UNUSED") and bool(unused)))


def _ask(admin_url: str, path: str) -> Any:
    opener = build_opener(ProxyHandler({}))  # the proxies of the environment are not for an address of this machine
    with opener.open(admin_url + path, timeout=STOP_S) as answer:
        return json.load(answer)


def _stop(pid: int) -> bool:
    """Stop the server, which writes the usage file at its very end; tell whether it has ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    for _ in range(round(STOP_S * 10)):
        if not _runs(pid):
            return True
        time.sleep(0.1)
    return False


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (ProcessLookupError, FileNotFoundError) as error:  # without /proc, the signal alone tells
        return isinstance(error, FileNotFoundError) and not Path("/proc/self").exists()
    return told.rpartition(")")[2].split()[0] != "Z"  # one that has ended stays listed where nobody asks how


def _unused(path: Path) -> list[str]:
    used = json.loads(path.read_text(encoding="utf-8"))["cassettes"]
    return [f"{name}: interactions[{place}]" for name, told in used.items() for place in told["unused"]]


def _is_set(what: str) -> bool:
    return os.environ.get(f"RUNPROXY_ACTION_FAIL_ON_{what}", "").lower() == "true"


def _markdown(calls: dict[str, int], misses: list[dict[str, Any]], unused: list[str] | None) -> str:
    counts = {"replayed": 0, "miss": 0, **calls}
    lines = [
        "### runproxy",
        "",
        "| calls | |",
        "|---|---|",
        *(f"| {what} | {count} |" for what, count in counts.items()),
    ]
    lines.append(f"| recordings that answered no call | {'unknown' if unused is None else len(unused)} |")
    for miss in misses[:SHOWN]:
        lines += ["", f"<details><summary>{_html(miss['id'])}: {_html(_call_of(miss))}</summary>", ""]
        lines += [f"<pre>{_html(miss['message'])}</pre>", "", "</details>"]
    if unused:
        lines += ["", "<details><summary>Not used</summary>", ""]
        lines += [f"<pre>{_html(chr(10).join(unused[:SHOWN]))}</pre>", "", "</details>"]
    return "\n".join(lines) + "\n\n"


def _call_of(miss: dict[str, Any]) -> str:
    return f"{miss.get('method', '')} {miss.get('path', '')}"


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\n\n", "\n")


if __name__ == "__main__":
    sys.exit(main())
