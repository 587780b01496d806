with

reasons as (

    select * from {{ ref('stg_sales__reasons') }}

),

members as (

    select
        reason_id,
        reason_name,
        reason_type
    from reasons
    union all
    -- orders for which the customer named none
    select
        0 as reason_id,
        'No reason given' as reason_name,
        'None' as reason_type

)

select * from members
