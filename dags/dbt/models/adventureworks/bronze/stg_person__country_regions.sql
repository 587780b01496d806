with

source as (

    select * from {{ source('person', 'countryregion') }}

),

renamed as (

    select
        -- ids
        countryregioncode as country_code,

        -- description
        name as country_name

    from source

)

select * from renamed
