with

source as (

    select * from {{ source('sales', 'salesreason') }}

),

renamed as (

    select
        -- ids
        salesreasonid as reason_id,

        -- description
        name as reason_name,
        reasontype as reason_type

    from source

)

select * from renamed
