with

dates as (

    select * from {{ ref('stg_calendar__dates') }}

)

select
    -- grain
    date_day,

    -- parts
    date_trunc('month', date_day)::date as month_start,
    to_char(date_day, 'YYYY-"Q"Q') as quarter_name,
    extract(year from date_day)::int as calendar_year,
    day_of_week_name,
    day_of_week >= 6 as is_weekend
from dates
