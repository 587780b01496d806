with

transactions as (

    select * from {{ ref('stg_customer_transactions') }}

),

described as (

    select
        coalesce(product_id, 'UNKNOWN') as product_id,
        product_name,
        category,
        transaction_date,
        transaction_id
    from transactions

),

latest as (

    -- a product is named as it was when it last sold with a name; ids break ties, so every run agrees
    select
        product_id,
        (
            array_agg(product_name order by transaction_date desc, transaction_id asc)
            filter (where product_name is not null)
        )[1
        ] as product_name,
        (
            array_agg(category order by transaction_date desc, transaction_id asc)
            filter (where category is not null)
        )[1
        ] as category
    from described
    group by product_id

)

select
    -- ids
    product_id,

    -- description
    case when product_id = 'UNKNOWN' then 'Unknown product' else coalesce(product_name, product_id) end as product_name,
    case when product_id = 'UNKNOWN' then 'Unknown' else coalesce(category, 'Unknown') end as category
from latest
