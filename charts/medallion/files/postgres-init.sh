#!/bin/sh
# Runs once, on an empty data volume: a database and a role each for Airflow and for the warehouse.
set -eu
psql -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\getenv airflow_password AIRFLOW_PASSWORD
\getenv warehouse_password WAREHOUSE_PASSWORD
create role airflow login password :'airflow_password';
create role warehouse login password :'warehouse_password';
create database airflow owner airflow;
create database warehouse owner warehouse;
revoke connect, temporary on database postgres, airflow, warehouse from public;

-- Analysts: `create role ana login in role reader`. They see published schemas only, not builds or quarantine.
create role reader nologin;
grant connect on database warehouse to reader;
\connect warehouse
create schema cleaned_data authorization warehouse;
create schema gold authorization warehouse;
grant usage on schema cleaned_data, gold to reader;
alter default privileges for role warehouse in schema cleaned_data grant select on tables to reader;
alter default privileges for role warehouse in schema gold grant select on tables to reader;
SQL
