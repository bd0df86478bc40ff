# Copyright: Sible contributors. MIT License.
"""Says what a YAML file is to Ansible. Runs under Ansible's own Python, so with the PyYAML that Ansible uses.

Reads requests from stdin, each a length (4 bytes, big endian) and so many bytes of a file; answers each with a line of JSON.
Builds plain data only, as Ansible's loader does: nothing is templated, decrypted or run.
"""

from __future__ import annotations

import copy
import gc
import importlib.util
import itertools
import json
import os
import re
import resource
import signal
import struct
import sys

import yaml

try:
    from yaml.cyaml import CSafeLoader as _Base
except ImportError:
    from yaml import SafeLoader as _Base
from yaml.constructor import ConstructorError

CPU_SECONDS = 3
MAX_MEMORY = 512 * 1024 * 1024
# Past this the process is not worth keeping: a new one is ready in a tenth of a second.
MAX_KEPT_MEMORY_KB = 100 * 1024
MAX_NAMES = 1000
MAX_ANSWER = 32 * 1024
MAX_TEXT = 500
# Characters of the names of variables files, over all prompts of a playbook.
MAX_VARS_FILES = 8000
IMPORTS = ("import_playbook", "ansible.builtin.import_playbook", "ansible.legacy.import_playbook")
# Ansible's list of keywords does not say where each is allowed.
ONLY_TASKS = frozenset(
    "action args always async block changed_when delay delegate_facts delegate_to failed_when loop loop_control notify poll"
    " register rescue retries until when".split()
)
ONLY_PLAYS = frozenset(
    "collections fact_path force_handlers gather_facts gather_subset gather_timeout handlers hosts max_fail_percentage order"
    " post_tasks pre_tasks roles serial strategy tasks vars_files vars_prompt".split()
)
# In every version: Jinja and Python have a meaning for them.
NO_VARIABLES = frozenset(["True", "False", "None"])
KEYS_OF_PROMPTS = frozenset("name prompt default private confirm encrypt salt_size salt unsafe".split())
TAG = "tag:yaml.org,2002:"
LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


class Loader(_Base):
    """What ansible.parsing.yaml.loader.AnsibleLoader accepts, without its notes on where each value came from."""

    def untagged(self, node):
        node = copy.copy(node)
        node.tag = self.resolve(type(node), node.value, (True, False))
        return self.construct_object(node, deep=True)

    def vault(self, node):
        if not isinstance(self.untagged(node), str):
            raise ConstructorError(None, None, "the %r tag requires a string value" % node.tag, node.start_mark)
        return Encrypted()


class Encrypted:
    """A value that only the vault's password tells."""


Loader.add_constructor("!unsafe", Loader.untagged)
Loader.add_constructor("!vault", Loader.vault)
Loader.add_constructor("!vault-encrypted", Loader.vault)
Loader.add_constructor(TAG + "python/unicode", Loader.construct_yaml_str)
Loader.add_constructor(TAG + "python/dict", Loader.construct_yaml_map)


def judge(content):
    if content.startswith(b"$ANSIBLE_VAULT"):
        return {"kind": "vault"}
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        return broken("It is not UTF-8 text", before.count("\n") + 1, utf16_length(before))
    try:
        # as Ansible does: what is JSON is not read as YAML
        data = json.loads(text)
        if "\\ud" in text or "\\uD" in text:
            # half a character is no text: Ansible reads it as YAML then, and says where it is
            json.dumps(data, ensure_ascii=False).encode("utf-8")
        return classify(data, text)
    except (ValueError, RecursionError):
        pass
    loader = None
    try:
        loader = Loader(text)
        data = loader.get_single_data()
        return classify(data, text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(part for part in (error.context, error.problem) if part)
        if mark is None:
            return broken(problem, None, None)
        return broken(problem, mark.line + 1, offset_of(text, mark.line, mark.column))
    except yaml.reader.ReaderError as error:
        position = error.position if isinstance(error.position, int) else 0
        before = text[:position]
        return broken("%s: %s" % (error.reason, error.character), before.count("\n") + 1, utf16_length(before))
    except RecursionError:
        return broken("It is nested too deep", None, None)
    except MemoryError:
        return {"kind": "heavy"}
    except Exception as error:
        return broken(str(error) or type(error).__name__, None, None)
    finally:
        if loader is not None:
            loader.dispose()


def broken(problem, line, offset):
    problem = problem[:1].upper() + problem[1:]
    return {"kind": "broken", "problem": clip(problem), "line": line, "position": offset}


def classify(data, text):
    if data is None:
        return {"kind": "empty"}
    if isinstance(data, dict):
        names = [key for key in data if isinstance(key, str)]
        return {"kind": "mapping", "names": [clip(name) for name in names[:MAX_NAMES]]}
    if not isinstance(data, list):
        return {"kind": "scalar"}
    plays = [item for item in data if isinstance(item, dict) and ("hosts" in item or any(name in item for name in IMPORTS))]
    other = next((at for at, item in enumerate(data) if not isinstance(item, dict)), None)
    verdict = {
        "kind": "playbook" if plays else "list",
        "isEmpty": not data,
        "prompts": [],
        "imports": [],
        "otherLine": None,
        "otherPosition": None,
        "playFault": None,
    }
    if other is None:
        verdict["playFault"] = next((fault for at, item in enumerate(data) if (fault := fault_of(item, at, text))), None)
    place = None if other is None else place_of(text, other, None)
    if place is not None:
        verdict["otherLine"] = place[0] + 1
        verdict["otherPosition"] = offset_of(text, place[0], 0)
    room = MAX_VARS_FILES
    for item in data:
        if not isinstance(item, dict):
            continue
        imported = next((item[name] for name in IMPORTS if name in item), None)
        if isinstance(imported, str):
            values = item.get("vars")
            values = values if isinstance(values, dict) else {}
            verdict["imports"].append(
                {
                    "file": clip(imported),
                    "vars": {
                        clip(name): clip(str(value))
                        for name, value in list(values.items())[:MAX_NAMES]
                        if isinstance(name, str) and isinstance(value, (str, int)) and not isinstance(value, bool)
                    },
                }
            )
        asked = item.get("vars_prompt")
        files = vars_files_of(item)
        for prompt in [asked] if isinstance(asked, dict) else asked if isinstance(asked, list) else []:
            if isinstance(prompt, dict) and "name" in prompt:
                # a default that is null answers nothing
                has_default = prompt.get("default") is not None
                # Ansible cannot encrypt an answer that is missing
                answering = [] if has_default or prompt.get("encrypt") else files
                room -= sum(len(name) for names in answering for name in names)
                verdict["prompts"].append(
                    {
                        "name": clip(str(prompt["name"])),
                        "hasDefault": has_default,
                        "varsFiles": answering if room >= 0 else [],
                    }
                )
    for name in ("imports", "prompts"):
        del verdict[name][MAX_NAMES:]
    return verdict


def vars_files_of(item):
    """For each item of vars_files the names of which Ansible takes the first that is there."""
    given = item.get("vars_files")
    rows = [row if isinstance(row, list) else [row] for row in (given if isinstance(given, list) else [given])]
    return [row for row in rows if all(isinstance(name, str) and 0 < len(name) <= MAX_TEXT for name in row)]


class Keywords:
    """Keywords of the Ansible installed here; None if its list cannot be found, and then any word is accepted."""

    plays = None
    imports = None
    # Ansible before 2.19 merges a list of mappings
    takes_list_of_vars = True

    @classmethod
    def load(cls):
        try:
            (folder,) = importlib.util.find_spec("ansible").submodule_search_locations
            with open(os.path.join(folder, "release.py"), encoding="utf-8") as file:
                version = re.search(r"__version__ = '(\d+)\.(\d+)", file.read())
            cls.takes_list_of_vars = version is None or (int(version[1]), int(version[2])) < (2, 19)
            with open(os.path.join(folder, "keyword_desc.yml"), "rb") as file:
                words = frozenset(Loader(file.read()).get_single_data())
        except Exception:
            return
        if {"hosts", "tasks", "vars", "tags"} <= words:
            cls.plays = words - ONLY_TASKS | {"user"}
            cls.imports = words - ONLY_TASKS - ONLY_PLAYS | {"when", *IMPORTS}


def fault_of(item, at, text):
    """What keeps Ansible from loading a play or an import, whatever modules, roles and files there are."""
    key, problem = find_fault(item)
    if problem is None:
        return None
    line, column = place_of(text, at, key) or (None, None)
    return {
        "problem": clip(problem),
        "line": None if line is None else line + 1,
        "position": None if line is None else offset_of(text, line, column),
    }


def find_fault(item):
    """The key that is at fault (None: the play as a whole) and what it is; (None, None): nothing is."""
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
    for key, check in CHECKS.items():
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
        # names beyond ASCII are left to Ansible
        if not isinstance(name, str) or (name.isascii() and not name.isidentifier()) or name in NO_VARIABLES:
            return 'holds "%s", which is no name of a variable' % clip(str(name))
    return None


def check_tags(tags):
    return "is no list of names" if isinstance(tags, (dict, int, float)) else None


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
}


def place_of(text, at, key):
    """0-based line and column of an item or of its key; None where the text is JSON that is no YAML."""
    loader = None
    try:
        loader = Loader(text)
        item = loader.get_single_node().value[at]
        # a key that is merged in stands elsewhere
        keys = [name for name, _ in item.value if name.value == str(key)] if key is not None else []
        mark = (keys or [item])[0].start_mark
        return mark.line, mark.column
    except (yaml.YAMLError, AttributeError, IndexError):
        return None
    finally:
        if loader is not None:
            loader.dispose()


def offset_of(text, line, column):
    """Counted as JavaScript counts, of what libyaml counts: its lines, and characters within them."""
    at = 0
    size = len(text)
    for end in itertools.islice(LINE_END.finditer(text), line):
        at = end.end()
    # libyaml does not count a byte order mark
    if at == 0 and text.startswith("\ufeff"):
        at = 1
    return utf16_length(text[: min(at + column, size)])


def utf16_length(text):
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def clip(text):
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"


def read_exactly(stream, length):
    data = stream.read(length)
    return data if len(data) == length else None


def main():
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # nothing that is built lives long, and looking for cycles among it takes as long as building it
    gc.disable()
    Keywords.load()
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    stdout.write(b'{"kind":"ready"}\n')
    stdout.flush()
    while True:
        header = read_exactly(stdin, 4)
        if header is None:
            return
        content = read_exactly(stdin, struct.unpack(">I", header)[0])
        if content is None:
            return
        used = resource.getrusage(resource.RUSAGE_SELF)
        # the kernel ends the process, also within the parser's C code
        limit = int(used.ru_utime + used.ru_stime) + 1 + CPU_SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        try:
            answer = judge(content)
        except MemoryError:
            answer = {"kind": "heavy"}
        # what is built of a verdict must stay small: the server keeps many
        text = json.dumps(answer)
        if len(text) > MAX_ANSWER:
            text = json.dumps({"kind": "mapping", "names": None} if answer["kind"] == "mapping" else {"kind": "heavy"})
        is_last = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > MAX_KEPT_MEMORY_KB
        stdout.write(b'{"isLast":%s,"verdict":%s}\n' % (b"true" if is_last else b"false", text.encode("ascii")))
        stdout.flush()
        if is_last:
            os._exit(0)
        del content, answer, text
        gc.collect(0)

main()
