with

source as (

    select * from {{ source('sales', 'salesorderdetail') }}

),

renamed as (

    select
        -- ids
        salesorderdetailid as order_line_id,
        salesorderid as order_id,
        productid as product_id,
        specialofferid as special_offer_id,

        -- amounts
        orderqty as quantity,
        unitprice as unit_price,
        unitpricediscount as discount_share

    from source

)

select * from renamed
