{#- Aggregate accuracy: a total of this model against the same total computed from where the data came from. They may
    differ by `tolerance`, an SQL expression over the source. -#}
{% test totals_match(model, column_name, expression, source_model, tolerance=0) %}

with published as (

    select coalesce(sum({{ column_name }}), 0) as total from {{ model }}

),

independent as (

    select
        coalesce({{ expression }}, 0) as total,
        {{ tolerance }} as tolerance
    from {{ source_model }}

)

select
    published.total as published_total,
    independent.total as independent_total
from published
cross join independent
where abs(published.total - independent.total) > independent.tolerance

{% endtest %}
