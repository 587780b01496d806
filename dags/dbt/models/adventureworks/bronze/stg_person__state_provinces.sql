with

source as (

    select * from {{ source('person', 'stateprovince') }}

),

renamed as (

    select
        -- ids
        stateprovinceid as state_province_id,
        countryregioncode as country_code,
        territoryid as territory_id,

        -- description
        name as state_province_name

    from source

)

select * from renamed
