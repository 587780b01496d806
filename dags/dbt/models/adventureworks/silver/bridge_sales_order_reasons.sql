with

orders as (

    select * from {{ ref('fact_sales_orders') }}

),

order_reasons as (

    select * from {{ ref('stg_sales__order_reasons') }}

),

named as (

    select
        orders.order_id,
        coalesce(order_reasons.reason_id, 0) as reason_id,
        orders.net_amount,
        row_number() over (partition by orders.order_id order by order_reasons.reason_id) as reason_rank,
        count(*) over (partition by orders.order_id) as reason_count
    from orders
    left join order_reasons on orders.order_id = order_reasons.order_id

)

select
    -- ids
    order_id || '/' || reason_id as order_reason_id,
    order_id,
    reason_id,

    -- amounts: equal parts to the hundredth of a cent; the first reason takes what rounding leaves
    reason_count,
    net_amount,
    case
        when reason_rank > 1 then round(net_amount / reason_count, 4)
        else net_amount - (reason_count - 1) * round(net_amount / reason_count, 4)
    end as allocated_amount
from named
