# Copyright: Sible contributors. MIT License.
"""Records plays, tasks and their results as they come."""

from __future__ import annotations

import collections
import os
import sys
import time

from . import causes, command_line, result_text
from .log_lines import LogLines
from .result_text import clip_name

# Of the records; 1 had no results.
FORMAT = 2
# A record must stay below 64 KiB, where Sible would split its line; a character takes up to twelve bytes of it.
DIFF_PIECE = 5_000
# How many pairs of task and host are kept at most to notice that a task runs once more.
MAX_SEEN = 200_000
MAX_FAILED_ITEMS = 100

COUNTS = {
    "ok": "ok",
    "changed": "changed",
    "dark": "unreachable",
    "failures": "failed",
    "skipped": "skipped",
    "rescued": "rescued",
    "ignored": "ignored",
}
# What PLAY RECAP counts for a result, if nothing else is said.
USUAL_COUNTS = {
    "ok": {"ok": 1},
    "changed": {"ok": 1, "changed": 1},
    "skipped": {"skipped": 1},
    "failed": {"failed": 1},
    "unreachable": {"unreachable": 1},
    "rescued": {"rescued": 1},
    "ignored": {"ok": 1, "ignored": 1},
}


class _Task:
    """A task of a play. Handlers and tasks of a loop of includes may run more than once on a host."""

    def __init__(self, task):
        self.name = clip_name(task.get_name().strip())
        self.action = _action_of(task)
        self.path = task.get_path()
        # what it says itself; whether that counts depends on the playbook
        self.is_really_run = task.check_mode is False
        self.started_at = _now()
        self.log_line = None
        # our number for each time it ran
        self.numbers = []
        # host: how often it reported
        self.reported = {}
        self.failed_items = {}


class Results:
    def __init__(self, write, root, checks):
        """
        root: the folder of playbooks, to which paths are relative; None: unknown.
        checks: whether the playbook runs in check mode.
        """
        self._write = write
        self._checks = checks
        self._roots = [] if not root else [root, os.path.realpath(root)]
        self._log = LogLines()
        self._stats = _find_stats()
        self._counted = {}
        self._play = 0
        self._numbers = 0
        self._tasks = collections.OrderedDict()
        self._seen = 0
        self._begun = {}
        self.causes = causes.Causes()

    def began(self, ansible_version, words):
        self._write(
            {
                "kind": "begin",
                "format": FORMAT,
                "ansible": ansible_version,
                "check": self._checks,
                "command": command_line.shown(words),
            }
        )

    def asked(self, name):
        """The playbook asks for a variable, and nobody is there to answer."""
        self._write({"kind": "prompt", "name": result_text.clip(name, causes.MAX_NAME)})

    def play_started(self, play):
        self._play += 1
        # a batch of hosts goes through the same tasks once more
        self._tasks.clear()
        self._seen = 0
        self._begun.clear()
        self._put({"kind": "play", "play": self._play, "name": clip_name(play.get_name().strip()), "startedAt": _now()})

    def task_started(self, task):
        known = self._tasks.get(task._uuid)
        if known is None:
            known = self._tasks[task._uuid] = _Task(task)
            known.log_line = self._log.last()
            self._number(known)
        else:
            # it may run once more, which only its first result tells
            known.started_at = _now()
            known.log_line = self._log.last()
        self._forget_old(known)

    def host_started(self, host, task):
        self._begun[(host.get_name(), task._uuid)] = _now()

    def item(self, status, result):
        """An item of a loop. Whether a failure counts is known only with the result of the task."""
        host, task = result._host.get_name(), self._task_of(result)
        if status == "failed":
            count = task.failed_items[host] = task.failed_items.get(host, 0) + 1
            if count > MAX_FAILED_ITEMS:
                return
        fields = result._result
        record = {"kind": "item", "task": self._number_for(task, host), "host": clip_name(host), "status": status}
        label = fields.get("_ansible_item_label", fields.get(fields.get("ansible_loop_var", "item")))
        hidden = "censored" in fields
        record["item"] = "(hidden)" if hidden else clip_name(result_text.text_of(label))
        self._tell(record, result, fields)

    def result(self, status, result):
        """status: as the kind of the event says; what became of a failure is read from the counts."""
        host, task = result._host.get_name(), self._task_of(result)
        counts = self._count(host)
        fields = result._result
        if status in ("failed", "unreachable"):
            status = next((name for name in ("rescued", "ignored") if counts.get(name)), status)
        record = {"kind": "result", "task": self._number_for(task, host), "host": clip_name(host), "status": status}
        if self._stats is not None and counts != USUAL_COUNTS[status]:
            record["counts"] = counts
        begun = self._begun.pop((host, result._task._uuid), None)
        record["startedAt"] = begun if begun is not None else task.started_at
        more = task.failed_items.pop(host, 0) - MAX_FAILED_ITEMS
        if more > 0:
            record["moreItems"] = more
        task.reported[host] = task.reported.get(host, 0) + 1
        self._seen += 1
        # the items of a loop have told their own
        self._tell(record, result, fields, shows_diff="results" not in fields)

    def included(self, hosts, include):
        """Ansible counts an include only once it has read the file, which is after its result."""
        task = self._tasks.get(include._uuid)
        for name in [host.get_name() for host in hosts]:
            counts = self._count(name)
            if task is not None and counts:
                number = task.numbers[min(task.reported.get(name, 1), len(task.numbers)) - 1]
                self._write({"kind": "counts", "task": number, "host": clip_name(name), "counts": counts})

    def ended(self, stats):
        for host in sorted(stats.processed):
            record = {"kind": "recap", "host": clip_name(host)}
            record.update((name, getattr(stats, key).get(host, 0)) for key, name in COUNTS.items())
            self._write(record)
        for record in self.causes.records(stats):
            self._write(record)

    def _tell(self, record, result, fields, shows_diff=True):
        status = record["status"]
        if "censored" in fields:
            record["hidden"] = True
        elif status in ("ok", "changed"):
            record["message"] = result_text.message_of(fields)
        elif status == "skipped":
            record["message"] = result_text.skip_reason_of(fields)
            if self._checks and result_text.is_unchecked(fields):
                record["unchecked"] = True
        else:
            record.update(result_text.failure_of(fields))
        diff = ""
        if shows_diff and "diff" in fields and "censored" not in fields and getattr(result._task, "diff", False):
            diff = result_text.diff_of(fields)
        pieces = [diff[at : at + DIFF_PIECE] for at in range(0, len(diff), DIFF_PIECE)]
        for piece in pieces:
            self._write({"kind": "diff", "text": piece})
        if pieces:
            record["diffs"] = len(pieces)
        record["finishedAt"] = _now()
        record["logLine"] = self._log.last()
        self._put(record)

    def _put(self, record):
        self._write({name: value for name, value in record.items() if value is not None})

    def _task_of(self, result):
        task = result._task
        known = self._tasks.get(task._uuid)
        if known is None:
            known = self._tasks[task._uuid] = _Task(task)
        return known

    def _number_for(self, task, host):
        """Our number of the task, as it runs on this host now."""
        times = task.reported.get(host, 0)
        while len(task.numbers) <= times:
            self._number(task)
        return task.numbers[times]

    def _number(self, task):
        self._numbers += 1
        task.numbers.append(self._numbers)
        path, line = self._place(task.path)
        self._put(
            {
                "kind": "task",
                "task": self._numbers,
                "play": self._play,
                "name": task.name,
                "action": clip_name(task.action),
                "file": path,
                "line": line,
                "startedAt": task.started_at,
                "logLine": task.log_line,
                "reallyRun": True if self._checks and task.is_really_run else None,
            }
        )

    def _place(self, path):
        """The file of a task, relative to the folder of playbooks where it lies inside, and its line."""
        file, _, line = (path or "").rpartition(":")
        if not file or not line.isdigit():
            return None, None
        for root in self._roots:
            if file.startswith(root + os.sep):
                file = file[len(root) + 1 :]
                break
        return result_text.clip(file, 1_000, "…"), int(line)

    def _count(self, host):
        """What was added to the counts of PLAY RECAP since the last result of this host."""
        if self._stats is None:
            return {}
        before = self._counted.get(host, {})
        now = {name: getattr(self._stats, key).get(host, 0) for key, name in COUNTS.items()}
        self._counted[host] = now
        return {name: count - before.get(name, 0) for name, count in now.items() if count != before.get(name, 0)}

    def _forget_old(self, current):
        while self._seen > MAX_SEEN and len(self._tasks) > 1:
            _, old = self._tasks.popitem(last=False)
            if old is not current:
                self._seen -= sum(old.reported.values())


def _action_of(task):
    """The full name of its action, as far as it is known. Ansible 2.19 warns when `resolved_action` is read too early."""
    known = vars(task)
    return str(known.get("_resolved_action") or known.get("resolved_action") or task.action)


def _now():
    """In ms since the epoch."""
    return int(time.time() * 1000)


def _find_stats():
    """
    The counts that PLAY RECAP shows, which Ansible keeps up to date but hands to nobody before the end: of the object
    that loads this plugin.
    """
    frame = sys._getframe(1)
    while frame is not None:
        stats = getattr(frame.f_locals.get("self"), "_stats", None)
        if stats is not None and all(isinstance(getattr(stats, key, None), dict) for key in COUNTS):
            return stats
        frame = frame.f_back
    return None
