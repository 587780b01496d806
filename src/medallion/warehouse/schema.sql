-- Medallion's own tables. Safe to run again; runs under an advisory lock.
create schema if not exists medallion;

-- The truth of every run: one row per step and attempt, written in the transaction that holds its data.
create table if not exists medallion.step_runs (
    id               bigint generated always as identity primary key,
    pipeline         text not null,
    run_id           text not null,
    step             text not null,
    layer            text,
    attempt          integer not null,
    status           text not null check (status in ('succeeded', 'unchanged', 'failed')),
    started_at       timestamptz not null,
    finished_at      timestamptz not null default clock_timestamp(),
    rows_in          bigint,
    rows_loaded      bigint,
    rows_rejected    bigint,
    input_checksum   text,
    commit           text not null,
    platform_version text not null,
    fence            bigint,
    details          jsonb not null default '{}',
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
-- The rows of a run lie next to each other. An entry for each of them would cost as much as the rows.
create index if not exists rejected_rows_of_run on medallion.rejected_rows
    using brin (pipeline, run_id, step, rejected_at);
drop index if exists medallion.rejected_rows_by_run; -- of versions before 11

-- For a replay: the whole records of rejected rows, each once, and the headers of their files. `replayed_by` is the run
-- that loaded the row after all.
create table if not exists medallion.rejected_records (
    pipeline    text not null,
    run_id      text not null,
    step        text not null,
    source      text not null,
    line        bigint not null,
    record      text not null,
    replayed_by text,
    rejected_at timestamptz not null default now()
);
create index if not exists rejected_records_of_run on medallion.rejected_records
    using brin (pipeline, run_id, step, rejected_at);
create index if not exists rejected_records_replayed on medallion.rejected_records (pipeline, run_id, step, source, line)
    where replayed_by is not null;
alter table medallion.rejected_records drop constraint if exists rejected_records_pkey; -- of versions before 11
create table if not exists medallion.rejected_headers (
    pipeline    text not null,
    run_id      text not null,
    step        text not null,
    source      text not null,
    header      text[] not null,
    dialect     jsonb not null,
    rejected_at timestamptz not null default now(),
    primary key (pipeline, run_id, step, source)
);

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

-- Which build each run left readers with: a row per published schema and run, and one per rollback.
create table if not exists medallion.publications (
    id               bigint generated always as identity primary key,
    pipeline         text not null,
    run_id           text not null,
    step             text not null,
    published_schema text not null,
    build_schema     text not null,
    relations        text[] not null,
    published_at     timestamptz not null default clock_timestamp()
);
create index if not exists publications_by_pipeline on medallion.publications (pipeline, run_id);

-- What steps do, stored once for all runs that do the same; `digest` is made of the content.
create table if not exists medallion.specs (
    pipeline text not null,
    digest   text not null,
    content  jsonb not null,
    used_at  timestamptz not null default clock_timestamp(),
    primary key (pipeline, digest)
);

-- The dbt project of a run's commit as an archive, stored once for all runs that have the same files.
create table if not exists medallion.projects (
    digest  text primary key,
    archive bytea not null,
    used_at timestamptz not null default clock_timestamp()
);

-- What dbt made of a project: its partial-parse file, by what the parse depends on.
create table if not exists medallion.parses (
    pipeline text not null,
    key      text not null,
    parse    bytea not null,
    made_at  timestamptz not null default clock_timestamp(),
    primary key (pipeline, key)
);

-- What a run is pinned to: the commit that it began with, and the digest of each of its steps.
create table if not exists medallion.runs (
    pipeline  text not null,
    run_id    text not null,
    commit    text not null,
    plan      jsonb not null,
    pinned_at timestamptz not null default clock_timestamp(),
    primary key (pipeline, run_id)
);

-- Each holder of a lock gets its next number.
create table if not exists medallion.locks (
    name     text primary key,
    fence    bigint not null,
    taken_at timestamptz not null default clock_timestamp()
);

-- First in every transaction that writes: keeps later holders out until it ends, or refuses.
create or replace function medallion.hold_fence(lock_name text, number bigint) returns void language plpgsql as $$
begin
    perform from medallion.locks where name = lock_name and fence = number for share;
    if not found then
        raise exception 'holder % of % lost its lock: a later attempt has it', number, lock_name
            using errcode = 'serialization_failure';
    end if;
end
$$;

-- In every view that readers hold. A transaction that keeps one snapshot, older than a publication, would find the new
-- tables empty, as their rows came after it: it gets an error instead, and begins again.
create or replace function medallion.in_sight(build text, published text) returns boolean
language plpgsql stable parallel safe security definer set search_path = pg_catalog, pg_temp as $$
begin
    if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
        perform from medallion.builds where build_schema = build and published_at is not null;
        if not found then
            raise exception '% was published after this transaction began', published
                using errcode = 'serialization_failure', hint = 'roll back and begin again: the new data is there';
        end if;
    end if;
    return true;
end
$$;

-- What incremental loads have taken, by the build that holds it: a file and its version, or a source and its watermark.
create table if not exists medallion.load_state (
    build_schema text not null references medallion.builds on delete cascade,
    name         text not null,
    version      text not null,
    run_id       text not null,
    loaded_at    timestamptz not null default clock_timestamp(),
    primary key (build_schema, name)
);

-- The files of a source with many: what a run loads, in which pack, and what became of each. A file's row is written in
-- the transaction that holds its rows. `build_schema` is where they are, until the build is published or merged.
create table if not exists medallion.file_loads (
    pipeline      text not null,
    run_id        text not null,
    step          text not null,
    file          text not null,
    build_schema  text not null,
    pack          integer not null,
    version       text,
    bytes         bigint,
    status        text not null default 'waiting' check (status in ('waiting', 'loaded', 'failed')),
    rows_in       bigint,
    rows_loaded   bigint,
    rows_rejected bigint,
    seconds       double precision,
    details       jsonb not null default '{}',
    recorded_at   timestamptz not null default clock_timestamp(),
    primary key (pipeline, run_id, step, file),
    check (rows_in = rows_loaded + rows_rejected)
);

-- Where a schema of another version is found, this file is run again.
comment on schema medallion is 'Medallion ledger 11';
