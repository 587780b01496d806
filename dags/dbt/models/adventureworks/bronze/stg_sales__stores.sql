with

source as (

    select * from {{ source('sales', 'store') }}

),

renamed as (

    select
        -- ids
        businessentityid as store_id,
        salespersonid as salesperson_id,

        -- description
        storename as store_name

    from source

)

select * from renamed
