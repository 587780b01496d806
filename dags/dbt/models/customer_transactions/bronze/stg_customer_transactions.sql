with

source as (

    select * from {{ source('cleaned_data', 'customer_transactions') }}

),

renamed as (

    select
        -- ids
        transaction_id,
        customer_id,
        product_id,

        -- product
        product_name,
        category,

        -- amounts
        quantity,
        unit_price,
        tax_amount,
        total_amount,

        -- circumstances
        payment_method,
        location,
        discount_applied,

        -- dates
        transaction_date,

        -- lineage: the line of the source file
        _line as source_line

    from source

)

select * from renamed
