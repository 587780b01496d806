with

source as (

    select * from {{ source('production', 'productsubcategory') }}

),

renamed as (

    select
        -- ids
        productsubcategoryid as subcategory_id,
        productcategoryid as category_id,

        -- description
        name as subcategory_name

    from source

)

select * from renamed
