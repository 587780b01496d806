with

orders as (

    select * from {{ ref('fact_sales_orders') }}

),

customers as (

    select * from {{ ref('dim_sales_customers') }}

),

summed as (

    select
        -- grain
        customer_id,

        -- history
        min(order_date) as first_order_date,
        max(order_date) as last_order_date,
        count(*) as order_count,

        -- amounts
        sum(net_amount) as lifetime_value,
        round(avg(net_amount), 2) as average_order_value

    from orders
    group by customer_id

)

select
    -- grain
    summed.customer_id,

    -- description
    customers.customer_name,
    customers.customer_type,
    customers.territory_id,

    -- history
    summed.first_order_date,
    summed.last_order_date,
    summed.order_count,

    -- amounts
    summed.lifetime_value,
    summed.average_order_value,

    -- rank: ids break ties, so every run agrees
    row_number() over (order by summed.lifetime_value desc, summed.customer_id asc) as value_rank,
    ntile(10) over (order by summed.lifetime_value desc, summed.customer_id asc) as value_decile
from summed
inner join customers on summed.customer_id = customers.customer_id
