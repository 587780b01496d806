{#- Whether taking in a delta would change a table. "No" is certain; "yes" may be for nothing. -#}
{% macro medallion_changes(delta, existing) %}
    {%- set old_columns = adapter.get_columns_in_relation(existing) -%}
    {%- set new_columns = adapter.get_columns_in_relation(delta) -%}
    {%- set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') -%}

    {%- set gone = diff_columns(old_columns, new_columns) -%}

    {#- dbt adds, drops or refuses columns, whether or not there are rows. -#}
    {%- if on_schema_change == 'ignore' -%}
        {%- set other_columns = gone -%}
    {%- elif on_schema_change == 'append_new_columns' -%}
        {%- set other_columns = diff_columns(new_columns, old_columns) -%}
    {%- else -%}
        {%- set other_columns = check_for_schema_changes(delta, existing)['schema_changed'] -%}
    {%- endif -%}
    {%- if other_columns -%}
        {{ return(true) }}
    {%- endif -%}
    {%- if not run_query('select exists (select from ' ~ delta ~ ')')[0][0] -%}
        {{ return(false) }}
    {%- endif -%}

    {#- By key, rows replace the ones that they are equal to: those of a look back mostly do. -#}
    {%- set keys = config.get('unique_key') -%}
    {%- set narrowed = config.get('predicates', none) or config.get('incremental_predicates', none) -%}
    {%- if not keys or narrowed or gone or config.get('incremental_strategy') == 'append' -%}
        {{ return(true) }}
    {%- endif -%}
    {%- set keys = keys if keys is string else keys | join(', ') -%}
    {%- set columns = get_quoted_csv(old_columns | map(attribute='name')) -%}
    {#- Compared as text, which every type has; equal text is an equal value. -#}
    {%- set fresh = 'select (row.*)::text from (select ' ~ columns ~ ' from ' ~ delta ~ ') as row' -%}
    {%- set known = 'select (row.*)::text from (select ' ~ columns ~ ' from ' ~ existing ~ ' where (' ~ keys
        ~ ') in (select ' ~ keys ~ ' from ' ~ delta ~ ')) as row' -%}
    {%- set differences -%}
        with fresh as materialized ({{ fresh }}), known as materialized ({{ known }})
        select exists (select * from fresh except all select * from known)
            or exists (select * from known except all select * from fresh)
    {%- endset -%}
    {{ return(run_query(differences)[0][0]) }}
{% endmacro %}
