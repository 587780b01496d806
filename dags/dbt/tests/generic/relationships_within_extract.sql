{#- Keys that name no row of another model, although that model reaches as far: extracts of two tables need not end at
    the same row, and what points beyond the end of the other one has only not come yet. Keys must grow with time. -#}
{% test relationships_within_extract(model, column_name, to, field) %}

select child.*
from {{ model }} as child
left join {{ to }} as parent on child.{{ column_name }} = parent.{{ field }}
where
    child.{{ column_name }} is not null
    and parent.{{ field }} is null
    and child.{{ column_name }} <= (select max({{ field }}) from {{ to }})

{% endtest %}
