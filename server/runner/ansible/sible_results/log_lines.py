# Copyright: Sible contributors. MIT License.
"""Numbers the lines of a run's log as Sible does."""

from __future__ import annotations

import os
import stat
import sys

PIECE_BYTES = 1_048_576
# Sible splits a longer line
MAX_LINE_BYTES = 65_536


class LogLines:
    """Counts the lines that were printed so far. The log is a regular file, which is the standard output."""

    def __init__(self):
        self._at = 0
        self._lines = 0
        # bytes of the last line, which has no newline yet
        self._open = 0
        self._fd = None
        try:
            if stat.S_ISREG(os.fstat(1).st_mode):
                self._fd = os.open("/proc/self/fd/1", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            pass

    def last(self):
        """The number of the last line that was printed; None: unknown, or none was."""
        if self._fd is None:
            return None
        try:
            sys.stdout.flush()
            size = os.fstat(self._fd).st_size
            while self._at < size:
                piece = os.pread(self._fd, min(PIECE_BYTES, size - self._at), self._at)
                if not piece:
                    break
                self._at += len(piece)
                self._count(piece)
            if size < self._at:
                raise OSError("the file was truncated")
        except (OSError, ValueError):
            os.close(self._fd)
            self._fd = None
            return None
        return (self._lines + self._parts_of(self._open)) or None

    def _count(self, piece):
        first = piece.find(b"\n")
        if first == -1:
            self._open += len(piece)
            return
        self._lines += max(1, self._parts_of(self._open + first))
        start = first + 1
        # no line that ends within this many bytes is split, so they need only be counted
        while start < len(piece):
            last = piece.rfind(b"\n", start, start + MAX_LINE_BYTES + 1)
            if last != -1:
                self._lines += piece.count(b"\n", start, last + 1)
            else:
                last = piece.find(b"\n", start + MAX_LINE_BYTES)
                if last == -1:
                    break
                self._lines += self._parts_of(last - start)
            start = last + 1
        self._open = len(piece) - start

    @staticmethod
    def _parts_of(length):
        return -(-length // MAX_LINE_BYTES)
