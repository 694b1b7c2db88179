"""Child processes that do not start as they should."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests.runner.service_process import ServiceError, ServiceProcess


def test_a_service_that_does_not_start_says_where_to_look(tmp_path: Path) -> None:
    service = ServiceProcess("sender", "no_such_module_anywhere", [], tmp_path)
    service.start({})
    with pytest.raises(ServiceError, match=r"(?s)sender ended with code 1 .*sender\.log.*No module named"):
        service.wait_ready()
    service.stop()


def test_a_service_without_a_ready_line_is_not_ready(tmp_path: Path) -> None:
    service = ServiceProcess("zen", "this", [], tmp_path)
    service.start({})
    with pytest.raises(ServiceError, match="did not print a valid ready line"):
        service.wait_ready()
    service.stop()
