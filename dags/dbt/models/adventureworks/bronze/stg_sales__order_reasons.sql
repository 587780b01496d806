with

source as (

    select * from {{ source('sales', 'salesorderheadersalesreason') }}

),

renamed as (

    select
        -- ids
        salesorderid || '/' || salesreasonid as order_reason_id,
        salesorderid as order_id,
        salesreasonid as reason_id

    from source

)

select * from renamed
