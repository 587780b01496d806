with

transactions as (

    select * from {{ ref('fact_transactions') }}

),

products as (

    select * from {{ ref('dim_products') }}

),

summed as (

    select
        -- grain
        products.product_id,
        products.product_name,
        products.category,

        -- counts
        count(*) as transaction_count,
        sum(transactions.quantity) as total_quantity,

        -- amounts
        sum(transactions.total_amount) as total_sales

    from transactions
    inner join products on transactions.product_id = products.product_id
    group by products.product_id, products.product_name, products.category

)

select * from summed
