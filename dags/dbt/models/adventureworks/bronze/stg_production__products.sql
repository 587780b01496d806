with

source as (

    select * from {{ source('production', 'product') }}

),

renamed as (

    select
        -- ids
        productid as product_id,
        productsubcategoryid as subcategory_id,

        -- description
        name as product_name,
        productnumber as product_number,
        color,
        productline as product_line_code,
        class as class_code,

        -- amounts
        standardcost as standard_cost,
        listprice as list_price,

        -- circumstances
        finishedgoodsflag as is_for_sale,
        makeflag as is_made_in_house,

        -- dates
        sellstartdate::date as sell_start_date

    from source

)

select * from renamed
