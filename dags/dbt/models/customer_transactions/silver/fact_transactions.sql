with

transactions as (

    select * from {{ ref('stg_customer_transactions') }}

),

customers as (

    select customer_id from {{ ref('dim_customers') }}

),

products as (

    select product_id from {{ ref('dim_products') }}

),

joined as (

    select
        -- ids
        transactions.transaction_id,
        customers.customer_id,
        products.product_id,

        -- amounts
        transactions.quantity,
        transactions.unit_price,
        transactions.tax_amount,
        transactions.total_amount,

        -- circumstances
        transactions.discount_applied,
        coalesce(transactions.payment_method, 'Unknown') as payment_method,
        coalesce(transactions.location, 'Unknown') as location,

        -- dates
        transactions.transaction_date,
        date_trunc('month', transactions.transaction_date)::date as transaction_month

    from transactions
    left join customers on transactions.customer_id = customers.customer_id
    left join products on coalesce(transactions.product_id, 'UNKNOWN') = products.product_id

)

select * from joined
