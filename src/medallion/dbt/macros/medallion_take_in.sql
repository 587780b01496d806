{#- Computes an incremental model's rows on the view that stands in for its table. If they change nothing the view stays
    and the answer is `none`. Else the view becomes a copy of the table, and the answer is the SQL that dbt's own
    materialization, which goes on from here, is to take for the model's. -#}
{% macro medallion_take_in(sql) %}
    {%- set stand_in = load_cached_relation(this) -%}
    {%- set delta = make_temp_relation(this, '__medallion_delta') -%}

    -- `BEGIN` happens here:
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- do run_query(get_create_table_as_sql(True, delta, sql)) -%}

    {%- if not medallion_changes(delta, stand_in) -%}
        {%- do store_raw_result('main', message='UNCHANGED', code='UNCHANGED', rows_affected=0) -%}
        {%- do apply_grants(stand_in, config.get('grants'), should_revoke=False) -%}
        {%- do persist_docs(stand_in, model) -%}
        {%- do adapter.commit() -%}
        {{ return(none) }}
    {%- endif -%}

    {%- do adapter.drop_relation(stand_in) -%}
    {%- do run_query(config.get('medallion_copy')) -%}
    {%- do adapter.cache_added(this.incorporate(type='table')) -%}
    {{ return('select * from ' ~ delta) }}
{% endmacro %}
