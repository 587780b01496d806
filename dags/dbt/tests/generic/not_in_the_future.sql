{#- Rows whose date has not come yet. A day's grace covers the time zones ahead of the database's. -#}
{% test not_in_the_future(model, column_name) %}

select *
from {{ model }}
where {{ column_name }} > current_date + 1

{% endtest %}
