with

source as (

    select * from {{ source('person', 'address') }}

),

renamed as (

    select
        -- ids
        addressid as address_id,
        stateprovinceid as state_province_id,

        -- description
        city,
        postalcode as postal_code

    from source

)

select * from renamed
