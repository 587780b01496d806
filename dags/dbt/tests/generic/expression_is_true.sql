{#- Rows for which an SQL condition is not true. On a column, the condition names the column itself. -#}
{% test expression_is_true(model, expression, column_name=none) %}

select *
from {{ model }}
where ({{ expression }}) is not true

{% endtest %}
