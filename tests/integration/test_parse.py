"""How often dbt parses: once per content. And whose parse a step gets."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("dbt.cli.main")

from medallion.config.dbt import DbtSettings
from medallion.dbt.checkout import Checkout
from medallion.dbt.manifest import FolderStore, Store, load_manifest
from medallion.errors import Misconfigured, ModelFailed
from medallion.warehouse import ledger
from medallion.warehouse.connection import Connection
from medallion.warehouse.projects import Parses

PROJECT = {
    "dbt_project.yml": "name: shop\nprofile: of_the_shop\nvars: {least: 1}\n",
    "models/raw.sql": "select 1 as id, '{{ target.name }}' as target, '{{ target.schema }}' as target_schema",
    "models/orders.sql": "select id, {{ var('least') }} as least from {{ ref('raw') }}",
    "models/late.sql": "select '{{ env_var('REGION', 'nowhere') }}' as region from {{ ref('orders') }}",
    "models/models.yml": "models: [{name: orders, columns: [{name: id, data_tests: [unique]}]}]\n",
    "seeds/colours.csv": "id,name\n1,red\n",
    "README.md": "Read me.\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in PROJECT.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "shop"


@pytest.fixture(params=["a folder", "the warehouse"])
def store(request: pytest.FixtureRequest, project: Path, tmp_path: Path, warehouse: Connection) -> Store:
    if request.param == "a folder":
        return FolderStore(Checkout(project), tmp_path / "parses")
    ledger.ensure(warehouse)
    return Parses(warehouse, "shop")


@pytest.fixture
def parsed(project: Path, store: Store) -> Callable[..., int]:
    """Loads the project's manifest under some settings; returns how many files dbt parsed."""
    return lambda **settings: load_manifest(Checkout(project, DbtSettings(**settings)), store).files


def test_an_unchanged_project_is_parsed_once(parsed: Callable[..., int], project: Path):
    assert parsed() > len(PROJECT)  # and dbt's own macros
    assert parsed() == 0
    for path in project.rglob("*.*"):
        path.touch()
    (project / "target").mkdir()
    (project / "target" / "compiled.sql").write_text("select 1")
    assert parsed() == 0


def test_a_changed_model_is_parsed_alone(parsed: Callable[..., int], project: Path):
    parsed()
    (project / "models" / "raw.sql").write_text("select 2 as id")
    assert parsed() == 1
    assert parsed() == 0
    (project / "README.md").write_text("Read this too.")
    assert parsed() == 0


def test_other_settings_parse_the_whole_project(project: Path, tmp_path: Path):
    def parsed(**settings: Any) -> int:
        return load_manifest(Checkout(project, DbtSettings(**settings)), store).files

    store = FolderStore(Checkout(project), tmp_path / "parses")
    whole = parsed()
    others: list[dict[str, Any]] = [{"target": "prod"}, {"target_schema": "other"}, {"vars": {"least": 2}}]
    for settings in others:
        assert parsed(**settings) == whole
        assert parsed(**settings) == 0
    assert parsed() == 0


def test_changed_variable_reparses_what_reads_it(parsed: Callable[..., int], monkeypatch: pytest.MonkeyPatch):
    parsed()
    monkeypatch.setenv("REGION", "here")
    assert 1 <= parsed() <= len(PROJECT)


def test_models_see_the_settings_of_the_pipeline(project: Path, store: Store):
    settings = DbtSettings(target="prod", target_schema="shop_prod", vars={"least": 7})
    manifest = load_manifest(Checkout(project, settings), store).manifest
    assert {node.schema for node in manifest.nodes.values() if node.resource_type == "model"} == {"shop_prod"}
    assert manifest.metadata.project_name == "shop"


def test_a_copy_elsewhere_parses_nothing_and_finds_its_own_seeds(project: Path, store: Store, tmp_path: Path):
    load_manifest(Checkout(project), store)
    copy = shutil.copytree(project, tmp_path / "copy" / "of" / "it")
    shutil.rmtree(project)
    parsed = load_manifest(Checkout(copy), store)
    assert parsed.files == 0
    assert parsed.manifest.nodes["seed.shop.colours"].root_path == str(copy)


def test_two_projects_of_one_name_share_nothing(project: Path, tmp_path: Path, warehouse: Connection):
    other = shutil.copytree(project, tmp_path / "other")
    (other / "models" / "orders.sql").write_text("select 1 as id")
    ledger.ensure(warehouse)
    whole = load_manifest(Checkout(project), Parses(warehouse, "shop")).files
    assert load_manifest(Checkout(other), Parses(warehouse, "other")).files == whole
    folder = tmp_path / "parses"
    whole = load_manifest(Checkout(project), FolderStore(Checkout(project), folder)).files
    assert load_manifest(Checkout(other), FolderStore(Checkout(other), folder)).files == whole


def test_only_the_last_parses_are_kept(project: Path, store: Store):
    for number in range(12):
        store.put(f"key{number}", f"parse {number}".encode())
    assert [store.get(f"key{number}") is not None for number in range(12)] == [False] * 4 + [True] * 8
    assert store.latest() == b"parse 11"


def test_a_project_that_does_not_parse_gives_dbts_own_message(project: Path, store: Store):
    (project / "models" / "raw.sql").write_text("select * from {{ ref('nowhere') }}")
    with pytest.raises(ModelFailed, match=r"does not parse.*(\n.*)*nowhere"):
        load_manifest(Checkout(project), store)
    (project / "dbt_project.yml").unlink()
    with pytest.raises(Misconfigured, match="no dbt project in"):
        load_manifest(Checkout(project), store)
