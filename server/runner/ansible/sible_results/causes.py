# Copyright: Sible contributors. MIT License.
"""Why hosts failed for good: a few bounded records, from which Sible words why the run ended as it did."""

from __future__ import annotations

from .result_text import clip

# At most this many different messages are kept, each with at most this many host names.
MAX_CAUSES = 20
MAX_HOSTS = 3
MAX_MESSAGE = 1_200
MAX_NAME = 100


class Causes:
    def __init__(self):
        # the last failure on each host: earlier, rescued ones do not count
        self._last = {}

    def note(self, status, result):
        self._last[clip(result._host.get_name(), MAX_NAME)] = (status, _message_of(result._result))

    def records(self, stats):
        """One each, because one for all would be longer than a line of a log may be."""
        causes = {}
        for host, (status, message) in self._last.items():
            if not (stats.failures if status == "failed" else stats.dark).get(host):
                continue
            key = (status, message)
            if key not in causes and len(causes) >= MAX_CAUSES:
                continue
            new = {"kind": "cause", "status": status, "message": message, "count": 0, "hosts": []}
            cause = causes.setdefault(key, new)
            cause["count"] += 1
            if len(cause["hosts"]) < MAX_HOSTS:
                cause["hosts"].append(host)
        return causes.values()


def _message_of(result):
    """The failure message of a result; of a loop, that of its first failed item. Never the task's arguments."""
    items = result.get("results")
    if isinstance(items, (list, tuple)):
        for item in items:
            if isinstance(item, dict) and (item.get("failed") or item.get("unreachable")):
                result = item
                break
    # a failed include has `reason` instead of a message
    parts = [result.get(key) for key in ("msg", "reason", "module_stderr", "module_stdout")]
    return clip("\n".join(str(part).strip() for part in parts if part), MAX_MESSAGE)
