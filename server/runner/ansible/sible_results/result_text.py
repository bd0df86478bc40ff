# Copyright: Sible contributors. MIT License.
"""What Sible keeps of the text of a task's result. Never the task's arguments, and never facts."""

from __future__ import annotations

import difflib
import json

MAX_NAME = 300
MAX_MESSAGE = 1_200
# as the API promises; counted in UTF-8
MAX_DIFF_BYTES = 65_536
# comparing longer texts would hold up the playbook
MAX_COMPARED = 262_144


def clip(text, length, mark="\n"):
    """Cuts out the middle: ssh prints its reason last, Ansible its own first."""
    text = text if isinstance(text, str) else str(text)
    return text if len(text) <= length else text[: length // 2] + mark + text[-(length // 2 - len(mark)) :]


def clip_name(text):
    return clip(text, MAX_NAME, "…")


def text_of(value):
    """A message as a reader expects it: modules also return lists and dictionaries."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def message_of(result):
    """The message of a result that did not fail; None: it has none."""
    return _clipped(result.get("msg"))


def failure_of(result):
    """What a failed result says about why, as fields of a record."""
    if "censored" in result:
        return {"hidden": True}
    # a failed include has `reason` instead of a message
    fields = {"message": _clipped(result.get("msg")) or _clipped(result.get("reason"))}
    code = result.get("rc")
    if isinstance(code, int):
        fields["rc"] = code
    for name, keys in (("stderr", ("stderr", "module_stderr")), ("stdout", ("stdout", "module_stdout"))):
        texts = [_clipped(result.get(key)) for key in keys]
        fields[name] = next((text for text in texts if text), None)
    return {name: value for name, value in fields.items() if value is not None}


def _clipped(value):
    if value is None:
        return None
    return clip(text_of(value), MAX_MESSAGE) or None


def skip_reason_of(result):
    """Why a task was skipped, with the condition that was false; None: unknown."""
    condition = result.get("false_condition")
    reasons = (result.get(key) for key in ("skip_reason", "skipped_reason", "msg"))
    reason = next((text for text in map(_clipped, reasons) if text), None)
    if condition is None:
        return reason
    return clip("%s: %s" % (reason or "Conditional result was False", text_of(condition)), MAX_MESSAGE)


def is_unchecked(result):
    """Whether a task was skipped because check mode cannot tell what it would do (2.14 to 2.21 say it in these words)."""
    return "check mode" in str(result.get("msg", ""))


def diff_of(result):
    """The unified diff of a result, cut at MAX_DIFF_BYTES; "" when it has none."""
    found = result.get("diff")
    parts = found if isinstance(found, (list, tuple)) else [found]
    text = "".join(_part_of(part) for part in parts if isinstance(part, dict))
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= MAX_DIFF_BYTES:
        return text
    note = "\n[Sible: the diff is cut here; it has %d bytes]\n" % len(encoded)
    return encoded[: MAX_DIFF_BYTES - len(note)].decode("utf-8", "ignore") + note


def _part_of(part):
    text = "".join(
        "%s\n" % note
        for key, note in (
            ("dst_binary", "diff skipped: destination file appears to be binary"),
            ("src_binary", "diff skipped: source file appears to be binary"),
            ("dst_larger", "diff skipped: destination file is too large"),
            ("src_larger", "diff skipped: source file is too large"),
        )
        if part.get(key)
    )
    if "before" in part and "after" in part:
        before, after = _lines_of(part["before"]), _lines_of(part["after"])
        text += _unified(before, after, part)
    if part.get("prepared"):
        text += text_of(part["prepared"]) + "\n"
    return text


def _lines_of(value):
    if isinstance(value, (dict, list, tuple)):
        value = json.dumps(value, sort_keys=True, indent=4, ensure_ascii=False, default=str)
    # splitlines would also split at the form feeds and separators within a line
    lines = ("" if value is None else str(value)).split("\n")
    ends = [line + "\n" for line in lines[:-1]]
    return ends + ([lines[-1] + "\n"] if lines[-1] else [])


def _unified(before, after, part):
    if sum(map(len, before)) + sum(map(len, after)) > MAX_COMPARED:
        return "diff skipped: the text is too large\n"
    names = [_name_of(side, part.get(side + "_header")) for side in ("before", "after")]
    return "".join(difflib.unified_diff(before, after, *names, n=3))


def _name_of(side, header):
    return "%s: %s" % (side, text_of(header)) if header else side
