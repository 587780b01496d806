with

order_reasons as (

    select * from {{ ref('bridge_sales_order_reasons') }}

),

reasons as (

    select * from {{ ref('dim_sales_reasons') }}

),

summed as (

    select
        -- grain
        reasons.reason_id,
        reasons.reason_name,
        reasons.reason_type,

        -- counts
        count(order_reasons.order_id) as order_count,

        -- amounts
        coalesce(sum(order_reasons.net_amount), 0) as sales_of_orders,
        coalesce(sum(order_reasons.allocated_amount), 0) as allocated_sales

    from reasons
    left join order_reasons on reasons.reason_id = order_reasons.reason_id
    group by reasons.reason_id, reasons.reason_name, reasons.reason_type

)

select * from summed
