"""One table of exit codes, and what follows from it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from medallion import errors
from medallion.cli import app, templates
from medallion.config.retry import RetryConfig
from medallion.errors import ExitCode, StepFailure


def test_every_failure_has_a_code_of_its_own_or_of_its_base():
    kinds = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, StepFailure)]
    assert len(kinds) > 10
    assert {kind.code for kind in kinds} <= {code for code in ExitCode if code not in (0, 137)}


def test_default_of_retry_config_is_the_tables():
    codes = set(RetryConfig().retryable_exit_codes)
    assert codes == {code for code in ExitCode if code.retryable} | {"evicted"}
    assert codes > {75, 137}
    assert not codes & {0, 65, 84}


@pytest.mark.parametrize("template", [templates.PIPELINE, templates.JOB])
def test_template_shows_the_default_and_no_list_of_its_own(template: str):
    assert "# retryable_exit_codes: [{codes}]" in template


def test_run_help_lists_every_code():
    text = " ".join(CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "200"}).output.split())
    assert all(f"{int(code)}: {code.meaning}" in text for code in ExitCode)
