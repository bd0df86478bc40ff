# Copyright: Sible contributors. MIT License.
"""Writes what Sible cannot observe from outside a run into the run's spool folder; ends the run at an open prompt."""

from __future__ import annotations

import fcntl
import functools
import importlib.util
import itertools
import json
import os
import signal
import stat
import sys

from ansible import context
from ansible.plugins.callback import CallbackBase
from ansible.release import __version__ as ansible_version
from ansible.utils.display import Display

DOCUMENTATION = """
name: sible_facts
type: aggregate
short_description: tells Sible how a run went
description:
  - Writes plays, tasks, results and a few facts as JSON lines to the file that the environment variable C(SIBLE_EVENTS) names.
  - Ends the playbook where it asks for a variable that has neither a default nor a value that wins over the answer.
  - Does nothing without that environment variable, and prints nothing else.
options: {}
author: Sible
"""


def _take_environment():
    """
    Returns the file to write to, and the folder of playbooks. Reverts variables meant for this process only: tasks
    inherit the environment.
    """
    path = os.environ.pop("SIBLE_EVENTS", None)
    root = os.environ.pop("SIBLE_ROOT", None)
    try:
        for name, value in json.loads(os.environ.pop("SIBLE_RESTORE_ENV", "{}")).items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    except Exception:
        pass
    return path, root


def _claim(fd):
    """Whether the file is ours: the first process to lock it while it is empty claims it, and a second one stays silent."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # the file system does not support locks
        pass
    info = os.fstat(fd)
    return stat.S_ISREG(info.st_mode) and info.st_size == 0


def _restore_signals():
    """Stop ignoring the signals that the shells which started this process ignore: tasks and their daemons inherit that."""
    try:
        # with a controlling terminal, closing it would end the run
        if os.getsid(0) != os.getppid():
            return
        for number, usual in (
            (signal.SIGHUP, signal.SIG_DFL),
            (signal.SIGQUIT, signal.SIG_DFL),
            (signal.SIGINT, signal.default_int_handler),
        ):
            if signal.getsignal(number) == signal.SIG_IGN:
                signal.signal(number, usual)
    except Exception:
        pass


_PATH, _ROOT = _take_environment()
if _PATH:
    _restore_signals()


def _static_files(item):
    """The names of a vars_files item before its first template: Ansible uses the first file that exists."""
    names = item if isinstance(item, list) else [item]
    return list(itertools.takewhile(lambda name: isinstance(name, str) and "{" not in name and "#" not in name, names))


def _load_results():
    """The package beside this folder. Under a name of its own, so that no other of that name is taken for it."""
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    folder = os.path.join(ours, "sible_results")
    spec = importlib.util.spec_from_file_location(
        "sible_results", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    sys.modules["sible_results"] = package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    return importlib.import_module("sible_results.results")


class _Quiet:
    """Keeps the base class from announcing the plugin at -vvvv."""

    verbosity = 0


def _quietly(method):
    """Silences the plugin after its first exception: Ansible would print each one into the log."""

    @functools.wraps(method)
    def wrapper(self, *args, **kwargs):
        if self._fd is None:
            return
        try:
            method(self, *args, **kwargs)
        except Exception as error:
            self._give_up("%s in %s" % (type(error).__name__, method.__name__))

    return wrapper


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "sible_facts"

    def __init__(self, *args, **kwargs):
        super().__init__(display=_Quiet())
        self._display = Display()
        self._plays = 0
        self._unmatched = 0
        self._tasks = 0
        self._fd = None
        self._playbook = None
        # Ansible runs copies of a play, which keep its identifier
        self._begun = set()
        self.disabled = not _PATH
        if self.disabled:
            return
        try:
            # Sible has created the file and follows that very inode
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            self._fd = os.open(_PATH, flags, 0o600)
            if _claim(self._fd):
                self._results = _load_results().Results(self._write, _ROOT, bool(context.CLIARGS.get("check")))
                self._results.began(ansible_version, sys.argv)
            else:
                self._give_up()
        except Exception as error:
            self._give_up("%s while it was loaded" % type(error).__name__)

    def _give_up(self, problem=None):
        """problem: why, never with the text of an error, which may hold a secret."""
        if problem is not None and self._fd is not None:
            try:
                self._write({"kind": "broken", "problem": problem})
            except Exception:
                pass
        fd, self._fd = self._fd, None
        if fd is not None:
            try:
                os.close(fd)
            except OSError:
                pass

    def _write(self, record):
        line = (json.dumps(record, ensure_ascii=True, default=str) + "\n").encode("ascii")
        if os.write(self._fd, line) != len(line):
            raise OSError("the disk is full")

    def v2_playbook_on_start(self, playbook):
        self._playbook = playbook

    def v2_playbook_on_play_start(self, play):
        self._begun.add(getattr(play, "_uuid", None))
        self._tell_play(play)

    @_quietly
    def _tell_play(self, play):
        self._plays += 1
        self._results.play_started(play)

    def v2_playbook_on_vars_prompt(
        self,
        varname,
        private=True,
        prompt=None,
        encrypt=None,
        confirm=False,
        salt_size=None,
        salt=None,
        default=None,
        unsafe=None,
    ):
        """Called before Ansible reads the answer, and only if no extra variable supplies one."""
        if default is not None or self._has_other_value(varname):
            return
        self._tell_prompt(varname)
        self._display.error("The playbook asks for %r (vars_prompt), and nobody is there to answer." % str(varname))
        # Ansible turns any other exception in a callback into a warning and would continue without a value
        raise SystemExit(1)

    def _has_other_value(self, name):
        """Whether another value overrides the answer for the whole play: from its variables files or its roles."""
        try:
            play = next(play for play in self._playbook.get_plays() if play._uuid not in self._begun)
            answer = os.urandom(16).hex()
            asked = play.copy()
            asked.vars = dict(play.vars, **{name: answer})
            # a template may resolve to a different file on each host
            asked.vars_files = [static for item in play.get_vars_files() if (static := _static_files(item))]
            value = play.get_variable_manager().get_vars(play=asked)[name]
            # an encrypted value is not a str and must not be compared: that would decrypt it
            return not (isinstance(value, str) and str.__eq__(value, answer))
        except Exception:
            return False

    @_quietly
    def _tell_prompt(self, name):
        self._results.asked(name)

    @_quietly
    def v2_playbook_on_no_hosts_matched(self):
        self._unmatched += 1

    @_quietly
    def v2_playbook_on_task_start(self, task, is_conditional):
        # the task that Ansible adds itself appears in no file
        if task.action != "gather_facts" or getattr(task, "_ds", None) is not None:
            self._tasks += 1
        self._results.task_started(task)

    @_quietly
    def v2_playbook_on_handler_task_start(self, task):
        self._results.task_started(task)

    @_quietly
    def v2_runner_on_start(self, host, task):
        self._results.host_started(host, task)

    @_quietly
    def v2_runner_on_ok(self, result):
        self._results.result("changed" if result._result.get("changed") else "ok", result)

    @_quietly
    def v2_runner_on_skipped(self, result):
        self._results.result("skipped", result)

    @_quietly
    def v2_runner_on_failed(self, result, ignore_errors=False):
        if not ignore_errors:
            self._results.causes.note("failed", result)
        self._results.result("ignored" if ignore_errors else "failed", result)

    @_quietly
    def v2_runner_on_unreachable(self, result):
        self._results.causes.note("unreachable", result)
        self._results.result("unreachable", result)

    @_quietly
    def v2_playbook_on_include(self, included_file):
        self._results.included(included_file._hosts, included_file._task)

    @_quietly
    def v2_runner_item_on_ok(self, result):
        if result._result.get("changed"):
            self._results.item("changed", result)

    @_quietly
    def v2_runner_item_on_failed(self, result):
        self._results.item("failed", result)

    @_quietly
    def v2_playbook_on_stats(self, stats):
        self._results.ended(stats)
        self._write(
            {
                "kind": "end",
                "plays": self._plays,
                "unmatched": self._unmatched,
                "tasks": self._tasks,
                "tagged": _has_tags(),
                "failed": len([count for count in stats.failures.values() if count]),
                "unreachable": len([count for count in stats.dark.values() if count]),
            }
        )


def _has_tags():
    """Whether tasks were selected by tags."""
    chosen, left_out = context.CLIARGS.get("tags"), context.CLIARGS.get("skip_tags")
    return bool(left_out) or any(tag != "all" for tag in chosen or ())
