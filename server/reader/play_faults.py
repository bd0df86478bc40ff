# Copyright: Sible contributors. MIT License.
"""Why Ansible cannot load a play or an import, in any version since 2.14, regardless of the modules, roles and files present."""

from __future__ import annotations

import importlib.util
import itertools
import os
import re

MAX_TEXT = 500
IMPORTS = ("import_playbook", "ansible.builtin.import_playbook", "ansible.legacy.import_playbook")
# Ansible's keyword list does not say where each keyword is allowed.
ONLY_TASKS = frozenset(
    "action args always async block changed_when delay delegate_facts delegate_to failed_when loop loop_control notify poll"
    " register rescue retries until when".split()
)
ONLY_PLAYS = frozenset(
    "collections fact_path force_handlers gather_facts gather_subset gather_timeout handlers hosts max_fail_percentage order"
    " post_tasks pre_tasks roles serial strategy tasks vars_files vars_prompt".split()
)
# Reserved in every version: they have a meaning in Jinja and Python.
NO_VARIABLES = frozenset(["True", "False", "None"])
KEYS_OF_PROMPTS = frozenset("name prompt default private confirm encrypt salt_size salt unsafe".split())
# Texts; numbers are accepted, too.
TEXTS = (
    "name strategy order connection remote_user user become_user become_method become_flags become_exe fact_path debugger"
).split()
TRUTHS = frozenset("yes on y 1 1.0 true t no off n 0 0.0 false f".split())


class Encrypted:
    """A value that is unknown without the vault password."""


class Keywords:
    """Keywords of the installed Ansible; None if its list cannot be found, in which case any word is accepted."""

    plays = None
    imports = None
    # Ansible before 2.19 merges a list of mappings
    takes_list_of_vars = True

    @classmethod
    def load(cls, read):
        """@param read: parses YAML"""
        try:
            (folder,) = importlib.util.find_spec("ansible").submodule_search_locations
            with open(os.path.join(folder, "release.py"), encoding="utf-8") as file:
                version = re.search(r"__version__ = '(\d+)\.(\d+)", file.read())
            cls.takes_list_of_vars = version is None or (int(version[1]), int(version[2])) < (2, 19)
            with open(os.path.join(folder, "keyword_desc.yml"), "rb") as file:
                words = frozenset(read(file.read()))
        except Exception:
            return
        if {"hosts", "tasks", "vars", "tags"} <= words:
            cls.plays = words - ONLY_TASKS | {"user"}
            cls.imports = words - ONLY_TASKS - ONLY_PLAYS | {"when", *IMPORTS}


def find_fault(item, is_first):
    """The faulty key (None: the play as a whole) and the fault; (None, None): no fault.

    is_first: nothing runs before it. Ansible looks at some values only when it comes to the play.
    """
    imports = [name for name in IMPORTS if name in item]
    kind, words = ("an import", Keywords.imports) if imports else ("a play", Keywords.plays)
    if len(imports) > 1:
        return imports[1], "a playbook is imported twice in one item"
    unknown = [key for key in item if words is not None and key not in words]
    if unknown:
        return unknown[0], '"%s" is no keyword of %s' % (clip(str(unknown[0])), kind)
    for name in imports:
        if item[name] is None or isinstance(item[name], (dict, list)):
            return name, '"%s" is no path of a playbook' % name
    if not imports and "hosts" not in item:
        return None, "the play has no hosts"
    if "user" in item and "remote_user" in item:
        return "user", '"user" and "remote_user" are the same; expected one of them'
    late = FIRST_CHECKS.items() if is_first and not imports else ()
    for key, check in itertools.chain(CHECKS.items(), late):
        if key in item:
            problem = check(item[key])
            if problem is not None:
                return key, '"%s" %s' % (key, problem)
    return None, None


def check_hosts(hosts):
    if not isinstance(hosts, Encrypted) and not hosts:
        return "is empty; expected names of hosts or groups"
    for host in hosts if isinstance(hosts, list) else [hosts]:
        if not isinstance(host, (str, bytes, Encrypted)):
            return "holds something other than text; expected names of hosts or groups"
        if isinstance(host, str) and not host.strip():
            return "holds an empty name; expected names of hosts or groups"
    return None


def check_blocks(blocks):
    if blocks is not None and not isinstance(blocks, list):
        return "is no list"
    # Ansible skips empty items
    if any(block is not None and not isinstance(block, dict) for block in blocks or []):
        return "holds something other than tasks"
    return None


def check_roles(roles):
    if roles is not None and not isinstance(roles, list):
        return "is no list"
    if any(not isinstance(role, (str, dict)) for role in roles or []):
        return "holds something other than roles"
    return None


def check_vars(values):
    if isinstance(values, list) and Keywords.takes_list_of_vars:
        return None
    if values is None:
        return None
    if not isinstance(values, dict):
        return "is no mapping"
    for name in values:
        if not isinstance(name, str) or not (name.isascii() and name.isidentifier()) or name in NO_VARIABLES:
            return 'holds "%s", which is no name of a variable' % clip(str(name))
    return None


def check_tags(tags):
    return None if isinstance(tags, (str, list, Encrypted)) else "is no list of names"


def check_text(value):
    return "is no text" if isinstance(value, (dict, list)) else None


def check_collections(names):
    for name in names if isinstance(names, list) else [] if names is None else [names]:
        if not isinstance(name, (str, Encrypted)):
            return "holds something other than names of collections"
    return None


def check_defaults(defaults):
    for values in defaults if isinstance(defaults, list) else [] if defaults is None else [defaults]:
        if not isinstance(values, dict):
            return "is no mapping"
    return None


def is_left_to_ansible(value):
    """The value of a template or an encrypted text is unknown here."""
    return value is None or isinstance(value, Encrypted) or (isinstance(value, str) and "{" in value)


def check_truth(value):
    if is_left_to_ansible(value):
        return None
    if isinstance(value, str):
        return None if value.strip().lower() in TRUTHS else "is neither true nor false"
    return None if isinstance(value, (int, float)) and value in (0, 1) else "is neither true nor false"


def check_number(value):
    if is_left_to_ansible(value) or isinstance(value, (int, float)):
        return None
    # whether Python accepts a text with a digit as a number is left to Ansible
    is_number = isinstance(value, str) and (
        any(char.isdigit() for char in value) or value.strip().lstrip("+-").lower() in ("nan", "inf", "infinity")
    )
    return None if is_number else "is no number"


def check_texts(values):
    # versions differ on sets
    for value in values if isinstance(values, list) else [] if values is None or isinstance(values, set) else [values]:
        if not isinstance(value, (str, Encrypted)):
            return "holds something other than text"
    return None


def check_vars_files(files):
    for row in files if isinstance(files, list) else [] if files is None else [files]:
        # of a nested list, Ansible takes the first file that exists, and never looks at the others
        name = row[0] if isinstance(row, list) and row else "" if isinstance(row, list) else row
        if not isinstance(name, (str, Encrypted)):
            return "holds something other than names of files"
    return None


def check_answers(prompts):
    for prompt in prompts if isinstance(prompts, list) else [] if prompts is None else [prompts]:
        if isinstance(prompt["name"], (dict, list)):
            return 'holds a "name" that is no text'
        for key in ("private", "confirm"):
            if key in prompt and (prompt[key] is None or check_truth(prompt[key]) is not None):
                return 'holds a "%s" that is neither true nor false' % key
    return None


def check_prompts(prompts):
    for prompt in prompts if isinstance(prompts, list) else [] if prompts is None else [prompts]:
        if not isinstance(prompt, dict) or "name" not in prompt:
            return 'holds something without a "name"'
        unknown = [key for key in prompt if key not in KEYS_OF_PROMPTS]
        if unknown:
            return 'holds "%s", which is no keyword of a prompt' % clip(str(unknown[0]))
    return None


CHECKS = {
    "hosts": check_hosts,
    "vars": check_vars,
    "tags": check_tags,
    "vars_prompt": check_prompts,
    "roles": check_roles,
    "pre_tasks": check_blocks,
    "tasks": check_blocks,
    "post_tasks": check_blocks,
    "handlers": check_blocks,
    "collections": check_collections,
    "module_defaults": check_defaults,
    **dict.fromkeys(TEXTS, check_text),
}
# Faults that Ansible finds only when it reaches the play.
FIRST_CHECKS = {
    "vars_files": check_vars_files,
    "vars_prompt": check_answers,
    "gather_facts": check_truth,
    "gather_subset": check_texts,
    "gather_timeout": check_number,
    "max_fail_percentage": check_number,
    "force_handlers": check_truth,
}


def clip(text):
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"
