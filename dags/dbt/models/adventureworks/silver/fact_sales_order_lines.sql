with

order_lines as (

    select * from {{ ref('stg_sales__order_lines') }}

),

orders as (

    select * from {{ ref('stg_sales__orders') }}

),

products as (

    select * from {{ ref('dim_sales_products') }}

),

joined as (

    -- lines whose order has not come yet wait for it
    select
        order_lines.*,
        orders.customer_id,
        orders.territory_id,
        orders.order_date,
        order_lines.quantity * order_lines.unit_price as gross_amount,
        order_lines.quantity * products.standard_cost as cost_amount
    from order_lines
    inner join orders on order_lines.order_id = orders.order_id
    inner join products on order_lines.product_id = products.product_id

)

select
    -- ids
    order_line_id,
    order_id,
    customer_id,
    product_id,
    territory_id,

    -- amounts
    quantity,
    unit_price,
    discount_share,
    gross_amount,
    gross_amount * discount_share as discount_amount,
    gross_amount * (1 - discount_share) as net_amount,
    cost_amount,

    -- dates
    order_date,
    date_trunc('month', order_date)::date as order_month
from joined
