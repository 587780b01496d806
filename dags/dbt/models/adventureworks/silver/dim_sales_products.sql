with

products as (

    select * from {{ ref('stg_production__products') }}

),

subcategories as (

    select * from {{ ref('stg_production__product_subcategories') }}

),

categories as (

    select * from {{ ref('stg_production__product_categories') }}

),

joined as (

    select
        -- ids
        products.product_id,
        products.product_number,

        -- description
        products.product_name,
        coalesce(subcategories.subcategory_name, 'Uncategorised') as subcategory_name,
        coalesce(categories.category_name, 'Uncategorised') as category_name,
        coalesce(products.color, 'None') as color,
        case products.product_line_code
            when 'R' then 'Road'
            when 'M' then 'Mountain'
            when 'T' then 'Touring'
            when 'S' then 'Standard'
            else 'None'
        end as product_line,

        -- amounts
        products.standard_cost,
        products.list_price,

        -- circumstances
        products.is_for_sale,
        products.sell_start_date

    from products
    left join subcategories on products.subcategory_id = subcategories.subcategory_id
    left join categories on subcategories.category_id = categories.category_id

)

select * from joined
