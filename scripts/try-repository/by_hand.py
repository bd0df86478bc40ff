# Copyright: Sible contributors. MIT License.
"""What Ansible makes of files. Paths come in on stdin, one a line, relative to where it is started; a line of JSON for each goes out.

`kinds`: what Ansible's loader reads in each. `syntax`: how `ansible-playbook --syntax-check` ends; its modules and plugins are
loaded only once, and each playbook is checked by a fork.
"""

import json
import os
import signal
import sys
import tempfile
import warnings

from ansible.cli.playbook import main
from ansible.parsing.dataloader import DataLoader
from ansible.plugins import loader as plugins

IMPORTS = {"import_playbook", "ansible.builtin.import_playbook", "ansible.legacy.import_playbook"}


def kind_of(path):
    try:
        with open(path, "rb") as file:
            if file.read(14) == b"$ANSIBLE_VAULT":
                return "vault"
        data = DataLoader().load_from_file(path)
    except Exception:
        return "broken"
    if not isinstance(data, list):
        return "other"
    is_play = any(isinstance(item, dict) and ("hosts" in item or IMPORTS & item.keys()) for item in data)
    return "playbook" if is_play else "list"


def load_plugins():
    """Those that every check loads, which takes it longer than all else."""
    plugins.init_plugin_loader()
    for loader in (plugins.connection_loader, plugins.shell_loader, plugins.become_loader, plugins.vars_loader):
        list(loader.all(class_only=True))
    # each check sets the loader up again
    warnings.filterwarnings("ignore", "AnsibleCollectionFinder has already been configured")


def check_syntax(path):
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            os.dup2(os.open(os.devnull, os.O_RDWR), 0)
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            try:
                main(["ansible-playbook", "--syntax-check", "--", path])
            except SystemExit as end:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(end.code or 0)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        output.seek(0)
        return {"code": os.waitstatus_to_exitcode(status), "output": output.read().decode("utf-8", "replace")}


if sys.argv[1] == "syntax":
    load_plugins()
ask = {"kinds": lambda path: {"kind": kind_of(path)}, "syntax": check_syntax}[sys.argv[1]]
with os.fdopen(os.dup(1), "w") as answers:
    for line in sys.stdin.read().splitlines():
        answers.write(json.dumps({"path": line, **ask(line)}) + "\n")
        answers.flush()
