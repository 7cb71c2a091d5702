"""Puts the manual page into the wheel, made of the command that the wheel holds."""

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManualHook(BuildHookInterface[Any]):
    """Writes runproxy.1 below build/, and has it installed as share/man/man1/runproxy.1."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Run before the wheel is put together; an editable installation gets no manual page."""
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        from runproxy import __version__  # noqa: PLC0415 - the source is found only now
        from runproxy.cli import main  # noqa: PLC0415
        from runproxy.cli.manual import manual  # noqa: PLC0415

        made = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())), UTC)
        page = Path(self.root, "build", "runproxy.1")
        page.parent.mkdir(exist_ok=True)
        page.write_text(manual(main, __version__, made.date()), encoding="utf-8")
        build_data["shared_data"][str(page)] = "share/man/man1/runproxy.1"
