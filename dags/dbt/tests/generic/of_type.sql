{#- Rows whose value is not of a Postgres type: one of them is enough to know that the whole column is not. -#}
{% test of_type(model, column_name, type) %}

select {{ column_name }}, pg_typeof({{ column_name }})::text as found_type
from {{ model }}
where pg_typeof({{ column_name }})::text <> '{{ type }}'

{% endtest %}
