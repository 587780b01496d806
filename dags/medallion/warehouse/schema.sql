-- Medallion's own tables. Safe to run again; runs under an advisory lock.
create schema if not exists medallion;

-- The truth of every run: one row per step and attempt, written in the transaction that holds its data.
create table if not exists medallion.ledger (
    id             bigint generated always as identity primary key,
    pipeline       text not null,
    run_id         text not null,
    step           text not null,
    layer          text,
    attempt        integer not null,
    status         text not null check (status in ('succeeded', 'unchanged', 'failed')),
    started_at     timestamptz not null,
    finished_at    timestamptz not null default clock_timestamp(),
    rows_in        bigint,
    rows_loaded    bigint,
    rows_rejected  bigint,
    input_checksum text,
    code_version   text not null,
    details        jsonb not null default '{}',
    unique (pipeline, run_id, step, attempt),
    check (rows_in = rows_loaded + rows_rejected)
);

-- Quarantine: one row per reason why an input row was not loaded.
create table if not exists medallion.rejected_rows (
    pipeline    text not null,
    run_id      text not null,
    step        text not null,
    source      text not null,
    line        bigint not null,
    column_name text,
    value       text,
    reason      text not null,
    record      text,
    rejected_at timestamptz not null default now()
);
create index if not exists rejected_rows_by_run on medallion.rejected_rows (pipeline, run_id, step);

-- Where each published relation's data lives. The newest published build of a relation is what readers see.
create table if not exists medallion.builds (
    build_schema     text primary key,
    published_schema text not null,
    pipeline         text not null,
    run_id           text not null,
    step             text not null,
    fingerprint      text,
    relations        text[] not null default '{}',
    created_at       timestamptz not null default clock_timestamp(),
    published_at     timestamptz
);
