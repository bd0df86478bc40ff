# Copyright: Sible contributors. MIT License.
"""What our callback plugin records of plays, tasks and results. In a folder of its own: Ansible takes every file beside a callback plugin for another one."""
