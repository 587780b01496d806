"""Names of pods and values of labels: whatever lint accepts, Kubernetes accepts."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from medallion.config.model import Name
from medallion.config.pipeline import Timeouts
from medallion.config.retention import Retention
from medallion.config.sources.postgres import PostgresSettings
from medallion.orchestrators.kubernetes import pod_spec

LABEL = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
TRIES = 300 * int(os.environ.get("MEDALLION_FUZZ", "1"))
NAMES = st.from_regex(r"\A[A-Za-z][A-Za-z0-9_-]{0,62}\Z")
pytestmark = pytest.mark.fuzz


@settings(max_examples=TRIES, deadline=None, print_blob=True)
@given(NAMES, NAMES, st.text(max_size=90), st.sampled_from([None, "acme"]))
def test_every_name_that_lint_accepts_makes_labels_and_a_pod(
    pipeline: str, source: str, commit: str, tenant: str | None
):
    assert TypeAdapter(Name).validate_python(pipeline) == pipeline
    made = pod_spec.labels(pipeline, f"clean.{source}", commit, tenant)
    for value in made.values():
        assert LABEL.fullmatch(value), value
        assert len(value) <= 63
    name = f"{pod_spec.name(pipeline, f'clean.{source}')}-12345678"
    assert SUBDOMAIN.fullmatch(name), name
    assert len(name) <= 63


@settings(max_examples=TRIES, deadline=None, print_blob=True)
@given(st.lists(NAMES, min_size=2, max_size=8, unique=True))
def test_different_names_have_different_labels(names: list[str]):
    assert len({pod_spec.label_value(f"clean.{name}") for name in names}) == len(names)


@pytest.mark.parametrize("text", ["trail_", "a" * 64, "clean." + "s" * 58, "_x", "-", "", "a b", "ä", "x" * 63 + "_"])
def test_a_text_that_is_no_label_becomes_one(text: str):
    value = pod_spec.label_value(text)
    assert LABEL.fullmatch(value)
    assert len(value) <= 63


@pytest.mark.parametrize("text", ["a", "A.b_c-1", "x" * 63, "pipeline_customer_transaction", "clean.transactions"])
def test_a_text_that_is_a_label_stays_as_it_is(text: str):
    assert pod_spec.label_value(text) == text


@pytest.mark.parametrize("name", ["a..b", "a.-b", "a-.b", "-a", "a.", "A", "x" * 254, "a" * 64 + ".b"])
def test_a_secrets_name_that_kubernetes_refuses_is_refused(name: str):
    with pytest.raises(ValidationError):
        PostgresSettings(connector="postgres", table="t", secret=name)


@pytest.mark.parametrize("name", ["crm", "acme.crm", "a-b.c-d.e", "1a"])
def test_a_secrets_name_that_kubernetes_accepts_is_accepted(name: str):
    assert PostgresSettings(connector="postgres", table="t", secret=name).secret == name


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValidationError, match="less than or equal to 2147483647"):
        Timeouts(step_seconds=2**31)
    for key in ("failed_builds_days", "quarantine_days", "ledger_days"):
        with pytest.raises(ValidationError, match="less than or equal to 36500"):
            Retention.model_validate({key: 2_000_000_000})
