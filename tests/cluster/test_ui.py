"""The Airflow UI in a real browser: a person logs in and sees the finished run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as seen
from selenium.webdriver.support.ui import WebDriverWait

from cluster import Cluster

DAG = "pipeline_customer_transaction"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    driver = shutil.which("chromedriver")
    if driver is None:
        message = "no chromedriver: install Debian's chromium and chromium-driver"
        (pytest.fail if os.environ.get("MEDALLION_CLUSTER_TESTS") == "required" else pytest.skip)(message)
    options = webdriver.ChromeOptions()
    for flag in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--window-size=1440,900", f"--user-data-dir={tmp_path}",
    ):  # fmt: skip
        options.add_argument(flag)
    with webdriver.Chrome(options, webdriver.ChromeService(driver)) as chrome:
        yield chrome


def test_ui_shows_every_task_of_the_run_in_green(browser: webdriver.Chrome, cluster: Cluster, transactions_run: str):
    login = cluster.secret("medallion-ui")
    wait = WebDriverWait(browser, 60)
    with cluster.ui() as base:
        browser.get(f"{base}/dags/{DAG}/runs/{transactions_run}")
        wait.until(seen.visibility_of_element_located((By.NAME, "username"))).send_keys(login["username"])
        browser.find_element(By.NAME, "password").send_keys(login["password"])
        browser.find_element(By.CSS_SELECTOR, "[type=submit]").click()
        for words in ("Clean-Transactions", "Load-To-Postgres", "DBT-Transformations"):
            wait.until(seen.visibility_of_element_located((By.XPATH, f"//*[contains(text(), '{words}')]")))
        if target := os.environ.get("MEDALLION_SCREENSHOT"):
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            browser.save_screenshot(target)
