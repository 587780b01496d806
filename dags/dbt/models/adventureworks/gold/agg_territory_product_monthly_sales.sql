with

order_lines as (

    select * from {{ ref('fact_sales_order_lines') }}

),

territories as (

    select * from {{ ref('dim_sales_territories') }}

),

products as (

    select * from {{ ref('dim_sales_products') }}

),

summed as (

    select
        -- grain
        territory_id,
        product_id,
        order_month,

        -- counts
        count(distinct order_id) as order_count,
        count(distinct customer_id) as customer_count,
        sum(quantity) as quantity,

        -- amounts
        sum(gross_amount) as gross_sales,
        sum(discount_amount) as discounts,
        sum(net_amount) as net_sales,
        sum(net_amount - cost_amount) as margin

    from order_lines
    group by territory_id, product_id, order_month

)

select
    -- grain
    summed.territory_id || '/' || summed.product_id || '/' || to_char(summed.order_month, 'YYYY-MM') as sales_id,
    summed.territory_id,
    summed.product_id,
    summed.order_month,

    -- description
    territories.territory_name,
    territories.country_name,
    products.product_name,
    products.subcategory_name,
    products.category_name,

    -- counts
    summed.order_count,
    summed.customer_count,
    summed.quantity,

    -- amounts
    summed.gross_sales,
    summed.discounts,
    summed.net_sales,
    summed.margin
from summed
inner join territories on summed.territory_id = territories.territory_id
inner join products on summed.product_id = products.product_id
