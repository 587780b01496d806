with

source as (

    select * from {{ source('production', 'productcategory') }}

),

renamed as (

    select
        -- ids
        productcategoryid as category_id,

        -- description
        name as category_name

    from source

)

select * from renamed
