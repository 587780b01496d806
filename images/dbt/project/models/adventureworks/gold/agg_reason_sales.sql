with

order_reasons as (

    select * from {{ ref('bridge_sales_order_reasons') }}

),

reasons as (

    select * from {{ ref('dim_sales_reasons') }}

),

orders as (

    select * from {{ ref('fact_sales_orders') }}

),

summed as (

    select
        -- grain
        reasons.reason_id,
        reasons.reason_name,
        reasons.reason_type,

        -- counts
        count(orders.order_id) as order_count,

        -- amounts
        coalesce(sum(orders.net_amount), 0) as sales_of_orders,
        coalesce(sum(order_reasons.allocated_amount), 0) as allocated_sales

    from reasons
    left join order_reasons on reasons.reason_id = order_reasons.reason_id
    left join orders on order_reasons.order_id = orders.order_id
    group by reasons.reason_id, reasons.reason_name, reasons.reason_type

)

select * from summed
