with

transactions as (

    select * from {{ ref('stg_customer_transactions') }}

),

summarised as (

    select
        -- ids
        customer_id,

        -- history
        min(transaction_date) as first_transaction_date,
        max(transaction_date) as last_transaction_date,
        count(*) as transaction_count

    from transactions
    group by customer_id

)

select * from summarised
