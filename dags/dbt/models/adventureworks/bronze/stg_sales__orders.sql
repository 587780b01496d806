with

source as (

    select * from {{ source('sales', 'salesorderheader') }}

),

renamed as (

    select
        -- ids
        salesorderid as order_id,
        customerid as customer_id,
        salespersonid as salesperson_id,
        territoryid as territory_id,
        shiptoaddressid as ship_to_address_id,
        creditcardid as credit_card_id,

        -- amounts
        subtotal,
        taxamt as tax_amount,
        freight,
        totaldue as total_due,

        -- circumstances
        status as status_code,
        onlineorderflag as is_online,

        -- dates
        orderdate::date as order_date,
        duedate::date as due_date,
        shipdate::date as ship_date

    from source

)

select * from renamed
