# Copyright: Sible contributors. MIT License.
"""Determines what a YAML file is to Ansible. Runs under Ansible's own Python, and thus with the PyYAML that Ansible uses.

Reads requests from stdin, each a length (4 bytes, big endian) and that many bytes of a file; answers each with a line of JSON.
Builds plain data only, as Ansible's loader does: nothing is templated, decrypted or executed.
"""

from __future__ import annotations

import copy
import gc
import itertools
import json
import os
import re
import resource
import signal
import struct
import sys

import yaml

from play_faults import IMPORTS, MAX_TEXT, Encrypted, Keywords, clip, find_fault

try:
    from yaml.cyaml import CSafeLoader as _Base
except ImportError:
    from yaml import SafeLoader as _Base
from yaml.constructor import ConstructorError

CPU_SECONDS = 3
MAX_MEMORY = 512 * 1024 * 1024
# Above this the process is replaced: a new one is ready in a tenth of a second.
MAX_KEPT_MEMORY_KB = 100 * 1024
MAX_NAMES = 1000
MAX_ANSWER = 32 * 1024
# Total length of the names of variables files, in characters, over all prompts of a playbook.
MAX_VARS_FILES = 8000
TAG = "tag:yaml.org,2002:"
LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


class Loader(_Base):
    """Accepts what ansible.parsing.yaml.loader.AnsibleLoader does, without recording where each value came from."""

    def untagged(self, node):
        node = copy.copy(node)
        node.tag = self.resolve(type(node), node.value, (True, False))
        return self.construct_object(node, deep=True)

    def vault(self, node):
        if not isinstance(self.untagged(node), str):
            raise ConstructorError(None, None, "the %r tag requires a string value" % node.tag, node.start_mark)
        return Encrypted()


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
        # like Ansible, try JSON before YAML
        data = json.loads(text)
        if "\\ud" in text or "\\uD" in text:
            # a lone surrogate is not valid text: Ansible then reads it as YAML, and reports its position
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
                # a null default is no answer
                has_default = prompt.get("default") is not None
                # Ansible cannot encrypt a missing answer
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
    """The candidates of each item of vars_files; Ansible loads the first that exists."""
    given = item.get("vars_files")
    rows = [row if isinstance(row, list) else [row] for row in (given if isinstance(given, list) else [given])]
    return [row for row in rows if all(isinstance(name, str) and 0 < len(name) <= MAX_TEXT for name in row)]


def fault_of(item, at, text):
    """Why Ansible cannot load a play or an import, regardless of the modules, roles and files present."""
    key, problem = find_fault(item, at == 0)
    if problem is None:
        return None
    line, column = place_of(text, at, key) or (None, None)
    return {
        "problem": clip(problem),
        "line": None if line is None else line + 1,
        "position": None if line is None else offset_of(text, line, column),
    }


def place_of(text, at, key):
    """0-based line and column of an item or of its key; None if the text is JSON but not YAML."""
    loader = None
    try:
        loader = Loader(text)
        item = loader.get_single_node().value[at]
        # a merged key is defined elsewhere
        keys = [name for name, _ in item.value if name.value == str(key)] if key is not None else []
        mark = (keys or [item])[0].start_mark
        return mark.line, mark.column
    except (yaml.YAMLError, AttributeError, IndexError):
        return None
    finally:
        if loader is not None:
            loader.dispose()


def offset_of(text, line, column):
    """Converts a libyaml position (line and character within it) to a JavaScript string offset."""
    at = 0
    size = len(text)
    for end in itertools.islice(LINE_END.finditer(text), line):
        at = end.end()
    # libyaml does not count the byte order mark
    if at == 0 and text.startswith("\ufeff"):
        at = 1
    return utf16_length(text[: min(at + column, size)])


def utf16_length(text):
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def read_exactly(stream, length):
    data = stream.read(length)
    return data if len(data) == length else None


def main():
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # objects are short-lived, and searching them for cycles takes as long as building them
    gc.disable()
    Keywords.load(lambda content: Loader(content).get_single_data())
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
        # the kernel enforces the limit, even inside the parser's C code
        limit = int(used.ru_utime + used.ru_stime) + 1 + CPU_SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        try:
            answer = judge(content)
        except MemoryError:
            answer = {"kind": "heavy"}
        # verdicts must stay small: the server keeps many
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
