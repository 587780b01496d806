with

transactions as (

    select * from {{ ref('fact_transactions') }}

),

monthly as (

    select
        -- grain
        transaction_month as sales_month,

        -- counts
        count(*) as transaction_count,
        count(distinct customer_id) as customer_count,
        sum(quantity) as total_quantity,

        -- amounts
        sum(total_amount) as total_sales,
        round(avg(total_amount), 2) as average_sale

    from transactions
    group by transaction_month

)

select * from monthly
