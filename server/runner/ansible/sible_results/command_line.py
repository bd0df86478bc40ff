# Copyright: Sible contributors. MIT License.
"""The command line as it may be shown."""

from __future__ import annotations

from .result_text import clip

MAX_WORDS = 100
MAX_WORD = 200
HIDDEN = "…"
VARIABLES = ("-e", "--extra-vars")


def shown(words):
    """Names of files stay, the values of variables do not: they may be secrets. Sible itself passes them in files."""
    result = []
    follows = False
    for word in words[:MAX_WORDS]:
        if follows:
            result.append(word if word.startswith("@") else HIDDEN)
            follows = False
        elif word in VARIABLES:
            result.append(word)
            follows = True
        else:
            result.append(_without_value(word))
    return [clip(word, MAX_WORD, "…") for word in result]


def _without_value(word):
    for option in ("--extra-vars=", "-e"):
        if word.startswith(option) and not word.startswith(option + "@"):
            return option + HIDDEN
    return word
